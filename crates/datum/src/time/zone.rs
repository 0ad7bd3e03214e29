//! A session's time zone, and any other that a value or a function names.
//!
//! A [`Zone`] is a named zone of the IANA database that is compiled in, a fixed offset, or a POSIX rule. The rules come
//! from jiff without its `std` feature, so that no answer depends on the machine's own time zones or its clock; the
//! arithmetic of dates is [`calendar`](super::calendar)'s.
//!
//! Offsets are counted eastwards here (UTC+1 is 3600), unless a name says otherwise: PostgreSQL's `timetz` counts
//! westwards.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, OnceLock};

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};

use super::calendar::{MICROS_PER_SECOND, UNIX_EPOCH_SECONDS};
use crate::error::{Error, Result};
use crate::sqlstate;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Zone(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    rules: Rules,
}

#[derive(Debug)]
enum Rules {
    Fixed { east_seconds: i32, abbreviation: String },
    Changing(TimeZone),
}

/// What a zone's clocks show at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local<'a> {
    pub east_seconds: i32,
    pub summer: bool,
    pub abbreviation: Cow<'a, str>,
}

static UTC: LazyLock<Zone> = LazyLock::new(|| Zone::fixed_named("UTC".to_owned(), 0, "UTC".to_owned()));

/// Every zone of the database by its name in lower case.
static NAMED: LazyLock<BTreeMap<String, Named>> = LazyLock::new(|| {
    let database = TimeZoneDatabase::bundled();
    let names = database.available().map(|name| name.as_str().to_owned());
    names.map(|name| (name.to_ascii_lowercase(), Named { name, zone: OnceLock::new() })).collect()
});

struct Named {
    name: String,
    /// Read when first asked for.
    zone: OnceLock<Option<Zone>>,
}

/// Zones repeat every 400 years once their last rule holds: moments after this one are looked up that much earlier.
const RULES_REPEAT_FROM: i64 = 252_460_800_000; // the year 9970
const GREGORIAN_CYCLE_SECONDS: i64 = 146_097 * 86_400;

/// As in a POSIX rule: a week less a second.
const POSIX_HOURS_MAX: u32 = 167;

/// When daylight saving begins and ends if a POSIX zone doesn't tell.
const POSIX_RULE_DEFAULT: &str = ",M3.2.0,M11.1.0";

impl Zone {
    pub fn utc() -> Zone {
        UTC.clone()
    }

    /// The value of the setting TimeZone: a name, a POSIX rule, or hours east of Greenwich as a number.
    pub fn parse(setting: &str) -> Result<Zone> {
        let state = sqlstate::INVALID_PARAMETER_VALUE;
        let invalid = || Error::new(state, format!("invalid value for parameter \"TimeZone\": \"{setting}\""));
        if let Ok(hours) = setting.trim_start().parse::<f64>()
            && hours.is_finite()
        {
            let seconds = hours * 3600.0;
            let refused = || invalid().detail("UTC timezone offset is out of range.");
            return Zone::fixed_checked(seconds).ok_or_else(refused).and_then(|zone| zone.without_odd_seconds(setting));
        }
        Zone::by_name(setting).ok_or_else(invalid)?.without_odd_seconds(setting)
    }

    /// PostgreSQL tells zones that count leap seconds by this, and refuses them as a setting.
    fn without_odd_seconds(self, setting: &str) -> Result<Zone> {
        if self.offset_at(0) % 60 == 0 {
            return Ok(self);
        }
        let message = format!("time zone \"{setting}\" appears to use leap seconds");
        let error = Error::new(sqlstate::INVALID_PARAMETER_VALUE, message);
        Err(error.detail("PostgreSQL does not support leap seconds."))
    }

    /// A name of the database in any case, or a POSIX rule.
    pub fn by_name(name: &str) -> Option<Zone> {
        if name.eq_ignore_ascii_case("UTC") {
            return Some(Zone::utc());
        }
        match NAMED.get(&name.to_ascii_lowercase()) {
            Some(named) => named.zone.get_or_init(|| Zone::of_database(&named.name)).clone(),
            None => posix(name),
        }
    }

