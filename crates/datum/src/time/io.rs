//! Text and binary forms of dates, times and intervals, and what their type modifiers do.

use super::calendar::{
    self, Civil, DATE_INFINITY, DATE_MINUS_INFINITY, INFINITY, MICROS_PER_DAY, MINUS_INFINITY, UNIX_EPOCH_MICROS,
    is_infinite, round_micros,
};
use super::interval::{Interval, Modifier};
use super::parse::{self, Moment, Refusal};
use super::{TimeTz, format, interval_parse, lexer};
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::Settings;
use crate::io::{IoTable, TypeIo, malformed};
use crate::{oid, sqlstate};

pub const IO: IoTable = &[
    (oid::DATE, TypeIo { parse: parse_date, format: format_any, receive: receive_date, send: send_any }),
    (oid::TIME, TypeIo { parse: parse_time, format: format_any, receive: receive_time, send: send_any }),
    (oid::TIMETZ, TypeIo { parse: parse_timetz, format: format_any, receive: receive_timetz, send: send_any }),
    (oid::TIMESTAMP, TypeIo { parse: parse_timestamp, format: format_any, receive: receive_timestamp, send: send_any }),
    (
        oid::TIMESTAMPTZ,
        TypeIo { parse: parse_timestamptz, format: format_any, receive: receive_timestamptz, send: send_any },
    ),
    (oid::INTERVAL, TypeIo { parse: parse_interval, format: format_any, receive: receive_interval, send: send_any }),
];

fn parse_date(text: &str, _modifier: i32, settings: &Settings) -> Result<Datum> {
    let moment = parse::timestamp(text, lexer::DATE_BYTES_MAX, settings).map_err(|error| error.error(text, "date"))?;
    let days = match moment {
        Moment::Infinity => DATE_INFINITY,
        Moment::MinusInfinity => DATE_MINUS_INFINITY,
        Moment::Epoch => (UNIX_EPOCH_MICROS / MICROS_PER_DAY) as i32,
        Moment::At(civil, _) => {
            let days = Some(civil).filter(|civil| calendar::is_julian_date(civil.year, civil.month));
            let days = days.map(|civil| civil.days()).filter(|days| calendar::is_date(*days));
            days.ok_or_else(|| out_of_range("date", text))? as i32
        }
    };
    Ok(Datum::Date(days))
}

fn out_of_range(type_name: &str, text: &str) -> Error {
    Error::new(sqlstate::DATETIME_FIELD_OVERFLOW, format!("{type_name} out of range: \"{text}\""))
}

fn parse_time(text: &str, modifier: i32, settings: &Settings) -> Result<Datum> {
    let (micros, _) = parse::time(text, settings).map_err(|error| error.error(text, "time"))?;
    Ok(Datum::Time(limited_time(micros, modifier)))
}

fn parse_timetz(text: &str, modifier: i32, settings: &Settings) -> Result<Datum> {
    let parsed = parse::time(text, settings).map_err(|error| error.error(text, "time with time zone"))?;
    let (micros, east_seconds) = parsed;
    Ok(Datum::TimeTz(TimeTz { micros: limited_time(micros, modifier), west_seconds: -east_seconds }))
}

fn parse_timestamp(text: &str, modifier: i32, settings: &Settings) -> Result<Datum> {
    let micros = moment(text, settings, "timestamp", |civil, _| civil.timestamp())?;
    Ok(Datum::Timestamp(limited_timestamp(micros, modifier)?))
}

fn parse_timestamptz(text: &str, modifier: i32, settings: &Settings) -> Result<Datum> {
    let micros = moment(text, settings, "timestamp with time zone", |civil, east| civil.timestamptz(east))?;
    Ok(Datum::TimestampTz(limited_timestamp(micros, modifier)?))
}

fn moment(text: &str, settings: &Settings, name: &str, micros: fn(&Civil, i32) -> Option<i64>) -> Result<i64> {
    let moment = parse::timestamp(text, lexer::TIMESTAMP_BYTES_MAX, settings);
    match moment.map_err(|error| error.error(text, name))? {
        Moment::Infinity => Ok(INFINITY),
        Moment::MinusInfinity => Ok(MINUS_INFINITY),
        Moment::Epoch => Ok(UNIX_EPOCH_MICROS),
        Moment::At(civil, east) => micros(&civil, east).ok_or_else(|| out_of_range("timestamp", text)),
    }
}

fn parse_interval(text: &str, modifier: i32, settings: &Settings) -> Result<Datum> {
    let modifier = Modifier::of(modifier);
    let parsed = interval_parse::interval(text, modifier, settings.interval_style);
    let interval = parsed.map_err(|refusal: Refusal| refusal.error(text, "interval"))?;
    Ok(Datum::Interval(interval.ok_or_else(calendar::interval_out_of_range)?.limited(modifier)?))
}

/// To so many decimals of the second; a modifier that is none leaves it as it is.
pub fn limited_time(micros: i64, modifier: i32) -> i64 {
    match modifier {
        0..=6 => round_micros(micros, modifier).expect("a time of day is far from the largest number"),
        _ => micros,
    }
}

