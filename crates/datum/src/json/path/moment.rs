//! `.datetime()`: strings as dates and times, and how these compare.

use std::cmp::Ordering;

use super::Expression;
use super::execute::{Found, Item, Manner, Run, Status};
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{DateFormat, DateOrder, DateStyle};
use crate::json::convert::{as_xml_schema, with_zone_minutes};
use crate::sqlstate::{self, SqlState};
use crate::time::arithmetic::{date_moment, timestamp_moment};
use crate::time::standard::{self, Template};
use crate::time::zone::Zone;
use crate::time::{TimeTz, format};

/// 22031
const REFUSED: SqlState = sqlstate::INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION;

#[derive(Clone, Debug)]
pub struct Moment {
    pub value: Datum,
    /// Of a `timestamptz`: in which zone it was written, and is written again.
    pub east_seconds: i32,
}

impl Moment {
    pub fn type_name(&self) -> &'static str {
        match self.value {
            Datum::Date(_) => "date",
            Datum::Time(_) => "time without time zone",
            Datum::TimeTz(_) => "time with time zone",
            Datum::Timestamp(_) => "timestamp without time zone",
            _ => "timestamp with time zone",
        }
    }

    /// As XML Schema writes it.
    pub fn text(&self) -> String {
        const ISO: DateStyle = DateStyle { format: DateFormat::Iso, order: DateOrder::Ymd };
        let mut text = String::new();
        match &self.value {
            Datum::Date(days) => format::date(*days, ISO, &mut text),
            Datum::Time(micros) => format::time(*micros, &mut text),
            Datum::TimeTz(time) => {
                format::timetz(time.micros, -time.west_seconds, &mut text);
                with_zone_minutes(&mut text, 0);
            }
            Datum::Timestamp(local) => format::timestamp(*local, ISO, &mut text),
            Datum::TimestampTz(utc) => format::timestamptz(*utc, &Zone::fixed(self.east_seconds), ISO, &mut text),
            other => panic!("{other:?} is neither date nor time"),
        }
        as_xml_schema(&mut text);
        text
    }
}

impl<'a> Run<'a> {
    pub fn date_time(
        &mut self,
        of: &'a Expression,
        at: usize,
        template: Option<&str>,
        item: Item<'a>,
        found: Found<'_, 'a>,
    ) -> Result<Status> {
        let Some(text) = item.text() else {
            let message = "jsonpath item method .datetime() can only be applied to a string";
            return self.fail(REFUSED, || message.to_owned());
        };
        let read = match template {
            // A template that is none is an error that can't be silenced.
            Some(template) => Template::parse(template)?.read(text),
            None => standard::read(text).ok_or_else(|| {
                let error = Error::new(REFUSED, format!("datetime format is not recognized: \"{text}\""));
                error.hint("Use a datetime template argument to specify the input data format.")
            }),
        };
        match read {
            Ok((value, east_seconds)) => self.next(of, at + 1, Item::Moment(Moment { value, east_seconds }), found),
            Err(error) if self.throws => Err(error),
            Err(_) => Ok(Status::Failed),
        }
    }
}

/// None of a date and a time of day, which don't compare.
pub fn compare(left: &Moment, right: &Moment, manner: &Manner) -> Result<Option<Ordering>> {
    use Datum::{Date, Time, TimeTz as Timetz, Timestamp, TimestampTz};
    match (&left.value, &right.value) {
        (Time(left), Time(right)) => Ok(Some(left.cmp(right))),
        (Time(_) | Timetz(_), Time(_) | Timetz(_)) => {
            Ok(Some(of_day(&left.value, manner)?.cmp(&of_day(&right.value, manner)?)))
        }
        (Time(_) | Timetz(_), _) | (_, Time(_) | Timetz(_)) => Ok(None),
        (left, right) => {
            let zoned = matches!(left, TimestampTz(_)) || matches!(right, TimestampTz(_));
            let moment = |value: &Datum| {
                Ok(match value {
                    Date(days) if zoned => date_moment(*days, Some(zone(manner, "date", "timestamptz")?)),
                    Date(days) => date_moment(*days, None),
                    Timestamp(local) if zoned => {
                        timestamp_moment(*local, Some(zone(manner, "timestamp", "timestamptz")?))
                    }
                    Timestamp(micros) | TimestampTz(micros) => timestamp_moment(*micros, None),
                    other => return Err(Error::internal(format!("{other:?} is neither date nor timestamp"))),
                })
            };
            Ok(Some(moment(left)?.cmp(&moment(right)?)))
        }
    }
}

fn of_day(value: &Datum, manner: &Manner) -> Result<TimeTz> {
    match value {
        Datum::TimeTz(time) => Ok(*time),
        Datum::Time(micros) => {
            let east = zone(manner, "time", "timetz")?.offset_at(manner.settings.transaction_micros);
            Ok(TimeTz { micros: *micros, west_seconds: -east })
        }
        other => Err(Error::internal(format!("{other:?} is no time of day"))),
    }
}

/// The session's, if it may decide.
fn zone<'a>(manner: &Manner<'a>, from: &str, to: &str) -> Result<&'a Zone> {
    if manner.zoned {
        return Ok(&manner.settings.zone);
    }
    let message = format!("cannot convert value from {from} to {to} without time zone usage");
    let error = Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message);
    Err(error.hint("Use *_tz() function for time zone support."))
}
