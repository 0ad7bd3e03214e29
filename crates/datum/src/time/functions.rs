//! The functions by the names of `pg_proc`: arguments out of their datums, the rules elsewhere.

use std::borrow::Cow;

use super::arguments::{any_null, date, float8, int4, interval, text, time, timestamp, timestamptz, timetz, wrong};
use super::calendar::{self, Civil, MICROS_PER_DAY, is_infinite, local_of, local_to_utc, utc_to_local};
use super::compare::overlaps;
use super::fields::{self, Source};
use super::interval::{Interval, Modifier};
use super::timetz::TimeTz;
use super::zoned::{NamedZone, offset_of_interval};
use super::{arithmetic, from_char, io, make, modifiers, now, to_char};
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{Call, Scalar, ScalarTable, Settings};
use crate::sqlstate;

pub const SCALARS: ScalarTable = &[
    // Dates
    ("date_pli", |_, a| Ok(Datum::Date(arithmetic::date_plus(date(&a[0]), int4(&a[1]))?))),
    ("date_mii", |_, a| Ok(Datum::Date(arithmetic::date_minus_days(date(&a[0]), int4(&a[1]))?))),
    ("date_mi", |_, a| Ok(Datum::Int4(arithmetic::date_minus(date(&a[0]), date(&a[1]))?))),
    ("integer_pl_date:23 1082", |_, a| {
        not_null(a, |a| Ok(Datum::Date(arithmetic::date_plus(date(&a[1]), int4(&a[0]))?)))
    }),
    ("date_pl_interval", |_, a| {
        let midnight = arithmetic::date_to_timestamp(date(&a[0]))?;
        plus_interval(midnight, &interval(&a[1]))
    }),
    ("date_mi_interval", |_, a| {
        let midnight = arithmetic::date_to_timestamp(date(&a[0]))?;
        plus_interval(midnight, &arithmetic::negated(&interval(&a[1]))?)
    }),
    ("interval_pl_date:1186 1082", |_, a| {
        not_null(a, |a| plus_interval(arithmetic::date_to_timestamp(date(&a[1]))?, &interval(&a[0])))
    }),
    ("datetime_timestamp", |_, a| date_and_time(&a[0], &a[1])),
    ("timedate_pl:1083 1082", |_, a| not_null(a, |a| date_and_time(&a[1], &a[0]))),
    ("datetimetz_timestamptz", |_, a| date_and_timetz(&a[0], &a[1])),
    ("timetzdate_pl:1266 1082", |_, a| not_null(a, |a| date_and_timetz(&a[1], &a[0]))),
    ("timestamptz:1082 1083", |call, a| {
        not_null(a, |a| {
            let local = arithmetic::date_and_time(date(&a[0]), time(&a[1]))?;
            to_timestamptz(call, local)
        })
    }),
    ("date_finite", |_, a| Ok(Datum::Bool(!calendar::is_infinite_date(date(&a[0]))))),
    ("date_timestamp", |_, a| Ok(Datum::Timestamp(arithmetic::date_to_timestamp(date(&a[0]))?))),
    ("date_timestamptz", |call, a| {
        Ok(Datum::TimestampTz(arithmetic::date_to_timestamptz(date(&a[0]), &call.settings.zone)?))
    }),
    // Times of day
    ("time_pl_interval", |_, a| Ok(time_plus(time(&a[0]), &interval(&a[1])))),
    ("interval_pl_time:1186 1083", |_, a| not_null(a, |a| Ok(time_plus(time(&a[1]), &interval(&a[0]))))),
    ("time_mi_interval", |_, a| Ok(Datum::Time(arithmetic::time_minus(time(&a[0]), interval(&a[1]).micros)))),
    ("time_mi_time", |_, a| Ok(Datum::Interval(Interval::of_micros(time(&a[0]) - time(&a[1]))))),
    ("timetz_pl_interval", |_, a| Ok(timetz_plus(timetz(&a[0]), &interval(&a[1])))),
    ("interval_pl_timetz:1186 1266", |_, a| not_null(a, |a| Ok(timetz_plus(timetz(&a[1]), &interval(&a[0]))))),
    ("timetz_mi_interval", |_, a| {
        let time = timetz(&a[0]);
        let micros = arithmetic::time_minus(time.micros, interval(&a[1]).micros);
        Ok(Datum::TimeTz(TimeTz { micros, ..time }))
    }),
    ("time_interval", |_, a| Ok(Datum::Interval(Interval::of_micros(time(&a[0]))))),
    ("interval_time", |_, a| Ok(Datum::Time(interval(&a[0]).micros.rem_euclid(MICROS_PER_DAY)))),
    ("time_timetz", time_timetz),
    ("timetz_time", |_, a| Ok(Datum::Time(timetz(&a[0]).micros))),
    ("timestamp_time", |_, a| Ok(time_of(timestamp(&a[0])))),
    ("timestamptz_time", |call, a| Ok(time_of(local_of(timestamptz(&a[0]), &call.settings.zone)))),
    ("timestamptz_timetz", |call, a| {
        let utc = timestamptz(&a[0]);
        if is_infinite(utc) {
            return Ok(Datum::Null);
        }
        let (civil, east) = Civil::in_zone(utc, &call.settings.zone);
        Ok(Datum::TimeTz(TimeTz { micros: civil.time(), west_seconds: -east }))
    }),
    // Timestamps
    ("timestamp_mi", |_, a| Ok(Datum::Interval(arithmetic::timestamp_minus(micros(&a[0]), micros(&a[1]))?))),
    ("timestamp_pl_interval", |_, a| plus_interval(timestamp(&a[0]), &interval(&a[1]))),
    ("timestamp_mi_interval", |_, a| plus_interval(timestamp(&a[0]), &arithmetic::negated(&interval(&a[1]))?)),
    ("interval_pl_timestamp:1186 1114", |_, a| not_null(a, |a| plus_interval(timestamp(&a[1]), &interval(&a[0])))),
    ("timestamptz_pl_interval", |call, a| timestamptz_plus(call, timestamptz(&a[0]), &interval(&a[1]))),
    ("timestamptz_mi_interval", |call, a| {
        timestamptz_plus(call, timestamptz(&a[0]), &arithmetic::negated(&interval(&a[1]))?)
    }),
    ("interval_pl_timestamptz:1186 1184", |call, a| {
        not_null(a, |a| timestamptz_plus(call, timestamptz(&a[1]), &interval(&a[0])))
    }),
    ("timestamp_finite", |_, a| Ok(Datum::Bool(!is_infinite(micros(&a[0]))))),
    ("timestamp_date", |_, a| Ok(Datum::Date(arithmetic::timestamp_to_date(timestamp(&a[0]))))),
    ("timestamptz_date", |call, a| {
        let local = local_of(timestamptz(&a[0]), &call.settings.zone);
        Ok(Datum::Date(arithmetic::timestamp_to_date(local)))
    }),
    ("timestamp_timestamptz", |call, a| to_timestamptz(call, timestamp(&a[0]))),
    ("timestamptz_timestamp", |call, a| Ok(Datum::Timestamp(utc_to_local(timestamptz(&a[0]), &call.settings.zone)?))),
    ("timestamp_age", |_, a| Ok(Datum::Interval(arithmetic::age(timestamp(&a[0]), timestamp(&a[1]), None)?))),
    ("timestamptz_age", |call, a| {
        let zone = Some(&call.settings.zone);
        Ok(Datum::Interval(arithmetic::age(timestamptz(&a[0]), timestamptz(&a[1]), zone)?))
    }),
    ("age:1114", |call, a| {
        not_null(a, |a| Ok(Datum::Interval(arithmetic::age(midnight(call)?, timestamp(&a[0]), None)?)))
    }),
    ("age:1184", |call, a| {
        not_null(a, |a| {
            let today = local_to_utc(midnight(call)?, &call.settings.zone)?;
            let zone = Some(&call.settings.zone);
            Ok(Datum::Interval(arithmetic::age(today, timestamptz(&a[0]), zone)?))
        })
    }),
    ("now", |call, _| Ok(Datum::TimestampTz(call.settings.transaction_micros))),
    ("statement_timestamp", |call, _| Ok(Datum::TimestampTz(call.settings.statement_micros))),
    ("float8_timestamptz", |_, a| Ok(Datum::TimestampTz(make::timestamptz_of_epoch(float8(&a[0]))?))),
    // Intervals
    ("interval_um", |_, a| Ok(Datum::Interval(interval(&a[0]).checked_neg()?))),
    ("interval_pl", |_, a| Ok(Datum::Interval(interval(&a[0]).checked_add(&interval(&a[1]))?))),
    ("interval_mi", |_, a| Ok(Datum::Interval(interval(&a[0]).checked_sub(&interval(&a[1]))?))),
    ("interval_mul", |_, a| Ok(Datum::Interval(interval(&a[0]).checked_mul(float8(&a[1]))?))),
    ("mul_d_interval", |_, a| Ok(Datum::Interval(interval(&a[1]).checked_mul(float8(&a[0]))?))),
    ("interval_div", |_, a| Ok(Datum::Interval(interval(&a[0]).checked_div(float8(&a[1]))?))),
    ("interval_finite", |_, _| Ok(Datum::Bool(true))),
    ("interval_justify_hours", |_, a| Ok(Datum::Interval(interval(&a[0]).justify_hours()?))),
    ("interval_justify_days", |_, a| Ok(Datum::Interval(interval(&a[0]).justify_days()?))),
    ("interval_justify_interval", |_, a| Ok(Datum::Interval(interval(&a[0]).justify()?))),
    // Periods
    ("overlaps_time", OVERLAPS),
    ("overlaps_timetz", OVERLAPS),
    ("overlaps_timestamp", OVERLAPS),
    ("overlaps:1184 1186 1184 1186", OVERLAPS_BY_LENGTH),
    ("overlaps:1184 1184 1184 1186", OVERLAPS_BY_LENGTH),
    ("overlaps:1184 1186 1184 1184", OVERLAPS_BY_LENGTH),
    ("overlaps:1114 1186 1114 1186", OVERLAPS_BY_LENGTH),
    ("overlaps:1114 1114 1114 1186", OVERLAPS_BY_LENGTH),
    ("overlaps:1114 1186 1114 1114", OVERLAPS_BY_LENGTH),
    ("overlaps:1083 1186 1083 1186", OVERLAPS_BY_LENGTH),
    ("overlaps:1083 1083 1083 1186", OVERLAPS_BY_LENGTH),
    ("overlaps:1083 1186 1083 1083", OVERLAPS_BY_LENGTH),
    // Fields
    ("extract_date", |call, a| fields::extract(text(&a[0]), source(call, &a[1]))?.numeric(call.settings)),
    ("extract_time", |call, a| fields::extract(text(&a[0]), source(call, &a[1]))?.numeric(call.settings)),
    ("extract_timetz", |call, a| fields::extract(text(&a[0]), source(call, &a[1]))?.numeric(call.settings)),
    ("extract_timestamp", |call, a| fields::extract(text(&a[0]), source(call, &a[1]))?.numeric(call.settings)),
    ("extract_timestamptz", |call, a| fields::extract(text(&a[0]), source(call, &a[1]))?.numeric(call.settings)),
    ("extract_interval", |call, a| fields::extract(text(&a[0]), source(call, &a[1]))?.numeric(call.settings)),
    ("date_part:25 1082", |call, a| {
        not_null(a, |a| {
            let midnight = Datum::Timestamp(arithmetic::date_to_timestamp(date(&a[1]))?);
            Ok(fields::extract(text(&a[0]), source(call, &midnight))?.float8())
        })
    }),
    ("time_part", |call, a| Ok(fields::extract(text(&a[0]), source(call, &a[1]))?.float8())),
    ("timetz_part", |call, a| Ok(fields::extract(text(&a[0]), source(call, &a[1]))?.float8())),
    ("timestamp_part", |call, a| Ok(fields::extract(text(&a[0]), source(call, &a[1]))?.float8())),
    ("timestamptz_part", |call, a| Ok(fields::extract(text(&a[0]), source(call, &a[1]))?.float8())),
    ("interval_part", |call, a| Ok(fields::extract(text(&a[0]), source(call, &a[1]))?.float8())),
    ("timestamp_trunc", |_, a| Ok(Datum::Timestamp(fields::truncate_timestamp(text(&a[0]), timestamp(&a[1]))?))),
    ("timestamptz_trunc", |call, a| {
        let zone = &call.settings.zone;
        Ok(Datum::TimestampTz(fields::truncate_timestamptz(text(&a[0]), timestamptz(&a[1]), zone)?))
    }),
    ("timestamptz_trunc_zone", |_, a| {
        let utc = timestamptz(&a[1]);
        if is_infinite(utc) {
            return Ok(a[1].clone());
        }
        let zone = NamedZone::find(text(&a[2]))?.zone();
        Ok(Datum::TimestampTz(fields::truncate_timestamptz(text(&a[0]), utc, &zone)?))
    }),
    ("interval_trunc", |_, a| Ok(Datum::Interval(fields::truncate_interval(text(&a[0]), &interval(&a[1]))?))),
    ("timestamp_bin", |_, a| Ok(Datum::Timestamp(fields::bin(&interval(&a[0]), timestamp(&a[1]), timestamp(&a[2]))?))),
    ("timestamptz_bin", |_, a| {
        Ok(Datum::TimestampTz(fields::bin(&interval(&a[0]), timestamptz(&a[1]), timestamptz(&a[2]))?))
    }),
    // Put together
    ("make_date", |_, a| Ok(Datum::Date(make::date(int4(&a[0]), int4(&a[1]), int4(&a[2]))?))),
    ("make_time", |_, a| Ok(Datum::Time(make::time(int4(&a[0]), int4(&a[1]), float8(&a[2]))?))),
    ("make_timestamp", |_, a| {
        let date = [int4(&a[0]), int4(&a[1]), int4(&a[2])];
        Ok(Datum::Timestamp(make::timestamp(date, int4(&a[3]), int4(&a[4]), float8(&a[5]))?))
    }),
    ("make_timestamptz", |call, a| {
        let (date, zone) = ([int4(&a[0]), int4(&a[1]), int4(&a[2])], &call.settings.zone);
        Ok(Datum::TimestampTz(make::timestamptz(date, int4(&a[3]), int4(&a[4]), float8(&a[5]), zone)?))
    }),
    ("make_timestamptz_at_timezone", |_, a| {
        let (date, zone) = ([int4(&a[0]), int4(&a[1]), int4(&a[2])], text(&a[6]));
        Ok(Datum::TimestampTz(make::timestamptz_at(date, int4(&a[3]), int4(&a[4]), float8(&a[5]), zone)?))
    }),
    ("make_interval", |_, a| {
        let counts = std::array::from_fn(|at| int4(&a[at]));
        Ok(Datum::Interval(make::interval(counts, float8(&a[6]))?))
    }),
    // In other zones
    ("timestamp_zone", |_, a| {
        let local = timestamp(&a[1]);
        if is_infinite(local) {
            return Ok(Datum::TimestampTz(local));
        }
        Ok(Datum::TimestampTz(NamedZone::find(text(&a[0]))?.local_to_utc(local)?))
    }),
    ("timestamptz_zone", |_, a| {
        let utc = timestamptz(&a[1]);
        if is_infinite(utc) {
            return Ok(Datum::Timestamp(utc));
        }
        Ok(Datum::Timestamp(NamedZone::find(text(&a[0]))?.utc_to_local(utc)?))
    }),
    ("timetz_zone", |call, a| Ok(Datum::TimeTz(NamedZone::find(text(&a[0]))?.timetz(timetz(&a[1]), call.settings)))),
    ("timestamp_izone", |_, a| {
        let local = timestamp(&a[1]);
        if is_infinite(local) {
            return Ok(Datum::TimestampTz(local));
        }
        Ok(Datum::TimestampTz(calendar::shift(local, -offset_of_interval(&interval(&a[0]))?)?))
    }),
    ("timestamptz_izone", |_, a| {
        let utc = timestamptz(&a[1]);
        if is_infinite(utc) {
            return Ok(Datum::Timestamp(utc));
        }
        Ok(Datum::Timestamp(calendar::shift(utc, offset_of_interval(&interval(&a[0]))?)?))
    }),
    ("timetz_izone", |_, a| Ok(Datum::TimeTz(timetz(&a[1]).at(-offset_of_interval(&interval(&a[0]))?)))),
    // Templates
    ("timestamp_to_char", |_, a| {
        let local = timestamp(&a[0]);
        if is_infinite(local) || text(&a[1]).is_empty() {
            return Ok(Datum::Null);
        }
        Ok(Datum::text(to_char::timestamp(&Civil::of(local), None, text(&a[1]))?))
    }),
    ("timestamptz_to_char", |call, a| {
        let utc = timestamptz(&a[0]);
        if is_infinite(utc) || text(&a[1]).is_empty() {
            return Ok(Datum::Null);
        }
        let local = call.settings.zone.at(utc);
        let civil = Civil::of(utc + i64::from(local.east_seconds) * calendar::MICROS_PER_SECOND);
        Ok(Datum::text(to_char::timestamp(&civil, Some(&local), text(&a[1]))?))
    }),
    ("interval_to_char", |_, a| match text(&a[1]) {
        "" => Ok(Datum::Null),
        template => Ok(Datum::text(to_char::interval(&interval(&a[0]), template)?)),
    }),
    ("to_timestamp", |call, a| {
        let from_char::Read { civil, east_seconds, precision } = from_char::parse(text(&a[0]), text(&a[1]))?;
        let east = east_seconds.unwrap_or_else(|| civil.offset_in(&call.settings.zone));
        let utc = calendar::checked_timestamp(civil.timestamptz(east))?;
        Ok(Datum::TimestampTz(io::limited_timestamp(utc, precision.unwrap_or(-1))?))
    }),
    ("to_date", to_date),
    // Type modifiers
    ("time_scale", |_, a| Ok(Datum::Time(io::limited_time(time(&a[0]), int4(&a[1]))))),
    ("timetz_scale", |_, a| {
        let time = timetz(&a[0]);
        Ok(Datum::TimeTz(TimeTz { micros: io::limited_time(time.micros, int4(&a[1])), ..time }))
    }),
    ("timestamp_scale", |_, a| Ok(Datum::Timestamp(io::limited_timestamp(timestamp(&a[0]), int4(&a[1]))?))),
    ("timestamptz_scale", |_, a| Ok(Datum::TimestampTz(io::limited_timestamp(timestamptz(&a[0]), int4(&a[1]))?))),
    ("interval_scale", |_, a| Ok(Datum::Interval(interval(&a[0]).limited(Modifier::of(int4(&a[1])))?))),
    ("timetypmodin", modifiers::TIME_IN),
    ("timetztypmodin", modifiers::TIMETZ_IN),
    ("timestamptypmodin", modifiers::TIMESTAMP_IN),
    ("timestamptztypmodin", modifiers::TIMESTAMPTZ_IN),
    ("intervaltypmodin", modifiers::INTERVAL_IN),
    ("timetypmodout", modifiers::WITHOUT_ZONE_OUT),
    ("timetztypmodout", modifiers::WITH_ZONE_OUT),
    ("timestamptypmodout", modifiers::WITHOUT_ZONE_OUT),
    ("timestamptztypmodout", modifiers::WITH_ZONE_OUT),
    ("intervaltypmodout", modifiers::INTERVAL_OUT),
];

