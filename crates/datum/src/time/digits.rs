//! Numbers inside of the texts of dates and times: clocks, offsets, decimals.

use super::parse::{Parsed, Refusal};

/// A time with colons.
pub struct Clock {
    pub hour: i64,
    pub minute: i32,
    pub second: i32,
    pub micros: i32,
}

impl Clock {
    /// `two_are_minutes`: two parts without decimals are minutes and seconds.
    pub fn parse(text: &str, two_are_minutes: bool) -> Parsed<Clock> {
        let (hour, rest) = split_integer(text);
        let hour = hour.parse::<i64>().or(if hour.is_empty() { Ok(0) } else { Err(Refusal::FieldOverflow) })?;
        let rest = rest.strip_prefix(':').ok_or(Refusal::Format)?;
        let (minute, rest) = split_integer(rest);
        let minute = integer(minute)?.ok_or(Refusal::FieldOverflow)?;
        let shifted = |micros| {
            let shifted = i32::try_from(hour).map_err(|_| Refusal::FieldOverflow)?;
            Ok(Clock { hour: 0, minute: shifted, second: minute, micros })
        };
        let clock = match rest.as_bytes().first() {
            None if two_are_minutes => shifted(0)?,
            None => Clock { hour, minute, second: 0, micros: 0 },
            Some(b'.') => shifted(fraction_of_second(rest)?)?,
            Some(b':') => {
                let (second, rest) = split_integer(&rest[1..]);
                let second = integer(second)?.ok_or(Refusal::FieldOverflow)?;
                let micros = match rest.as_bytes().first() {
                    None => 0,
                    Some(b'.') => fraction_of_second(rest)?,
                    Some(_) => return Err(Refusal::Format),
                };
                Clock { hour, minute, second, micros }
            }
            Some(_) => return Err(Refusal::Format),
        };
        let Clock { hour, minute, second, micros } = clock;
        let wrong = hour < 0 || !(0..=59).contains(&minute) || !(0..=60).contains(&second) || micros < 0;
        if wrong { Err(Refusal::FieldOverflow) } else { Ok(clock) }
    }
}

/// `+05`, `-0330`, `+05:30:15`: seconds east of UTC.
pub fn offset(text: &str) -> Parsed<i32> {
    const HOUR_MAX: i32 = 15;
    let east = match text.as_bytes().first() {
        Some(b'+') => true,
        Some(b'-') => false,
        _ => return Err(Refusal::Format),
    };
    let part = |text: &str| integer(text)?.ok_or(Refusal::ZoneOverflow);
    let (digits, mut rest) = split_integer(&text[1..]);
    let mut hour = part(digits)?;
    let (mut minute, mut second) = (0, 0);
    if let Some(after) = rest.strip_prefix(':') {
        let (digits, after) = split_integer(after);
        minute = part(digits)?;
        rest = after;
        if let Some(after) = rest.strip_prefix(':') {
            let (digits, after) = split_integer(after);
            second = part(digits)?;
            rest = after;
        }
    } else if rest.is_empty() && text.len() > 3 {
        (hour, minute) = (hour / 100, hour % 100);
    }
    if !(0..=HOUR_MAX).contains(&hour) || !(0..60).contains(&minute) || !(0..60).contains(&second) {
        return Err(Refusal::ZoneOverflow);
    }
    if !rest.is_empty() {
        return Err(Refusal::Format);
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    Ok(if east { seconds } else { -seconds })
}

/// The number that a text begins with, sign included, as C's `strtol` finds it, and what follows it.
pub fn split_integer(text: &str) -> (&str, &str) {
    let sign = usize::from(text.starts_with(['+', '-']));
    let digits = text.as_bytes()[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.split_at(if digits == 0 { 0 } else { sign + digits })
}

/// None if it doesn't fit; nothing is 0.
pub fn integer(digits: &str) -> Parsed<Option<i32>> {
    if digits.is_empty() {
        return Ok(Some(0));
    }
    Ok(digits.parse().ok())
}

/// As C's `atoi` on what is all digits: too many of them make some number, which the ranges refuse later.
pub fn wrapping(digits: &str) -> i32 {
    if digits.is_empty() {
        return 0;
    }
    digits.parse::<i64>().unwrap_or(i64::MAX) as i32
}

/// `.25` as microseconds.
pub fn fraction_of_second(text: &str) -> Parsed<i32> {
    Ok((decimals(text)? * 1e6).round_ties_even() as i32)
}

/// `.25`, and nothing after it; a point alone is 0.
pub fn decimals(text: &str) -> Parsed<f64> {
    let digits = text.strip_prefix('.').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    match digits {
        Some("") => Ok(0.0),
        Some(_) => text.parse().map_err(|_| Refusal::Format),
        None => Err(Refusal::Format),
    }
}

/// `.25`, whatever comes after it.
pub fn leading_decimals(text: &str) -> f64 {
    let digits = text[1..].bytes().take_while(|byte| byte.is_ascii_digit()).count();
    text[..=digits].parse().unwrap_or(0.0)
}
