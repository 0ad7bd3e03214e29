//! Prints dates, times and intervals in every DateStyle and IntervalStyle.

use std::fmt::Write;

use super::calendar::{self, Civil, DATE_MINUS_INFINITY, MINUS_INFINITY};
use super::interval::{Interval, Parts};
use super::words::{MONTHS, WEEKDAYS};
use super::zone::Zone;
use crate::function::{DateFormat, DateOrder, DateStyle, IntervalStyle};

/// Zones' abbreviations are cut to it, as PostgreSQL's are.
const ABBREVIATION_MAX: usize = 10;

pub fn date(days: i32, style: DateStyle, out: &mut String) {
    if calendar::is_infinite_date(days) {
        out.push_str(infinity(days == DATE_MINUS_INFINITY));
        return;
    }
    let civil = Civil::of_date(i64::from(days));
    push_date(&civil, style, out);
    push_era(&civil, out);
}

/// `24:00:00` is the end of the day.
pub fn time(micros: i64, out: &mut String) {
    push_time(&Civil::default().with_time(micros), out);
}

pub fn timetz(micros: i64, east_seconds: i32, out: &mut String) {
    time(micros, out);
    push_offset(east_seconds, out);
}

pub fn timestamp(local_micros: i64, style: DateStyle, out: &mut String) {
    if calendar::is_infinite(local_micros) {
        out.push_str(infinity(local_micros == MINUS_INFINITY));
        return;
    }
    push_timestamp(&Civil::of(local_micros), style, None, out);
}

pub fn timestamptz(utc_micros: i64, zone: &Zone, style: DateStyle, out: &mut String) {
    if calendar::is_infinite(utc_micros) {
        out.push_str(infinity(utc_micros == MINUS_INFINITY));
        return;
    }
    if style.format == DateFormat::Iso {
        let (civil, east) = Civil::in_zone(utc_micros, zone);
        push_timestamp(&civil, style, Some((east, "")), out);
        return;
    }
    let local = zone.at(utc_micros);
    let civil = Civil::of(utc_micros + i64::from(local.east_seconds) * calendar::MICROS_PER_SECOND);
    push_timestamp(&civil, style, Some((local.east_seconds, &local.abbreviation)), out);
}

fn infinity(negative: bool) -> &'static str {
    if negative { "-infinity" } else { "infinity" }
}

fn push_date(civil: &Civil, style: DateStyle, out: &mut String) {
    let (separator, year, month, day) = (
        match style.format {
            DateFormat::Iso | DateFormat::Postgres => '-',
            DateFormat::Sql => '/',
            DateFormat::German => '.',
        },
        civil.counted_year(),
        civil.month,
        civil.day,
    );
    if style.format == DateFormat::Iso {
        push_padded(year, 4, out);
        out.push('-');
        push_padded(month, 2, out);
        out.push('-');
        push_padded(day, 2, out);
        return;
    }
    let day_first = style.format == DateFormat::German || style.order == DateOrder::Dmy;
    let (first, second) = if day_first { (day, month) } else { (month, day) };
    push_padded(first, 2, out);
    out.push(separator);
    push_padded(second, 2, out);
    out.push(separator);
    push_padded(year, 4, out);
}

fn push_time(civil: &Civil, out: &mut String) {
    push_padded(civil.hour, 2, out);
    out.push(':');
    push_padded(civil.minute, 2, out);
    out.push(':');
    push_padded(civil.second, 2, out);
    push_decimals(civil.micros, out);
}

