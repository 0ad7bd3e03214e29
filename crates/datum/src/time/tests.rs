//! Expectations are PostgreSQL 15's own answers, in the zone America/New_York unless a test says otherwise.
//!
//! A value is written `type=text`, an error as its state, message, detail and hint.

use super::fields::{self, Source};
use super::zone::Zone;
use super::{Interval, TimeTz, calendar};
use crate::builtin::builtin;
use crate::datum::Datum;
use crate::error::Result;
use crate::function::{self, Call, DateFormat, DateOrder, DateStyle, IntervalStyle, Settings};
use crate::io::Form;
use crate::oid::{self, Oid};

fn settings() -> Settings {
    let zone = Zone::by_name("America/New_York").expect("a zone of the database");
    Settings { zone, ..Settings::default() }
}

fn type_of(name: &str) -> Oid {
    builtin().type_by_name(name).expect("a type").oid
}

fn read(type_name: &str, text: &str, settings: &Settings) -> Result<Datum> {
    Ok(match (type_name, text) {
        (_, "\\N") => Datum::Null,
        ("text", text) => Datum::text(text),
        ("int4", text) => Datum::Int4(text.parse().expect("an integer")),
        ("float8", text) => Datum::Float8(text.parse().expect("a float")),
        (name, text) => Form::of(type_of(name)).expect("a form").parse(text, -1, settings)?,
    })
}

fn shown(value: Result<Datum>, settings: &Settings) -> String {
    let value = match value {
        Ok(value) => value,
        Err(error) => {
            let fields = error.fields();
            let rest = [&fields.detail, &fields.hint].into_iter().flatten().map(|text| format!(" | {text}"));
            return format!("ERROR {} {}{}", fields.state, fields.message, rest.collect::<String>());
        }
    };
    let form = match &value {
        Datum::Null => return "NULL".to_owned(),
        Datum::Bool(value) => return if *value { "t" } else { "f" }.to_owned(),
        Datum::Int4(value) => return value.to_string(),
        Datum::Float8(value) => return value.to_string(),
        Datum::Text(text) => return text.to_string(),
        Datum::Date(_) => oid::DATE,
        Datum::Time(_) => oid::TIME,
        Datum::TimeTz(_) => oid::TIMETZ,
        Datum::Timestamp(_) => oid::TIMESTAMP,
        Datum::TimestampTz(_) => oid::TIMESTAMPTZ,
        Datum::Interval(_) => oid::INTERVAL,
        other => panic!("{other:?}"),
    };
    let mut out = String::new();
    Form::of(form).expect("a form").format(&value, settings, &mut out);
    out
}

/// By name and types of the arguments, as the binder finds it.
fn call(name: &str, arguments: &[&str], settings: &Settings) -> Result<Datum> {
    let arguments = arguments.iter().map(|argument| argument.split_once('=').expect("type=text"));
    let (types, values): (Vec<_>, Vec<_>) =
        arguments.map(|(name, text)| (type_of(name), read(name, text, settings))).unzip();
    let list = types.iter().map(Oid::to_string).collect::<Vec<_>>().join(" ");
    let row = builtin().functions_named(name).find(|row| row.argument_list == list).expect("a row of pg_proc");
    let values = values.into_iter().collect::<Result<Vec<_>>>()?;
    if row.strict && values.iter().any(Datum::is_null) {
        return Ok(Datum::Null);
    }
    let scalar = function::scalar(row.source).or_else(|| function::scalar(&format!("{name}:{list}")));
    let call = Call { settings, argument_types: &types, result_type: row.result };
    scalar.unwrap_or_else(|| panic!("{name}({list}) is missing"))(&call, &values)
}

#[test]
fn texts_are_read_as_postgresql_reads_them() {
    let settings = settings();
    for (type_name, text, expected) in READ {
        assert_eq!(shown(read(type_name, text, &settings), &settings), *expected, "{type_name} {text:?}");
    }
}

#[test]
fn every_date_style_prints() {
    for (format, order, type_name, text, expected) in PRINTED {
        let settings = Settings { date_style: DateStyle { format: *format, order: *order }, ..settings() };
        assert_eq!(shown(read(type_name, text, &settings), &settings), *expected, "{format:?} {order:?} {text:?}");
    }
}

#[test]
fn every_interval_style_prints_and_reads_back() {
    use IntervalStyle::{Iso8601, Postgres, PostgresVerbose, SqlStandard};
    for (text, expected) in INTERVALS {
        let value = read("interval", text, &settings()).expect("an interval");
        for (style, expected) in [Postgres, PostgresVerbose, SqlStandard, Iso8601].into_iter().zip(expected) {
            let settings = Settings { interval_style: style, ..settings() };
            assert_eq!(shown(Ok(value.clone()), &settings), *expected, "{style:?} {text:?}");
            assert_eq!(shown(read("interval", expected, &settings), &settings), *expected, "{style:?} {text:?}");
        }
    }
}

#[test]
fn functions_answer_as_postgresqls() {
    let settings = settings();
    for (name, arguments, expected) in CALLED {
        assert_eq!(shown(call(name, arguments, &settings), &settings), *expected, "{name} {arguments:?}");
    }
}

