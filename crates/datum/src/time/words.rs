//! The words that dates, times and intervals are written with, and the names of fields for `extract` and its kin.

/// A field of a date, a time or an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    Julian,
    Weekday,
    IsoWeekday,
    DayOfYear,
    IsoYear,
    Zone,
    ZoneHour,
    ZoneMinute,
    Epoch,
}

/// What a word in a date or a time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Now,
    Today,
    Tomorrow,
    Yesterday,
    Epoch,
    Infinity,
    MinusInfinity,
    /// Midnight UTC.
    Allballs,
    Month(i32),
    /// From Sunday, 0.
    Weekday(i32),
    Am,
    Pm,
    Ad,
    Bc,
    /// One hour of daylight saving, after the zone it modifies.
    Dst,
    /// Before a number: `J2451187`, `jd`; others only stand where PostgreSQL accepts them without use.
    Unit(Unit),
    /// `t`, before a time.
    TimeFollows,
    Ignored,
}

/// What a word in an interval is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalWord {
    Unit(Unit),
    Ago,
    Ignored,
}

pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Longer words are known by their beginning, as PostgreSQL's are.
const LENGTH_MAX: usize = 10;

fn significant(word: &str) -> &str {
    word.get(..LENGTH_MAX).unwrap_or(word)
}

/// `word` in lower case.
pub fn date_word(word: &str) -> Option<Word> {
    Some(match significant(word) {
        "now" => Word::Now,
        "today" => Word::Today,
        "tomorrow" => Word::Tomorrow,
        "yesterday" => Word::Yesterday,
        "epoch" => Word::Epoch,
        "infinity" => Word::Infinity,
        "-infinity" => Word::MinusInfinity,
        "allballs" => Word::Allballs,
        "jan" | "january" => Word::Month(1),
        "feb" | "february" => Word::Month(2),
        "mar" | "march" => Word::Month(3),
        "apr" | "april" => Word::Month(4),
        "may" => Word::Month(5),
        "jun" | "june" => Word::Month(6),
        "jul" | "july" => Word::Month(7),
        "aug" | "august" => Word::Month(8),
        "sep" | "sept" | "september" => Word::Month(9),
        "oct" | "october" => Word::Month(10),
        "nov" | "november" => Word::Month(11),
        "dec" | "december" => Word::Month(12),
        "sun" | "sunday" => Word::Weekday(0),
        "mon" | "monday" => Word::Weekday(1),
        "tue" | "tues" | "tuesday" => Word::Weekday(2),
        "wed" | "weds" | "wednesday" => Word::Weekday(3),
        "thu" | "thur" | "thurs" | "thursday" => Word::Weekday(4),
        "fri" | "friday" => Word::Weekday(5),
        "sat" | "saturday" => Word::Weekday(6),
        "am" => Word::Am,
        "pm" => Word::Pm,
        "ad" => Word::Ad,
        "bc" => Word::Bc,
        "dst" => Word::Dst,
        "d" => Word::Unit(Unit::Day),
        "dow" => Word::Unit(Unit::Weekday),
        "doy" => Word::Unit(Unit::DayOfYear),
        "h" => Word::Unit(Unit::Hour),
        "isodow" => Word::Unit(Unit::IsoWeekday),
        "isoyear" => Word::Unit(Unit::IsoYear),
        "j" | "jd" | "julian" => Word::Unit(Unit::Julian),
        "m" => Word::Unit(Unit::Month),
        "mm" => Word::Unit(Unit::Minute),
        "s" => Word::Unit(Unit::Second),
        "y" => Word::Unit(Unit::Year),
        "t" => Word::TimeFollows,
        "at" | "on" => Word::Ignored,
        _ => return None,
    })
}

/// `word` in lower case.
pub fn interval_word(word: &str) -> Option<IntervalWord> {
    Some(IntervalWord::Unit(match significant(word) {
        "ago" => return Some(IntervalWord::Ago),
        "@" => return Some(IntervalWord::Ignored),
        "us" | "usec" | "usecond" | "useconds" | "usecs" | "microsecon" => Unit::Microsecond,
        "ms" | "msec" | "msecond" | "mseconds" | "msecs" | "millisecon" => Unit::Millisecond,
        "s" | "sec" | "second" | "seconds" | "secs" => Unit::Second,
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
        "h" | "hour" | "hours" | "hr" | "hrs" => Unit::Hour,
        "d" | "day" | "days" => Unit::Day,
        "w" | "week" | "weeks" => Unit::Week,
        "mon" | "mons" | "month" | "months" => Unit::Month,
        "qtr" | "quarter" => Unit::Quarter,
        "y" | "year" | "years" | "yr" | "yrs" => Unit::Year,
        "dec" | "decade" | "decades" | "decs" => Unit::Decade,
        "c" | "cent" | "centuries" | "century" => Unit::Century,
        "mil" | "millennia" | "millennium" | "mils" => Unit::Millennium,
        "timezone" => Unit::Zone,
        "timezone_h" => Unit::ZoneHour,
        "timezone_m" => Unit::ZoneMinute,
        _ => return None,
    }))
}

/// A field that `extract` knows; not every type has each. `name` in lower case.
pub fn field(name: &str) -> Option<Unit> {
    match interval_word(name) {
        Some(IntervalWord::Unit(unit)) => return Some(unit),
        Some(_) => return None,
        None => {}
    }
    match date_word(name) {
        Some(Word::Unit(unit)) => Some(unit),
        Some(Word::Epoch) => Some(Unit::Epoch),
        _ => None,
    }
}

/// A unit that `date_trunc` knows.
pub fn truncation(name: &str) -> Option<Unit> {
    match interval_word(name) {
        Some(IntervalWord::Unit(unit)) => Some(unit),
        _ => None,
    }
}