    /// As PostgreSQL names a zone that is only an offset: `<+05:30>-05:30`.
    pub fn fixed(east_seconds: i32) -> Zone {
        let shown = offset_text(east_seconds);
        let name = format!("<{shown}>{}", offset_text(-east_seconds));
        let name = if east_seconds == 0 { "<+00>-00".to_owned() } else { name };
        Zone::fixed_named(name, east_seconds, shown)
    }

    fn fixed_checked(seconds: f64) -> Option<Zone> {
        (seconds.abs() < f64::from(POSIX_HOURS_MAX + 1) * 3600.0).then(|| Zone::fixed(seconds as i32))
    }

    fn fixed_named(name: String, east_seconds: i32, abbreviation: String) -> Zone {
        Zone(Arc::new(Inner { name, rules: Rules::Fixed { east_seconds, abbreviation } }))
    }

    fn of_database(canonical: &str) -> Option<Zone> {
        let rules = TimeZoneDatabase::bundled().get(canonical).ok()?;
        if rules.following(Timestamp::MIN).next().is_some() {
            return Some(Zone(Arc::new(Inner { name: canonical.to_owned(), rules: Rules::Changing(rules) })));
        }
        let info = rules.to_offset_info(Timestamp::UNIX_EPOCH);
        Some(Zone::fixed_named(canonical.to_owned(), info.offset().seconds(), info.abbreviation().to_owned()))
    }

    /// As SHOW TimeZone prints it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// If the zone has only ever had one.
    pub fn fixed_offset(&self) -> Option<i32> {
        match &self.0.rules {
            Rules::Fixed { east_seconds, .. } => Some(*east_seconds),
            Rules::Changing(_) => None,
        }
    }

    /// At a moment in microseconds since 2000-01-01 UTC.
    pub fn at(&self, utc_micros: i64) -> Local<'_> {
        match &self.0.rules {
            Rules::Fixed { east_seconds, abbreviation } => {
                Local { east_seconds: *east_seconds, summer: false, abbreviation: Cow::Borrowed(abbreviation) }
            }
            Rules::Changing(rules) => {
                let info = rules.to_offset_info(moment(utc_micros));
                Local {
                    east_seconds: info.offset().seconds(),
                    summer: info.dst().is_dst(),
                    abbreviation: Cow::Owned(info.abbreviation().to_owned()),
                }
            }
        }
    }

    pub fn offset_at(&self, utc_micros: i64) -> i32 {
        match &self.0.rules {
            Rules::Fixed { east_seconds, .. } => *east_seconds,
            Rules::Changing(rules) => rules.to_offset(moment(utc_micros)).seconds(),
        }
    }

    /// When clocks showed this, in microseconds since 2000-01-01 there. A time that was skipped is read with the offset
    /// from before, one that came twice with the offset from after.
    pub fn offset_of_local(&self, local_micros: i64) -> i32 {
        match &self.0.rules {
            Rules::Fixed { east_seconds, .. } => *east_seconds,
            Rules::Changing(rules) => {
                let local = Offset::UTC.to_datetime(moment(local_micros));
                let offset = match rules.to_ambiguous_timestamp(local).offset() {
                    AmbiguousOffset::Unambiguous { offset } => offset,
                    AmbiguousOffset::Gap { before, .. } => before,
                    AmbiguousOffset::Fold { after, .. } => after,
                };
                offset.seconds()
            }
        }
    }

    /// What an abbreviation meant here: when last used up to that moment, else when first used after it.
    pub fn offset_of_abbreviation(&self, abbreviation: &str, utc_micros: i64) -> Option<Local<'_>> {
        let Rules::Changing(rules) = &self.0.rules else { return None };
        let at = moment(utc_micros);
        let now = rules.to_offset_info(at);
        if now.abbreviation().eq_ignore_ascii_case(abbreviation) {
            return Some(self.at(utc_micros));
        }
        let mut around = rules.preceding(at).chain(rules.following(at).take(TRANSITIONS_AHEAD_MAX));
        let found = around.find(|change| change.abbreviation().eq_ignore_ascii_case(abbreviation))?;
        Some(Local {
            east_seconds: found.offset().seconds(),
            summer: found.dst().is_dst(),
            abbreviation: Cow::Owned(found.abbreviation().to_owned()),
        })
    }
}