#[test]
fn fields_have_postgresqls_decimals() {
    let settings = settings();
    for (field, source, expected) in EXTRACTED {
        let (type_name, text) = source.split_once('=').expect("type=text");
        let value = read(type_name, text, &settings).expect("a value");
        let source = match &value {
            Datum::Date(date) => Source::Date(*date),
            Datum::TimeTz(time) => Source::TimeTz(*time),
            Datum::Timestamp(micros) => Source::Timestamp(*micros),
            Datum::TimestampTz(micros) => Source::TimestampTz(*micros, &settings.zone),
            Datum::Interval(interval) => Source::Interval(*interval),
            other => panic!("{other:?}"),
        };
        let got = match fields::extract(field, source) {
            Ok(value) => value.text().unwrap_or_else(|| "NULL".to_owned()),
            Err(error) => shown(Err(error), &settings),
        };
        assert_eq!(got, *expected, "{field} {type_name} {text:?}");
    }
}

#[test]
fn every_function_of_these_types_is_there() {
    let types = [oid::DATE, oid::TIME, oid::TIMETZ, oid::TIMESTAMP, oid::TIMESTAMPTZ, oid::INTERVAL];
    let others = ["hash", "in_range", "range", "pg_", "accum", "interval_avg", "percentile", "clock_timestamp"];
    let ours = |row: &&crate::builtin::Function| {
        let typed = row.arguments.iter().any(|oid| types.contains(oid));
        row.kind == b'f' && typed && !others.iter().any(|part| row.name.contains(part))
    };
    let is_form = |name: &str| ["_in", "_out", "_recv", "_send"].iter().any(|end| name.ends_with(end));
    let mut missing = Vec::new();
    for row in builtin().functions.iter().filter(ours).filter(|row| !is_form(row.name)) {
        let by_types = format!("{}:{}", row.name, row.argument_list);
        let there = match row.returns_set {
            true => function::set(row.source).is_some(),
            false => function::scalar(row.source).or_else(|| function::scalar(&by_types)).is_some(),
        };
        if !there {
            missing.push(by_types);
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn days_and_dates_agree_over_the_whole_range() {
    let (first, last) = (calendar::days(-4713, 11, 24), calendar::days(5_874_897, 12, 31));
    assert!(calendar::is_date(first) && !calendar::is_date(first - 1));
    assert!(calendar::is_date(last) && !calendar::is_date(last + 1));
    for days in (first..=last).step_by(99_991).chain(-800_000..200_000) {
        let (year, month, day) = calendar::from_days(days);
        assert_eq!(calendar::days(year, month, day), days);
        assert!((1..=calendar::days_in_month(year, month)).contains(&day));
    }
}

#[test]
fn zones_are_named_as_show_prints_them() {
    let names = [
        ("utc", "UTC"),
        ("america/new_york", "America/New_York"),
        ("est5edt", "EST5EDT"),
        ("UTC+3", "UTC+3"),
        ("<+03>-03", "<+03>-03"),
        ("foo5bar", "FOO5BAR"),
        ("3", "<+03>-03"),
        ("-5.5", "<-05:30>+05:30"),
        ("0", "<+00>-00"),
    ];
    for (setting, name) in names {
        assert_eq!(Zone::parse(setting).expect(setting).name(), name);
    }
    for refused in ["foo", "PST", "", "200", "UTC+300", "<+0345:30>-3:45:30"] {
        assert!(Zone::parse(refused).is_err(), "{refused:?}");
    }
}

#[test]
fn every_abbreviation_with_a_history_has_its_zone() {
    for (abbreviation, meaning) in super::abbreviations::all() {
        assert_eq!(super::abbreviations::find(&abbreviation.to_lowercase()), Some(*meaning));
        if let super::abbreviations::Meaning::Of(zone) = meaning {
            assert!(Zone::by_name(zone).is_some(), "{zone}");
        }
    }
}

fn intervals() -> Vec<Interval> {
    let (small, large) = ([0, 1, -1, 29, 30, -30, 31], [i32::MIN, i32::MAX]);
    let micros = [0, 1, -1, calendar::MICROS_PER_DAY, -calendar::MICROS_PER_DAY, i64::MIN, i64::MAX];
    let counts = || small.into_iter().chain(large);
    let all = counts().flat_map(|months| counts().map(move |days| (months, days)));
    all.flat_map(|(months, days)| micros.map(|micros| Interval { months, days, micros })).collect()
}

#[test]
fn keys_of_intervals_order_and_read_back() {
    let all = intervals();
    let key = |interval: &Interval| {
        let mut key = Vec::new();
        interval.encode_key(&mut key);
        key
    };
    for a in &all {
        let key = key(a);
        let mut input = &key[..];
        assert!(Interval::decode_key(&mut input).expect("its own key").is_identical(a), "{a:?}");
        assert!(input.is_empty());
        assert!(Interval::decode_key(&mut &key[1..]).is_err());
    }
    for a in all.iter().step_by(7) {
        for b in &all {
            let order = a.cmp(b);
            assert!(order.is_eq() || order == key(a).cmp(&key(b)), "{a:?} {b:?}");
        }
    }
}

#[test]
fn keys_of_times_with_zone_order_and_read_back() {
    let times = [0, 1, 43_200_000_000, 86_400_000_000];
    let zones = [-57_599, -3600, 0, 3600, 57_599];
    let all = times.iter().flat_map(|&micros| zones.map(|west_seconds| TimeTz { micros, west_seconds }));
    let all = all.collect::<Vec<_>>();
    let key = |time: &TimeTz| {
        let mut key = Vec::new();
        time.encode_key(&mut key);
        key
    };
    for a in &all {
        assert_eq!(TimeTz::decode_key(&mut &key(a)[..]).expect("its own key"), *a);
        for b in &all {
            assert_eq!(a.cmp(b), key(a).cmp(&key(b)), "{a:?} {b:?}");
        }
    }
}

#[test]
fn binary_forms_read_back_and_are_checked() {
    let settings = settings();
    let values = [
        ("date", "2020-01-31", "00001ca7"),
        ("date", "infinity", "7fffffff"),
        ("time", "12:34:56.789", "0000000a8be62608"),
        ("timetz", "12:00-05", "0000000a0eebb00000004650"),
        ("timestamp", "1999-12-31 23:59:59.999999", "ffffffffffffffff"),
        ("timestamptz", "2000-01-01 00:00:01+00", "00000000000f4240"),
        ("interval", "1 year 2 days 00:00:03", "00000000002dc6c0000000020000000c"),
    ];
    for (type_name, text, expected) in values {
        let form = Form::of(type_of(type_name)).expect("a form");
        let value = read(type_name, text, &settings).expect("a value");
        let mut bytes = Vec::new();
        form.send(&value, &mut bytes);
        assert_eq!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), expected, "{text}");
        assert_eq!(form.receive(&bytes, -1).expect("its own form"), value);
        assert!(form.receive(&bytes[1..], -1).is_err());
        bytes.push(0);
        assert!(form.receive(&bytes, -1).is_err());
    }
    let refused =
        [("date", &[0x7f, 0xff, 0xff, 0xfe][..]), ("time", &[0xff; 8]), ("timestamp", &[0x80, 0, 0, 0, 0, 0, 0, 1])];
    for (type_name, bytes) in refused {
        assert!(Form::of(type_of(type_name)).expect("a form").receive(bytes, -1).is_err(), "{type_name}");
    }
}

#[test]
fn type_modifiers_limit_and_print() {
    let settings = settings();
    let limited = |type_name: &str, modifier: i32, text: &str| {
        let form = Form::of(type_of(type_name)).expect("a form");
        shown(form.parse(text, modifier, &settings), &settings)
    };
    assert_eq!(limited("timestamp", 0, "2020-01-01 00:00:00.5"), "2020-01-01 00:00:01");
    assert_eq!(limited("timestamp", 0, "1999-01-01 00:00:00.5"), "1999-01-01 00:00:00");
    assert_eq!(limited("time", 3, "23:59:59.9999"), "24:00:00");
    let day_to_second = super::modifiers::interval(7176, Some(2)).expect("a modifier");
    assert_eq!(super::modifiers::interval_text(day_to_second), " day to second(2)");
    assert_eq!(limited("interval", day_to_second, "1 day 2:03:04.567"), "1 day 02:03:04.57");
    let year_to_month = super::modifiers::interval(6, None).expect("a modifier");
    assert_eq!(super::modifiers::interval_text(year_to_month), " year to month");
    assert_eq!(limited("interval", year_to_month, "5"), "5 mons");
    assert!(super::modifiers::interval(5, None).is_err());
    assert_eq!(super::modifiers::interval(calendar_all(), None).expect("a modifier"), -1);
}

fn calendar_all() -> i32 {
    super::interval::Modifier::ALL_FIELDS
}

fn aggregated(name: &str, values: &[&str], retracted: usize) -> String {
    let settings = settings();
    let call = Call { settings: &settings, argument_types: &[oid::INTERVAL], result_type: oid::INTERVAL };
    let mut state = (function::aggregate(name, "1186").expect("an aggregate").new)(&call);
    let values = values.iter().map(|text| [read("interval", text, &settings).expect("an interval")]);
    let values = values.collect::<Vec<_>>();
    for value in &values {
        state.step(&call, value).expect("a step");
    }
    for value in &values[..retracted] {
        assert!(state.retract(&call, value).expect("a step back"));
    }
    shown(state.finish(&call), &settings)
}

#[test]
fn intervals_are_summed_and_averaged() {
    assert_eq!(aggregated("sum", &["1 month", "2 days", "03:00"], 0), "1 mon 2 days 03:00:00");
    assert_eq!(aggregated("avg", &["1 month", "2 days", "03:00"], 0), "10 days 17:00:00");
    assert_eq!(aggregated("sum", &["1 month", "2 days", "03:00"], 1), "2 days 03:00:00");
    assert_eq!(aggregated("avg", &["1 month"], 1), "NULL");
    assert_eq!(aggregated("max", &["1 month", "30 days", "1 day"], 0), "30 days");
    assert_eq!(aggregated("min", &["1 month", "30 days", "40 days"], 0), "30 days");
}

#[test]
fn a_series_ends_before_what_is_beyond() {
    let settings = settings();
    let call = Call { settings: &settings, argument_types: &[], result_type: oid::TIMESTAMPTZ };
    let series = |start: &str, stop: &str, step: &str| {
        let arguments = [("timestamptz", start), ("timestamptz", stop), ("interval", step)];
        let arguments = arguments.map(|(name, text)| read(name, text, &settings).expect("a value"));
        let rows = function::set("generate_series_timestamptz").expect("a set")(&call, &arguments)?;
        rows.map(|row| row.map(|row| shown(Ok(row[0].clone()), &settings))).collect::<Result<Vec<_>>>()
    };
    let days = series("2020-10-31", "2020-11-02", "1 day").expect("rows");
    assert_eq!(days, ["2020-10-31 00:00:00-04", "2020-11-01 00:00:00-04", "2020-11-02 00:00:00-05"]);
    assert_eq!(series("2020-01-02", "2020-01-01", "-1 day").expect("rows").len(), 2);
    assert_eq!(series("2020-01-02", "2020-01-01", "1 day").expect("rows").len(), 0);
    assert_eq!(series("2020-01-02", "2020-01-01", "0").expect_err("no step").message(), "step size cannot equal zero");
    assert!(series("294276-12-30", "infinity", "1 day").is_err());
}

const READ: &[(&str, &str, &str)] = &[
    ("date", "January 8, 1999", "1999-01-08"),
    ("date", "1/8/1999", "1999-01-08"),
    ("date", "08-Jan-99", "1999-01-08"),
    ("date", "19990108", "1999-01-08"),
    ("date", "1999.008", "1999-01-08"),
    ("date", "J2451187", "1999-01-08"),
    ("date", "0099-01-08 BC", "0099-01-08 BC"),
    ("date", "4714-11-24 BC", "4714-11-24 BC"),
    ("date", "4714-11-23 BC", "ERROR 22008 date out of range: \"4714-11-23 BC\""),
    ("date", "5874897-12-31", "5874897-12-31"),
    ("date", "5874898-01-01", "ERROR 22008 date out of range: \"5874898-01-01\""),
    ("date", "epoch", "1970-01-01"),
    ("date", "-infinity", "-infinity"),
    ("date", "2020-02-30", "ERROR 22008 date/time field value out of range: \"2020-02-30\""),
    (
        "date",
        "13/1/2020",
        "ERROR 22008 date/time field value out of range: \"13/1/2020\" | Perhaps you need a different \"datestyle\" setting.",
    ),
    ("date", "0000-01-01", "ERROR 22008 date/time field value out of range: \"0000-01-01\""),
    ("date", "y2020m02d03", "2020-02-03"),
    ("date", "foo", "ERROR 22007 invalid input syntax for type date: \"foo\""),
    ("timestamp", "2020-01-02T030405.25", "2020-01-02 03:04:05.25"),
    ("timestamp", "2020-01-01 24:00:00", "2020-01-02 00:00:00"),
    ("timestamp", "2020-01-01 24:00:01", "ERROR 22008 date/time field value out of range: \"2020-01-01 24:00:01\""),
    ("timestamp", "2020-01-01 12:05 AM", "2020-01-01 00:05:00"),
    ("timestamp", "2020-01-01 13:05 PM", "ERROR 22008 date/time field value out of range: \"2020-01-01 13:05 PM\""),
    ("timestamp", "Wed Jan 1 12:00:00.5 2020 PST", "2020-01-01 12:00:00.5"),
    ("timestamp", "294276-12-31 23:59:59.999999", "294276-12-31 23:59:59.999999"),
    ("timestamp", "294277-01-01", "ERROR 22008 timestamp out of range: \"294277-01-01\""),
    ("timestamp", "2020-01-01 foo", "ERROR 22007 invalid input syntax for type timestamp: \"2020-01-01 foo\""),
    ("timestamp", "2020-01-01 Foo/Bar", "ERROR 22023 time zone \"foo/bar\" not recognized"),
    ("timestamp", "2020-01-01 00:00+16", "ERROR 22009 time zone displacement out of range: \"2020-01-01 00:00+16\""),
    ("timestamp", "infinity", "infinity"),
    ("timestamp", "2020-01-01 23:59:59.9999999", "2020-01-02 00:00:00"),
    ("timestamptz", "2020-03-08 02:30", "2020-03-08 03:30:00-04"),
    ("timestamptz", "2020-11-01 01:30", "2020-11-01 01:30:00-05"),
    ("timestamptz", "2020-07-01 12:00 PST", "2020-07-01 16:00:00-04"),
    ("timestamptz", "2012-01-01 MSK", "2011-12-31 15:00:00-05"),
    ("timestamptz", "2014-11-01 MSK", "2014-10-31 17:00:00-04"),
    ("timestamptz", "1883-11-18 12:00", "1883-11-18 12:00:00-05"),
    ("timestamptz", "20000-06-01 00:00 America/New_York", "20000-06-01 00:00:00-04"),
    (
        "timestamptz",
        "2020-01-01 00:00 <+03>-03",
        "ERROR 22007 invalid input syntax for type timestamp with time zone: \"2020-01-01 00:00 <+03>-03\"",
    ),
    ("timestamptz", "2020-01-01 00:00 CET-1CEST", "2019-12-31 18:00:00-05"),
    ("timestamptz", "4714-11-24 00:00 BC", "4714-11-24 00:00:00-04:56:02 BC"),
    ("timestamptz", "0001-01-01", "0001-01-01 00:00:00-04:56:02"),
    ("time", "04:05 PM", "16:05:00"),
    ("time", "040506.7", "04:05:06.7"),
    ("time", "24:00", "24:00:00"),
    ("time", "24:00:01", "ERROR 22008 date/time field value out of range: \"24:00:01\""),
    ("time", "allballs", "00:00:00"),
    ("time", "1.5", "ERROR 22007 invalid input syntax for type time: \"1.5\""),
    ("time", "25:00", "ERROR 22008 date/time field value out of range: \"25:00\""),
    ("timetz", "04:05:06-08:00:30", "04:05:06-08:00:30"),
    ("timetz", "04:05 EST DST", "04:05:00-04"),
    ("timetz", "2003-04-12 04:05:06 America/New_York", "04:05:06-04"),
    (
        "timetz",
        "04:05:06 America/New_York",
        "ERROR 22007 invalid input syntax for type time with time zone: \"04:05:06 America/New_York\"",
    ),
    ("timetz", "15:00 UTC", "15:00:00+00"),
    ("interval", "1 year 2 mons -3 days 04:05:06.789", "1 year 2 mons -3 days +04:05:06.789"),
    ("interval", "P1Y2M3DT4H5M6.7S", "1 year 2 mons 3 days 04:05:06.7"),
    ("interval", "P0001-02-03T04:05:06", "1 year 2 mons 3 days 04:05:06"),
    ("interval", "1-2 3 4:05:06", "1 year 2 mons 3 days 04:05:06"),
    ("interval", "1.5 months", "1 mon 15 days"),
    ("interval", "0.333333 years", "4 mons"),
    ("interval", "3 days ago", "-3 days"),
    ("interval", "2 weeks 1.5 hours", "14 days 01:30:00"),
    ("interval", "-1:02.5", "-00:01:02.5"),
    ("interval", "1 day 1 day", "ERROR 22007 invalid input syntax for type interval: \"1 day 1 day\""),
    ("interval", "178956970 years 8 months", "ERROR 22008 interval out of range"),
    ("interval", "9223372036854775808 us", "ERROR 22015 interval field value out of range: \"9223372036854775808 us\""),
    ("interval", "1 quarter", "ERROR 22007 invalid input syntax for type interval: \"1 quarter\""),
    ("interval", "@ 1 minute", "00:01:00"),
    ("interval", "", "ERROR 22007 invalid input syntax for type interval: \"\""),
];

const PRINTED: &[(DateFormat, DateOrder, &str, &str, &str)] = &[
    (DateFormat::Iso, DateOrder::Mdy, "date", "2020-01-31", "2020-01-31"),
    (DateFormat::Iso, DateOrder::Mdy, "date", "2020-12-31", "2020-12-31"),
    (DateFormat::Iso, DateOrder::Mdy, "timestamp", "2020-01-31 04:05:06.7", "2020-01-31 04:05:06.7"),
    (DateFormat::Iso, DateOrder::Mdy, "timestamptz", "2020-07-04 04:05:06+00", "2020-07-04 00:05:06-04"),
    (DateFormat::Iso, DateOrder::Mdy, "timestamptz", "1800-01-01 00:00:00+00", "1799-12-31 19:03:58-04:56:02"),
    (DateFormat::Sql, DateOrder::Dmy, "date", "2020-01-31", "31/01/2020"),
    (DateFormat::Sql, DateOrder::Dmy, "date", "2020-12-31", "31/12/2020"),
    (DateFormat::Sql, DateOrder::Dmy, "timestamp", "2020-01-31 04:05:06.7", "31/01/2020 04:05:06.7"),
    (DateFormat::Sql, DateOrder::Dmy, "timestamptz", "2020-07-04 04:05:06+00", "04/07/2020 00:05:06 EDT"),
    (DateFormat::Sql, DateOrder::Dmy, "timestamptz", "1800-01-01 00:00:00+00", "31/12/1799 19:03:58 LMT"),
    (DateFormat::Sql, DateOrder::Mdy, "date", "2020-01-31", "01/31/2020"),
    (DateFormat::Sql, DateOrder::Mdy, "date", "2020-12-31", "12/31/2020"),
    (DateFormat::Sql, DateOrder::Mdy, "timestamp", "2020-01-31 04:05:06.7", "01/31/2020 04:05:06.7"),
    (DateFormat::Sql, DateOrder::Mdy, "timestamptz", "2020-07-04 04:05:06+00", "07/04/2020 00:05:06 EDT"),
    (DateFormat::Sql, DateOrder::Mdy, "timestamptz", "1800-01-01 00:00:00+00", "12/31/1799 19:03:58 LMT"),
    (DateFormat::German, DateOrder::Ymd, "date", "2020-01-31", "31.01.2020"),
    (DateFormat::German, DateOrder::Ymd, "date", "2020-12-31", "31.12.2020"),
    (DateFormat::German, DateOrder::Ymd, "timestamp", "2020-01-31 04:05:06.7", "31.01.2020 04:05:06.7"),
    (DateFormat::German, DateOrder::Ymd, "timestamptz", "2020-07-04 04:05:06+00", "04.07.2020 00:05:06 EDT"),
    (DateFormat::German, DateOrder::Ymd, "timestamptz", "1800-01-01 00:00:00+00", "31.12.1799 19:03:58 LMT"),
    (DateFormat::Postgres, DateOrder::Mdy, "date", "2020-01-31", "01-31-2020"),
    (DateFormat::Postgres, DateOrder::Mdy, "date", "2020-12-31", "12-31-2020"),
    (DateFormat::Postgres, DateOrder::Mdy, "timestamp", "2020-01-31 04:05:06.7", "Fri Jan 31 04:05:06.7 2020"),
    (DateFormat::Postgres, DateOrder::Mdy, "timestamptz", "2020-07-04 04:05:06+00", "Sat Jul 04 00:05:06 2020 EDT"),
    (DateFormat::Postgres, DateOrder::Mdy, "timestamptz", "1800-01-01 00:00:00+00", "Tue Dec 31 19:03:58 1799 LMT"),
    (DateFormat::Postgres, DateOrder::Dmy, "date", "2020-01-31", "31-01-2020"),
    (DateFormat::Postgres, DateOrder::Dmy, "date", "2020-12-31", "31-12-2020"),
    (DateFormat::Postgres, DateOrder::Dmy, "timestamp", "2020-01-31 04:05:06.7", "Fri 31 Jan 04:05:06.7 2020"),
    (DateFormat::Postgres, DateOrder::Dmy, "timestamptz", "2020-07-04 04:05:06+00", "Sat 04 Jul 00:05:06 2020 EDT"),
    (DateFormat::Postgres, DateOrder::Dmy, "timestamptz", "1800-01-01 00:00:00+00", "Tue 31 Dec 19:03:58 1799 LMT"),
];

const INTERVALS: &[(&str, [&str; 4])] = &[
    ("0", ["00:00:00", "@ 0", "0", "PT0S"]),
    ("1 year 2 mons", ["1 year 2 mons", "@ 1 year 2 mons", "1-2", "P1Y2M"]),
    (
        "1 year 2 mons 3 days 04:05:06.789",
        [
            "1 year 2 mons 3 days 04:05:06.789",
            "@ 1 year 2 mons 3 days 4 hours 5 mins 6.789 secs",
            "+1-2 +3 +4:05:06.789",
            "P1Y2M3DT4H5M6.789S",
        ],
    ),
    (
        "-1 year -2 mons +3 days -04:05:06.789",
        [
            "-1 years -2 mons +3 days -04:05:06.789",
            "@ 1 year 2 mons -3 days 4 hours 5 mins 6.789 secs ago",
            "-1-2 +3 -4:05:06.789",
            "P-1Y-2M3DT-4H-5M-6.789S",
        ],
    ),
    ("-3 days -04:05:06", ["-3 days -04:05:06", "@ 3 days 4 hours 5 mins 6 secs ago", "-3 4:05:06", "P-3DT-4H-5M-6S"]),
    ("1 sec", ["00:00:01", "@ 1 sec", "0:00:01", "PT1S"]),
    ("-0.5 sec", ["-00:00:00.5", "@ 0.5 secs ago", "-0:00:00.5", "PT-0.5S"]),
    ("00:00:01.000001", ["00:00:01.000001", "@ 1.000001 secs", "0:00:01.000001", "PT1.000001S"]),
    ("-1 mon 1 day", ["-1 mons +1 day", "@ 1 mon -1 days ago", "-0-1 +1 +0:00:00", "P-1M1D"]),
];

const CALLED: &[(&str, &[&str], &str)] = &[
    ("timestamp_pl_interval", &["timestamp=2020-01-31", "interval=1 month"], "2020-02-29 00:00:00"),
    ("timestamp_pl_interval", &["timestamp=294276-12-31", "interval=1 year"], "ERROR 22008 timestamp out of range"),
    ("timestamptz_pl_interval", &["timestamptz=2020-03-07 12:00", "interval=1 day"], "2020-03-08 12:00:00-04"),
    ("timestamptz_pl_interval", &["timestamptz=2020-03-07 12:00", "interval=24 hours"], "2020-03-08 13:00:00-04"),
    ("timestamptz_mi_interval", &["timestamptz=infinity", "interval=1 day"], "infinity"),
    ("date_pl_interval", &["date=2020-01-31", "interval=1 month 1 day"], "2020-03-01 00:00:00"),
    ("date_pli", &["date=2020-01-31", "int4=30"], "2020-03-01"),
    ("date_pli", &["date=5874897-12-31", "int4=1"], "ERROR 22008 date out of range"),
    ("date_mi", &["date=infinity", "date=2020-01-01"], "ERROR 22008 cannot subtract infinite dates"),
    ("timestamp_mi", &["timestamp=2020-01-31 12:00", "timestamp=2019-01-01 13:00"], "394 days 23:00:00"),
    (
        "timestamp_mi",
        &["timestamp=infinity", "timestamp=2020-01-01"],
        "ERROR 22008 cannot subtract infinite timestamps",
    ),
    ("age", &["timestamp=2020-03-31", "timestamp=2019-02-28 12:00"], "1 year 1 mon 2 days 12:00:00"),
    ("age", &["timestamp=2019-02-28 12:00", "timestamp=2020-03-31"], "-1 years -1 mons -2 days -12:00:00"),
    ("time_pl_interval", &["time=23:00", "interval=25:30"], "00:30:00"),
    ("time_mi_time", &["time=01:00", "time=02:30"], "-01:30:00"),
    ("timetz_pl_interval", &["timetz=23:00+02", "interval=2 hours"], "01:00:00+02"),
    ("interval_mul", &["interval=1 month", "float8=0.3333333333333333"], "10 days"),
    ("interval_mul", &["interval=1 year 2 mons 3 days 04:05:06", "float8=-1.5"], "-1 years -9 mons -4 days -18:07:39"),
    ("interval_mul", &["interval=178956970 years", "float8=2"], "ERROR 22008 interval out of range"),
    ("interval_div", &["interval=1 month", "float8=3"], "10 days"),
    ("interval_div", &["interval=1 month", "float8=0"], "ERROR 22012 division by zero"),
    ("interval_um", &["interval=-178956970 years -8 mons"], "ERROR 22008 interval out of range"),
    ("justify_interval", &["interval=1 mon -1 hour"], "29 days 23:00:00"),
    ("justify_days", &["interval=65 days -3 hours"], "2 mons 5 days -03:00:00"),
    ("justify_hours", &["interval=1 day -3 hours"], "21:00:00"),
    ("date_lt_timestamptz", &["date=2020-01-01", "timestamptz=2020-01-01 05:00+00"], "f"),
    ("date_eq_timestamptz", &["date=2020-01-01", "timestamptz=2020-01-01 05:00+00"], "t"),
    ("date_gt_timestamp", &["date=5874897-12-31", "timestamp=infinity"], "f"),
    ("timestamp_lt_timestamptz", &["timestamp=2020-01-01", "timestamptz=2020-01-01 05:00:01+00"], "t"),
    ("interval_eq", &["interval=1 month", "interval=30 days"], "t"),
    ("interval_larger", &["interval=1 month", "interval=30 days"], "30 days"),
    (
        "overlaps",
        &["timestamp=2020-01-01", "timestamp=2020-02-01", "timestamp=2020-02-01", "timestamp=2020-03-01"],
        "f",
    ),
    ("overlaps", &["timestamp=2020-01-01", "interval=2 months", "timestamp=2020-02-01", "interval=1 day"], "t"),
    ("overlaps", &["timestamp=2020-01-01", "timestamp=\\N", "timestamp=2020-02-01", "timestamp=2020-03-01"], "NULL"),
    ("overlaps", &["time=10:00", "interval=3 hours", "time=12:00", "time=13:00"], "t"),
    ("date_trunc", &["text=week", "timestamp=2021-01-02 03:04"], "2020-12-28 00:00:00"),
    ("date_trunc", &["text=century", "timestamp=2000-06-01"], "1901-01-01 00:00:00"),
    ("date_trunc", &["text=decade", "timestamp=0005-06-01 BC"], "0011-01-01 00:00:00 BC"),
    ("date_trunc", &["text=day", "timestamptz=2020-11-01 12:00"], "2020-11-01 00:00:00-04"),
    ("date_trunc", &["text=hour", "timestamptz=2020-11-01 06:30+00"], "2020-11-01 01:00:00-05"),
    ("date_trunc", &["text=day", "timestamptz=2020-06-01 03:00+00", "text=Asia/Kolkata"], "2020-05-31 14:30:00-04"),
    (
        "date_trunc",
        &["text=week", "interval=1 mon"],
        "ERROR 0A000 unit \"week\" not supported for type interval | Months usually have fractional weeks.",
    ),
    (
        "date_trunc",
        &["text=foo", "timestamp=2020-01-01"],
        "ERROR 22023 unit \"foo\" not recognized for type timestamp without time zone",
    ),
    (
        "date_bin",
        &["interval=15 min", "timestamp=2020-01-01 00:44", "timestamp=2020-01-01 00:05"],
        "2020-01-01 00:35:00",
    ),
    (
        "date_bin",
        &["interval=15 min", "timestamp=2020-01-01 00:01", "timestamp=2020-01-01 00:05"],
        "2019-12-31 23:50:00",
    ),
    (
        "date_bin",
        &["interval=0", "timestamp=2020-01-01", "timestamp=2020-01-01"],
        "ERROR 22008 stride must be greater than zero",
    ),
    (
        "date_bin",
        &["interval=1 month", "timestamp=2020-01-01", "timestamp=2020-01-01"],
        "ERROR 0A000 timestamps cannot be binned into intervals containing months or years",
    ),
    ("make_date", &["int4=-44", "int4=3", "int4=15"], "0044-03-15 BC"),
    ("make_date", &["int4=2020", "int4=2", "int4=30"], "ERROR 22008 date field value out of range: 2020-02-30"),
    ("make_time", &["int4=8", "int4=15", "float8=23.5"], "08:15:23.5"),
    ("make_time", &["int4=24", "int4=0", "float8=0.1"], "ERROR 22008 time field value out of range: 24:00:0.1"),
    (
        "make_timestamp",
        &["int4=2020", "int4=7", "int4=15", "int4=8", "int4=15", "float8=23.5"],
        "2020-07-15 08:15:23.5",
    ),
    (
        "make_timestamptz",
        &["int4=2020", "int4=7", "int4=15", "int4=8", "int4=15", "float8=23.5", "text=Europe/Berlin"],
        "2020-07-15 02:15:23.5-04",
    ),
    (
        "make_timestamptz",
        &["int4=2020", "int4=7", "int4=15", "int4=8", "int4=15", "float8=23.5", "text=+2"],
        "2020-07-15 02:15:23.5-04",
    ),
    (
        "make_timestamptz",
        &["int4=2020", "int4=7", "int4=15", "int4=8", "int4=15", "float8=23.5", "text=2"],
        "ERROR 22023 invalid input syntax for type numeric time zone: \"2\" | Numeric time zones must have \"-\" or \"+\" as first character.",
    ),
    (
        "make_interval",
        &["int4=1", "int4=2", "int4=3", "int4=4", "int4=5", "int4=6", "float8=7.8"],
        "1 year 2 mons 25 days 05:06:07.8",
    ),
    ("to_timestamp", &["float8=1284352323.5"], "2010-09-13 00:32:03.5-04"),
    ("to_timestamp", &["float8=NaN"], "ERROR 22008 timestamp cannot be NaN"),
    ("to_timestamp", &["float8=1e20"], "ERROR 22008 timestamp out of range: \"1e+20\""),
    ("timezone", &["text=MSK", "timestamp=2012-01-01"], "2011-12-31 15:00:00-05"),
    ("timezone", &["text=Asia/Kolkata", "timestamptz=2020-01-01 00:00+00"], "2020-01-01 05:30:00"),
    ("timezone", &["interval=05:30", "timestamptz=2020-01-01 00:00+00"], "2020-01-01 05:30:00"),
    (
        "timezone",
        &["interval=1 day", "timestamptz=2020-01-01 00:00+00"],
        "ERROR 22023 interval time zone \"1 day\" must not include months or days",
    ),
    ("timezone", &["text=foo", "timestamp=2020-01-01"], "ERROR 22023 time zone \"foo\" not recognized"),
    ("timezone", &["text=UTC", "timetz=04:00-05"], "09:00:00+00"),
    ("date", &["timestamptz=2020-01-01 03:00+00"], "2019-12-31"),
    ("time", &["timestamp=infinity"], "NULL"),
    ("timestamptz", &["date=2020-07-01", "time=12:00"], "2020-07-01 12:00:00-04"),
    ("time", &["interval=-1 hour"], "23:00:00"),
    ("isfinite", &["timestamp=infinity"], "f"),
    (
        "to_char",
        &["timestamp=2020-07-04 15:04:05.678", "text=Day, DDth FMMonth YYYY HH12:MI:SS.MS AM"],
        "Saturday , 04th July 2020 03:04:05.678 PM",
    ),
    (
        "to_char",
        &["timestamptz=2020-07-04 15:04:05.678", "text=YYYY-MM-DD\"T\"HH24:MI:SS.USOF TZ tz TZH:TZM"],
        "2020-07-04T15:04:05.678000-04 EDT edt -04:00",
    ),
    (
        "to_char",
        &["timestamp=0044-03-15 BC", "text=YYYY BC CC J IYYY-IW-ID Q RM WW W DDD"],
        "0044 BC -01 1705428 0044-11-5 1 III  11 3 074",
    ),
    ("to_char", &["interval=-300 hours", "text=HH24:MI:SS HH12 DD"], "-300:00:00 012 00"),
    (
        "to_char",
        &["interval=1 day", "text=Month"],
        "ERROR 22007 invalid format specification for an interval value | Intervals are not tied to specific calendar dates.",
    ),
    ("to_char", &["timestamp=2020-07-01", "text=FMDDTH \"of\" \\\"x"], "1ST of \"x"),
    ("to_date", &["text=05 Dec 2000", "text=DD Mon YYYY"], "2000-12-05"),
    (
        "to_date",
        &["text=2020-02-30", "text=YYYY-MM-DD"],
        "ERROR 22008 date/time field value out of range: \"2020-02-30\"",
    ),
    ("to_date", &["text=2005-427", "text=IYYY-IWID"], "2005-10-23"),
    ("to_date", &["text=44 BC", "text=YYYY BC"], "0044-01-01 BC"),
    ("to_date", &["text=20 05", "text=CC YY"], "1905-01-01"),
    ("to_date", &["text=x", "text=YYYY"], "ERROR 22007 invalid value \"x\" for \"YYYY\" | Value must be an integer."),
    (
        "to_timestamp",
        &["text=2020-01-01 12:30:45.678 -03:30", "text=YYYY-MM-DD HH24:MI:SS.MS TZH:TZM"],
        "2020-01-01 11:00:45.678-05",
    ),
    (
        "to_timestamp",
        &["text=13:00 PM", "text=HH12:MI PM"],
        "ERROR 22007 hour \"13\" is invalid for the 12-hour clock | Use the 24-hour clock, or give an hour between 1 and 12.",
    ),
    (
        "to_timestamp",
        &["text=2020 2021", "text=YYYY YYYY"],
        "ERROR 22007 conflicting values for \"YYYY\" field in formatting string | This value contradicts a previous setting for the same field type.",
    ),
    (
        "to_timestamp",
        &["text=2020-W01", "text=IYYY-WW"],
        "ERROR 22007 invalid combination of date conventions | Do not mix Gregorian and ISO week date conventions in a formatting template.",
    ),
    ("date_part", &["text=julian", "timestamp=2020-01-01 12:00"], "2458850.5"),
    ("date_part", &["text=week", "date=2021-01-03"], "53"),
    ("date_part", &["text=epoch", "interval=1 year 1 day"], "31644000"),
    ("date_part", &["text=hour", "time=12:34"], "12"),
];

const EXTRACTED: &[(&str, &str, &str)] = &[
    ("second", "timestamp=2020-01-01 00:00:01.5", "1.500000"),
    ("milliseconds", "timestamp=2020-01-01 00:00:01.5", "1500.000"),
    ("epoch", "timestamp=2020-01-01 00:00:01.5", "1577836801.500000"),
    ("epoch", "timestamptz=294276-12-31 23:59:59.999999+00", "9224318016000.000000"),
    ("epoch", "date=2020-01-01", "1577836800"),
    ("epoch", "interval=1 year 2 mons 3 days 04:05:06.789", "37015506.789000"),
    ("epoch", "timetz=12:00-05", "61200.000000"),
    ("julian", "timestamp=2020-01-01", "2458850.0000000000000000000000000000"),
    ("julian", "timestamp=2020-01-01 00:00:00.000001", "2458850.0000000000115740740740740741"),
    ("julian", "timestamp=2020-01-01 06:07:08.9", "2458850.25496412037037037037"),
    ("julian", "date=2020-01-01", "2458850"),
    ("century", "date=0044-03-15 BC", "-1"),
    ("millennium", "date=2001-01-01", "3"),
    ("decade", "date=0044-03-15 BC", "-5"),
    ("isoyear", "date=2021-01-03", "2020"),
    ("week", "date=2021-01-03", "53"),
    ("dow", "date=2021-01-03", "0"),
    ("isodow", "date=2021-01-03", "7"),
    ("doy", "date=2020-12-31", "366"),
    ("quarter", "interval=7 mons", "3"),
    ("timezone", "timestamptz=2020-07-01", "-14400"),
    ("timezone_minute", "timetz=12:00-07:30", "-30"),
    ("year", "timestamp=infinity", "Infinity"),
    ("hour", "timestamp=infinity", "NULL"),
    ("year", "date=-infinity", "-Infinity"),
    ("hour", "date=infinity", "ERROR 0A000 unit \"hour\" not supported for type date"),
    ("hour", "date=2020-01-01", "ERROR 0A000 unit \"hour\" not supported for type date"),
    ("foo", "date=2020-01-01", "ERROR 22023 unit \"foo\" not recognized for type date"),
    (
        "timezone",
        "timestamp=2020-01-01",
        "ERROR 0A000 unit \"timezone\" not supported for type timestamp without time zone",
    ),
    ("week", "interval=1 day", "ERROR 0A000 unit \"week\" not supported for type interval"),
];