const OVERLAPS: Scalar = |_, a| Ok(overlaps([&a[0], &a[1]], [&a[2], &a[3]]));

/// A period may be told by its length.
const OVERLAPS_BY_LENGTH: Scalar = |call, a| {
    let (first, second) = (end(call, &a[0], &a[1])?, end(call, &a[2], &a[3])?);
    Ok(overlaps([&a[0], &first], [&a[2], &second]))
};

fn end<'a>(call: &Call, start: &Datum, end: &'a Datum) -> Result<Cow<'a, Datum>> {
    let Datum::Interval(length) = end else { return Ok(Cow::Borrowed(end)) };
    Ok(Cow::Owned(match start {
        Datum::Null => Datum::Null,
        Datum::Time(start) => time_plus(*start, length),
        Datum::Timestamp(start) => plus_interval(*start, length)?,
        Datum::TimestampTz(start) => timestamptz_plus(call, *start, length)?,
        other => wrong(other),
    }))
}

/// For functions that SQL defines and that are not declared strict.
fn not_null(arguments: &[Datum], function: impl Fn(&[Datum]) -> Result<Datum>) -> Result<Datum> {
    if any_null(arguments) { Ok(Datum::Null) } else { function(arguments) }
}

/// Of functions that serve timestamps with and without zone.
fn micros(value: &Datum) -> i64 {
    match value {
        Datum::Timestamp(micros) | Datum::TimestampTz(micros) => *micros,
        other => wrong(other),
    }
}

