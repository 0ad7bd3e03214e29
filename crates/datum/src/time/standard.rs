//! Dates and times as SQL/JSON's `.datetime()` reads them: by a template that the text has to follow to the letter, and
//! that tells the type as well.
//!
//! The template language is that of `to_timestamp`, with `FX` always on and only some characters as separators.

use std::sync::LazyLock;

use super::calendar;
use super::from_char::{self, Read};
use super::template::{self, Id, Node};
use super::{TimeTz, io};
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::sqlstate;

pub struct Template {
    nodes: Vec<Node>,
    dated: bool,
    timed: bool,
    zoned: bool,
}

/// What is tried without a template, in this order: ISO 8601.
const ISO: [&str; 9] = [
    "yyyy-mm-dd",
    "HH24:MI:SS.USTZH:TZM",
    "HH24:MI:SS.USTZH",
    "HH24:MI:SSTZH:TZM",
    "HH24:MI:SSTZH",
    "HH24:MI:SS.US",
    "HH24:MI:SS",
    "yyyy-mm-dd ",
    "yyyy-mm-dd\"T\"",
];

static ISO_TEMPLATES: LazyLock<Vec<Template>> = LazyLock::new(|| {
    let (times, dates) = ISO[1..].split_at(6);
    let moments = dates.iter().flat_map(|date| times.iter().map(move |time| format!("{date}{time}")));
    let all = ISO[..7].iter().map(|text| (*text).to_owned()).chain(moments);
    all.map(|text| Template::parse(&text).expect("these are right")).collect()
});

/// In one of the forms of ISO 8601; the value, and how far east of UTC its zone is.
pub fn read(text: &str) -> Option<(Datum, i32)> {
    ISO_TEMPLATES.iter().find_map(|template| template.read(text).ok())
}

impl Template {
    pub fn parse(text: &str) -> Result<Template> {
        let nodes = template::parse_standard(text)?;
        let mut template = Template { nodes, dated: false, timed: false, zoned: false };
        for node in &template.nodes {
            let Node::Pattern(pattern) = node else { continue };
            match pattern.key.id {
                // An ISO week is no date to PostgreSQL, which forgot it here.
                Id::Exact | Id::IsoWeek => {}
                Id::Zone | Id::ZoneHour | Id::ZoneMinute | Id::Offset => template.zoned = true,
                Id::HalfDay
                | Id::HalfDayDots
                | Id::Hour12
                | Id::Hour24
                | Id::Minute
                | Id::Second
                | Id::SecondOfDay
                | Id::Decimals(_)
                | Id::Millisecond
                | Id::Microsecond => template.timed = true,
                _ => template.dated = true,
            }
        }
        Ok(template)
    }

    pub fn read(&self, text: &str) -> Result<(Datum, i32)> {
        let Read { civil, east_seconds, precision } = from_char::parse_standard(text, &self.nodes)?;
        let precision = precision.unwrap_or(-1);
        let wrong = |message: String| Err(Error::new(sqlstate::INVALID_DATETIME_FORMAT, message));
        let missing = |of: &str| wrong(format!("missing time zone in input string for type {of}"));
        let value = match (self.dated, self.timed, self.zoned) {
            (true, true, true) => {
                let Some(east) = east_seconds else { return missing("timestamptz") };
                let refused = || Error::new(sqlstate::DATETIME_FIELD_OVERFLOW, "timestamptz out of range");
                let utc = civil.timestamptz(east).ok_or_else(refused)?;
                Datum::TimestampTz(io::limited_timestamp(utc, precision)?)
            }
            (true, true, false) => {
                let local = calendar::checked_timestamp(civil.timestamp())?;
                Datum::Timestamp(io::limited_timestamp(local, precision)?)
            }
            (true, false, true) => return wrong("datetime format is zoned but not timed".to_owned()),
            (true, false, false) => {
                let days = calendar::is_julian_date(civil.year, civil.month).then(|| civil.days());
                let refused = || {
                    let message = format!("date out of range: \"{text}\"");
                    Error::new(sqlstate::DATETIME_FIELD_OVERFLOW, message)
                };
                Datum::Date(days.filter(|days| calendar::is_date(*days)).ok_or_else(refused)? as i32)
            }
            (false, true, true) => {
                let Some(east) = east_seconds else { return missing("timetz") };
                Datum::TimeTz(TimeTz { micros: io::limited_time(civil.time(), precision), west_seconds: -east })
            }
            (false, true, false) => Datum::Time(io::limited_time(civil.time(), precision)),
            (false, false, _) => return wrong("datetime format is not dated and not timed".to_owned()),
        };
        Ok((value, east_seconds.unwrap_or(0)))
    }
}