/// With the era last, after the zone.
fn push_timestamp(civil: &Civil, style: DateStyle, zone: Option<(i32, &str)>, out: &mut String) {
    if style.format == DateFormat::Postgres {
        let weekday = WEEKDAYS[calendar::weekday(civil.days()) as usize];
        let month = MONTHS.get((civil.month - 1) as usize).map_or("", |month| &month[..3]);
        out.push_str(&weekday[..3]);
        out.push(' ');
        if style.order == DateOrder::Dmy {
            push_padded(civil.day, 2, out);
            out.push(' ');
            out.push_str(month);
        } else {
            out.push_str(month);
            out.push(' ');
            push_padded(civil.day, 2, out);
        }
        out.push(' ');
        push_time(civil, out);
        out.push(' ');
        push_padded(civil.counted_year(), 4, out);
    } else {
        push_date(civil, style, out);
        out.push(' ');
        push_time(civil, out);
    }
    match zone {
        None => {}
        Some((east, "")) => push_offset(east, out),
        Some((_, abbreviation)) => {
            out.push(' ');
            out.push_str(abbreviation.get(..ABBREVIATION_MAX).unwrap_or(abbreviation));
        }
    }
    push_era(civil, out);
}

fn push_era(civil: &Civil, out: &mut String) {
    if civil.year <= 0 {
        out.push_str(" BC");
    }
}

/// `+02`, `-03:30`, `+00:19:32`.
pub fn push_offset(east_seconds: i32, out: &mut String) {
    let seconds = east_seconds.abs();
    out.push(if east_seconds < 0 { '-' } else { '+' });
    push_padded(seconds / 3600, 2, out);
    if seconds % 3600 != 0 {
        out.push(':');
        push_padded(seconds / 60 % 60, 2, out);
    }
    if seconds % 60 != 0 {
        out.push(':');
        push_padded(seconds % 60, 2, out);
    }
}

/// Not negative; with zeros in front.
fn push_padded(value: i32, width: usize, out: &mut String) {
    if let (2, 0..100) = (width, value) {
        out.push(char::from(b'0' + (value / 10) as u8));
        out.push(char::from(b'0' + (value % 10) as u8));
        return;
    }
    push(out, format_args!("{value:0width$}"));
}

/// `.25`, or nothing.
fn push_decimals(micros: i32, out: &mut String) {
    let mut micros = micros.unsigned_abs();
    if micros == 0 {
        return;
    }
    let mut width = 6;
    while micros.is_multiple_of(10) {
        micros /= 10;
        width -= 1;
    }
    push(out, format_args!(".{micros:0width$}"));
}

fn push(out: &mut String, arguments: std::fmt::Arguments) {
    out.write_fmt(arguments).expect("writing to a string can't fail");
}

pub fn interval(value: &Interval, style: IntervalStyle, out: &mut String) {
    let parts = value.parts();
    match style {
        IntervalStyle::Postgres => postgres(&parts, out),
        IntervalStyle::PostgresVerbose => verbose(&parts, out),
        IntervalStyle::SqlStandard => sql_standard(&parts, out),
        IntervalStyle::Iso8601 => iso_8601(&parts, out),
    }
}

impl Parts {
    fn time_is_negative(&self) -> bool {
        self.hours < 0 || self.minutes < 0 || self.seconds < 0 || self.micros < 0
    }

    fn time_is_zero(&self) -> bool {
        self.hours == 0 && self.minutes == 0 && self.seconds == 0 && self.micros == 0
    }

    fn push_clock(&self, hour_width: usize, out: &mut String) {
        push(out, format_args!("{:0hour_width$}:", self.hours.unsigned_abs()));
        push_padded(self.minutes.abs(), 2, out);
        out.push(':');
        push_padded(self.seconds.abs(), 2, out);
        push_decimals(self.micros, out);
    }

    fn push_seconds(&self, out: &mut String) {
        push(out, format_args!("{}", self.seconds.abs()));
        push_decimals(self.micros, out);
    }
}

/// `1 year 2 mons -3 days +04:05:06`: a part after a negative one shows its sign.
fn postgres(parts: &Parts, out: &mut String) {
    let (mut first, mut after_negative) = (true, false);
    for (value, unit) in [(parts.years, "year"), (parts.months, "mon"), (parts.days, "day")] {
        if value == 0 {
            continue;
        }
        let space = if first { "" } else { " " };
        let plus = if after_negative && value > 0 { "+" } else { "" };
        let plural = if value == 1 { "" } else { "s" };
        push(out, format_args!("{space}{plus}{value} {unit}{plural}"));
        (first, after_negative) = (false, value < 0);
    }
    if first || !parts.time_is_zero() {
        out.push_str(if first { "" } else { " " });
        out.push_str(match (parts.time_is_negative(), after_negative) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        });
        parts.push_clock(2, out);
    }
}