fn plus_interval(local: i64, interval: &Interval) -> Result<Datum> {
    Ok(Datum::Timestamp(arithmetic::timestamp_plus(local, interval)?))
}

fn timestamptz_plus(call: &Call, utc: i64, interval: &Interval) -> Result<Datum> {
    Ok(Datum::TimestampTz(arithmetic::timestamptz_plus(utc, interval, &call.settings.zone)?))
}

fn time_plus(time: i64, interval: &Interval) -> Datum {
    Datum::Time(arithmetic::time_plus(time, interval.micros))
}

fn timetz_plus(time: TimeTz, interval: &Interval) -> Datum {
    Datum::TimeTz(TimeTz { micros: arithmetic::time_plus(time.micros, interval.micros), ..time })
}

fn date_and_time(day: &Datum, of_day: &Datum) -> Result<Datum> {
    Ok(Datum::Timestamp(arithmetic::date_and_time(date(day), time(of_day))?))
}

fn date_and_timetz(day: &Datum, of_day: &Datum) -> Result<Datum> {
    Ok(Datum::TimestampTz(arithmetic::date_and_timetz(date(day), timetz(of_day))?))
}

fn to_timestamptz(call: &Call, local: i64) -> Result<Datum> {
    if is_infinite(local) {
        return Ok(Datum::TimestampTz(local));
    }
    Ok(Datum::TimestampTz(local_to_utc(local, &call.settings.zone)?))
}