pub fn limited_timestamp(micros: i64, modifier: i32) -> Result<i64> {
    match modifier {
        -1 => Ok(micros),
        _ if is_infinite(micros) => Ok(micros),
        0..=6 => round_micros(micros, modifier).ok_or_else(calendar::timestamp_out_of_range),
        _ => Err(Error::new(
            sqlstate::INVALID_PARAMETER_VALUE,
            format!("timestamp({modifier}) precision must be between 0 and 6"),
        )),
    }
}

fn format_any(value: &Datum, settings: &Settings, out: &mut String) {
    match value {
        Datum::Date(days) => format::date(*days, settings.date_style, out),
        Datum::Time(micros) => format::time(*micros, out),
        Datum::TimeTz(time) => format::timetz(time.micros, -time.west_seconds, out),
        Datum::Timestamp(micros) => format::timestamp(*micros, settings.date_style, out),
        Datum::TimestampTz(micros) => format::timestamptz(*micros, &settings.zone, settings.date_style, out),
        Datum::Interval(interval) => format::interval(interval, settings.interval_style, out),
        other => panic!("{other:?} is no date, time or interval"),
    }
}

fn send_any(value: &Datum, out: &mut Vec<u8>) {
    match value {
        Datum::Date(days) => out.extend_from_slice(&days.to_be_bytes()),
        Datum::Time(micros) | Datum::Timestamp(micros) | Datum::TimestampTz(micros) => {
            out.extend_from_slice(&micros.to_be_bytes());
        }
        Datum::TimeTz(time) => {
            out.extend_from_slice(&time.micros.to_be_bytes());
            out.extend_from_slice(&time.west_seconds.to_be_bytes());
        }
        Datum::Interval(interval) => {
            out.extend_from_slice(&interval.micros.to_be_bytes());
            out.extend_from_slice(&interval.days.to_be_bytes());
            out.extend_from_slice(&interval.months.to_be_bytes());
        }
        other => panic!("{other:?} is no date, time or interval"),
    }
}

/// The next eight bytes of a binary form.
fn read_i64(bytes: &mut &[u8], type_name: &str) -> Result<i64> {
    let (first, rest) = bytes.split_first_chunk().ok_or_else(|| malformed(type_name))?;
    *bytes = rest;
    Ok(i64::from_be_bytes(*first))
}

fn read_i32(bytes: &mut &[u8], type_name: &str) -> Result<i32> {
    let (first, rest) = bytes.split_first_chunk().ok_or_else(|| malformed(type_name))?;
    *bytes = rest;
    Ok(i32::from_be_bytes(*first))
}

fn end(bytes: &[u8], type_name: &str) -> Result<()> {
    if bytes.is_empty() { Ok(()) } else { Err(malformed(type_name)) }
}

fn receive_date(mut bytes: &[u8], _modifier: i32) -> Result<Datum> {
    let days = read_i32(&mut bytes, "date")?;
    end(bytes, "date")?;
    if calendar::is_infinite_date(days) || calendar::is_date(i64::from(days)) {
        Ok(Datum::Date(days))
    } else {
        Err(calendar::date_out_of_range())
    }
}

fn time_of_day(micros: i64) -> Result<i64> {
    if (0..=MICROS_PER_DAY).contains(&micros) {
        Ok(micros)
    } else {
        Err(Error::new(sqlstate::DATETIME_FIELD_OVERFLOW, "time out of range"))
    }
}

fn receive_time(mut bytes: &[u8], modifier: i32) -> Result<Datum> {
    let micros = time_of_day(read_i64(&mut bytes, "time")?)?;
    end(bytes, "time")?;
    Ok(Datum::Time(limited_time(micros, modifier)))
}

fn receive_timetz(mut bytes: &[u8], modifier: i32) -> Result<Datum> {
    const WEST_MAX: i32 = 16 * 3600;
    let micros = time_of_day(read_i64(&mut bytes, "time with time zone")?)?;
    let west_seconds = read_i32(&mut bytes, "time with time zone")?;
    end(bytes, "time with time zone")?;
    if west_seconds <= -WEST_MAX || west_seconds >= WEST_MAX {
        let state = sqlstate::INVALID_TIME_ZONE_DISPLACEMENT_VALUE;
        return Err(Error::new(state, "time zone displacement out of range"));
    }
    Ok(Datum::TimeTz(TimeTz { micros: limited_time(micros, modifier), west_seconds }))
}

fn receive_micros(mut bytes: &[u8], modifier: i32, type_name: &str) -> Result<i64> {
    let micros = read_i64(&mut bytes, type_name)?;
    end(bytes, type_name)?;
    if is_infinite(micros) || calendar::is_timestamp(micros) {
        limited_timestamp(micros, modifier)
    } else {
        Err(calendar::timestamp_out_of_range())
    }
}

fn receive_timestamp(bytes: &[u8], modifier: i32) -> Result<Datum> {
    receive_micros(bytes, modifier, "timestamp").map(Datum::Timestamp)
}

fn receive_timestamptz(bytes: &[u8], modifier: i32) -> Result<Datum> {
    receive_micros(bytes, modifier, "timestamp with time zone").map(Datum::TimestampTz)
}

fn receive_interval(mut bytes: &[u8], modifier: i32) -> Result<Datum> {
    let micros = read_i64(&mut bytes, "interval")?;
    let days = read_i32(&mut bytes, "interval")?;
    let months = read_i32(&mut bytes, "interval")?;
    end(bytes, "interval")?;
    Ok(Datum::Interval(Interval { micros, days, months }.limited(Modifier::of(modifier))?))
}