/// `@ 1 year 2 mons -3 days 4 hours 5 mins 6 secs ago`: the first part decides which sign is left unsaid.
fn verbose(parts: &Parts, out: &mut String) {
    out.push('@');
    let (mut first, mut ago) = (true, false);
    let units = [
        (i64::from(parts.years), "year"),
        (i64::from(parts.months), "mon"),
        (i64::from(parts.days), "day"),
        (parts.hours, "hour"),
        (i64::from(parts.minutes), "min"),
    ];
    for (value, unit) in units {
        if value == 0 {
            continue;
        }
        if first {
            ago = value < 0;
        }
        // Hours are at most 2^63 / 3.6e9, so they have a negation.
        let value = if ago { -value } else { value };
        let plural = if value == 1 { "" } else { "s" };
        push(out, format_args!(" {value} {unit}{plural}"));
        first = false;
    }
    if parts.seconds != 0 || parts.micros != 0 {
        let negative = parts.seconds < 0 || parts.micros < 0;
        if first {
            ago = negative;
        }
        out.push_str(if negative != ago { " -" } else { " " });
        parts.push_seconds(out);
        out.push_str(if parts.seconds.abs() != 1 || parts.micros != 0 { " secs" } else { " sec" });
        first = false;
    }
    if first {
        out.push_str(" 0");
    }
    if ago {
        out.push_str(" ago");
    }
}

/// The standard knows years and months, or days and time, of one sign; anything else shows all signs.
fn sql_standard(parts: &Parts, out: &mut String) {
    let year_month = parts.years != 0 || parts.months != 0;
    let day_time = parts.days != 0 || !parts.time_is_zero();
    let negative = parts.years < 0 || parts.months < 0 || parts.days < 0 || parts.time_is_negative();
    let time_positive = parts.hours > 0 || parts.minutes > 0 || parts.seconds > 0 || parts.micros > 0;
    let positive = parts.years > 0 || parts.months > 0 || parts.days > 0 || time_positive;
    let (years, months) = (parts.years.unsigned_abs(), parts.months.unsigned_abs());
    let days = parts.days.unsigned_abs();
    if !negative && !positive {
        out.push('0');
    } else if (negative && positive) || (year_month && day_time) {
        let sign = |negative| if negative { '-' } else { '+' };
        let (of_months, of_days) = (sign(parts.years < 0 || parts.months < 0), sign(parts.days < 0));
        let of_time = sign(parts.time_is_negative());
        push(out, format_args!("{of_months}{years}-{months} {of_days}{days} {of_time}"));
        parts.push_clock(1, out);
    } else {
        out.push_str(if negative { "-" } else { "" });
        if year_month {
            push(out, format_args!("{years}-{months}"));
            return;
        }
        if days != 0 {
            push(out, format_args!("{days} "));
        }
        parts.push_clock(1, out);
    }
}

fn iso_8601(parts: &Parts, out: &mut String) {
    out.push('P');
    for (value, unit) in [(parts.years, 'Y'), (parts.months, 'M'), (parts.days, 'D')] {
        if value != 0 {
            push(out, format_args!("{value}{unit}"));
        }
    }
    if parts.time_is_zero() {
        out.push_str(if out.ends_with('P') { "T0S" } else { "" });
        return;
    }
    out.push('T');
    if parts.hours != 0 {
        push(out, format_args!("{}H", parts.hours));
    }
    if parts.minutes != 0 {
        push(out, format_args!("{}M", parts.minutes));
    }
    if parts.seconds != 0 || parts.micros != 0 {
        out.push_str(if parts.seconds < 0 || parts.micros < 0 { "-" } else { "" });
        parts.push_seconds(out);
        out.push('S');
    }
}