/// With the offset that the session's zone has today.
fn time_timetz(call: &Call, a: &[Datum]) -> Result<Datum> {
    let micros = time(&a[0]);
    let local = today(call.settings).with_time(micros);
    Ok(Datum::TimeTz(TimeTz { micros, west_seconds: -local.offset_in(&call.settings.zone) }))
}

fn today(settings: &Settings) -> Civil {
    super::parse::today(settings)
}

fn midnight(call: &Call) -> Result<i64> {
    arithmetic::date_to_timestamp(date(&now::current_date(call.settings)))
}

/// Infinity has none.
fn time_of(local: i64) -> Datum {
    if is_infinite(local) { Datum::Null } else { Datum::Time(local.rem_euclid(MICROS_PER_DAY)) }
}

fn source<'a>(call: &Call<'a>, value: &Datum) -> Source<'a> {
    match value {
        Datum::Date(date) => Source::Date(*date),
        Datum::Time(micros) => Source::Time(*micros),
        Datum::TimeTz(time) => Source::TimeTz(*time),
        Datum::Timestamp(micros) => Source::Timestamp(*micros),
        Datum::TimestampTz(micros) => Source::TimestampTz(*micros, &call.settings.zone),
        Datum::Interval(interval) => Source::Interval(*interval),
        other => wrong(other),
    }
}

fn to_date(_call: &Call, a: &[Datum]) -> Result<Datum> {
    let civil = from_char::parse(text(&a[0]), text(&a[1]))?.civil;
    let days = Some(civil).filter(|civil| calendar::is_julian_date(civil.year, civil.month));
    let days = days.map(|civil| civil.days()).filter(|days| calendar::is_date(*days));
    let refused = || {
        let message = format!("date out of range: \"{}\"", text(&a[0]));
        Error::new(sqlstate::DATETIME_FIELD_OVERFLOW, message)
    };
    Ok(Datum::Date(days.ok_or_else(refused)? as i32))
}