/// Rules go on for ever; what isn't found among so many is not in the zone.
const TRANSITIONS_AHEAD_MAX: usize = 400;

/// Names of the database, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMED.values().map(|named| named.name.as_str())
}

fn moment(micros: i64) -> Timestamp {
    let seconds = micros.div_euclid(MICROS_PER_SECOND) + UNIX_EPOCH_SECONDS;
    let seconds = match seconds - RULES_REPEAT_FROM {
        ..0 => seconds,
        beyond => RULES_REPEAT_FROM - GREGORIAN_CYCLE_SECONDS + beyond % GREGORIAN_CYCLE_SECONDS,
    };
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN)
}

/// `+05`, `-03:30`, `+00:19:32`.
fn offset_text(east_seconds: i32) -> String {
    let (sign, seconds) = (if east_seconds < 0 { '-' } else { '+' }, east_seconds.unsigned_abs());
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (minute, second) {
        (0, 0) => format!("{sign}{hour:02}"),
        (_, 0) => format!("{sign}{hour:02}:{minute:02}"),
        _ => format!("{sign}{hour:02}:{minute:02}:{second:02}"),
    }
}

/// `UTC+3`, `<+03>-03`, `FOO5BAR`, `CET-1CEST,M3.5.0,M10.5.0/3`: hours count westwards.
fn posix(text: &str) -> Option<Zone> {
    let name = text.to_ascii_uppercase();
    let mut rest = name.as_str();
    let abbreviation = posix_abbreviation(&mut rest)?;
    let west = posix_offset(&mut rest)?;
    if rest.is_empty() {
        return Some(Zone::fixed_named(name.clone(), -west, abbreviation.to_owned()));
    }
    let summer = posix_abbreviation(&mut rest).filter(|summer| !summer.is_empty())?;
    let summer_west = if rest.starts_with(',') || rest.is_empty() { west - 3600 } else { posix_offset(&mut rest)? };
    let rule = if rest.is_empty() { POSIX_RULE_DEFAULT } else { rest };
    let (standard_offset, summer_offset) = (posix_number(west), posix_number(summer_west));
    let (abbreviation, summer) = (plain_abbreviation(abbreviation), plain_abbreviation(summer));
    let whole = format!("<{abbreviation}>{standard_offset}<{summer}>{summer_offset}{rule}");
    let rules = TimeZone::posix(&whole).ok()?;
    Some(Zone(Arc::new(Inner { name, rules: Rules::Changing(rules) })))
}

fn posix_abbreviation<'a>(rest: &mut &'a str) -> Option<&'a str> {
    if let Some(quoted) = rest.strip_prefix('<') {
        let (inside, after) = quoted.split_once('>')?;
        *rest = after;
        return Some(inside);
    }
    let end = rest.find(|c: char| c.is_ascii_digit() || matches!(c, ',' | '-' | '+')).unwrap_or(rest.len());
    let (inside, after) = rest.split_at(end);
    *rest = after;
    Some(inside)
}

/// PostgreSQL takes any characters for an abbreviation, the reader of rules at least three that are plain.
fn plain_abbreviation(abbreviation: &str) -> &str {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-');
    let fits = abbreviation.len() >= 3 && abbreviation.bytes().all(plain);
    if fits { abbreviation } else { "---" }
}

fn posix_offset(rest: &mut &str) -> Option<i32> {
    let negative = rest.starts_with('-');
    if rest.starts_with(['-', '+']) {
        *rest = &rest[1..];
    }
    let mut seconds = posix_part(rest, POSIX_HOURS_MAX)? * 3600;
    for unit in [60, 1] {
        if let Some(after) = rest.strip_prefix(':') {
            *rest = after;
            seconds += posix_part(rest, 59 + u32::from(unit == 1))? * unit;
        }
    }
    Some(if negative { -seconds } else { seconds })
}

fn posix_part(rest: &mut &str, max: u32) -> Option<i32> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    digits.parse::<u32>().ok().filter(|value| *value <= max).map(|value| value as i32)
}

fn posix_number(west: i32) -> String {
    let (sign, seconds) = (if west < 0 { "-" } else { "" }, west.unsigned_abs());
    format!("{sign}{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
