use std::hash::{DefaultHasher, Hash, Hasher};

use super::*;

fn n(text: &str) -> Numeric {
    Numeric::parse(text).expect(text)
}

/// From the least; each is greater than the one before.
const ORDERED: &str = "
    -Infinity -1e131071 -1e100 -9223372036854775809 -9223372036854775808 -100.01 -100 -99.99 -10 -9.9 -1.01
    -1.001 -1 -0.99 -0.1 -0.01 -1e-17 -1e-100 -1e-16383 0 1e-16383 2e-16383 1e-100 1e-17 1.1e-17 0.001 0.01
    0.011 0.1 0.10001 0.99 1 1.001 1.01 2 9.9 10 99 99.99 100 100.01 101 1000 9223372036854775807
    9223372036854775808 18446744073709551616 1e79 1e80 1e81 1e100 1e131071 Infinity NaN";

fn key(number: &Numeric) -> Vec<u8> {
    let mut key = Vec::new();
    number.encode_key(&mut key);
    key
}

fn hash(number: &Numeric) -> u64 {
    let mut hasher = DefaultHasher::new();
    number.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn order_is_that_of_numbers_and_of_their_keys() {
    let keyed: Vec<_> = ORDERED.split_whitespace().map(|text| (n(text), key(&n(text)))).collect();
    for (at, (a, a_key)) in keyed.iter().enumerate() {
        for (other, (b, b_key)) in keyed.iter().enumerate() {
            assert_eq!(a.cmp(b), at.cmp(&other), "{a} {b}");
            assert_eq!(a_key.cmp(b_key), at.cmp(&other), "{a} {b}");
            assert!(at == other || !b_key.starts_with(a_key), "{a} begins {b}");
        }
    }
}

#[test]
fn notations_of_one_number_are_one() {
    let groups: &[&[&str]] = &[
        &["0", "0.0", "-0", "0e-30"],
        &["1", "1.0", "1.00000000000000000000000000000000000", "0.1e1"],
        &["12345678901234567890", "12345678901234567890.0"],
        &["-100", "-1e2", "-100.00"],
        &["-9223372036854775808", "-9223372036854775808.000"],
    ];
    for group in groups {
        for (a, b) in group.iter().flat_map(|a| group.iter().map(move |b| (a, b))) {
            assert_eq!(n(a), n(b));
            assert_eq!(hash(&n(a)), hash(&n(b)), "{a} {b}");
            assert_eq!(key(&n(a)), key(&n(b)), "{a} {b}");
        }
    }
}

#[test]
fn bytes_read_back() {
    let more = ["1.50", "0.000", "-1.10", "127", "128", "-128", "-129", "255.5", "65535", "1e-300", "1.000e-298"];
    for text in ORDERED.split_whitespace().chain(more) {
        let number = n(text);
        let mut key = key(&number);
        key.push(7);
        let mut rest = &key[..];
        assert_eq!(Numeric::decode_key(&mut rest).expect(text), number);
        assert_eq!(rest, [7]);
        let (mut value, mut wire) = (Vec::new(), Vec::new());
        number.encode_value(&mut value);
        assert_eq!(Numeric::decode_value(&value).expect(text).to_string(), number.to_string());
        number.send(&mut wire);
        assert_eq!(Numeric::receive(&wire).expect(text).to_string(), number.to_string());
    }
    let bytes = |number: &str| {
        let mut value = Vec::new();
        n(number).encode_value(&mut value);
        (key(&n(number)).len(), value.len())
    };
    assert_eq!(["0", "5", "-128", "19.99", "1000000"].map(bytes), [(1, 1), (2, 2), (3, 2), (3, 3), (2, 4)]);
}

#[test]
fn the_wire_form_is_postgresqls() {
    let cases: &[(&str, &[u16])] = &[
        ("0", &[0, 0, 0, 0]),
        ("0.00", &[0, 0, 0, 2]),
        ("1", &[1, 0, 0, 0, 1]),
        ("-12345.678", &[3, 1, 0x4000, 3, 1, 2345, 6780]),
        ("10000", &[1, 1, 0, 0, 1]),
        ("0.00001", &[1, 0xfffe, 0, 5, 1000]),
        ("NaN", &[0, 0, 0xC000, 0]),
    ];
    for (text, words) in cases {
        let mut wire = Vec::new();
        n(text).send(&mut wire);
        assert_eq!(wire, words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>(), "{text}");
    }
}

#[test]
fn damaged_bytes_are_refused() {
    for bytes in [&[][..], &[0], &[0x40], &[0x40, 3], &[0x40, 250], &[0x6b], &[0x68, 0]] {
        assert!(Numeric::decode_key(&mut &bytes[..]).is_err(), "{bytes:?}");
    }
    assert!(Numeric::decode_value(&[]).is_err());
    assert!(Numeric::decode_value(&[251, 0xff, 0xff, 1]).is_err());
    for wire in [&[0u8][..], &[0, 1, 0, 0, 0, 0, 0, 0], &[0, 0, 0, 0, 0, 1, 0, 0], &[0, 0, 0, 0, 0, 0, 0xff, 0]] {
        assert!(Numeric::receive(wire).is_err(), "{wire:?}");
    }
}

#[test]
fn arithmetic_has_the_scales_of_postgresql() {
    let cases = [
        ("1.50", '+', "2.5", "4.00"),
        ("9223372036854775807", '+', "1", "9223372036854775808"),
        ("9223372036854775808", '-', "1", "9223372036854775807"),
        ("1e30", '+', "1e-30", "1000000000000000000000000000000.000000000000000000000000000001"),
        ("1.50", '*', "2.5", "3.750"),
        ("99999999999", '*', "99999999999.9", "9999999999890000000000.1"),
        ("1", '/', "3", "0.33333333333333333333"),
        ("2", '/', "3", "0.66666666666666666667"),
        ("-1", '/', "7.0000", "-0.14285714285714285714"),
        ("10000", '/', "3", "3333.3333333333333333"),
        ("1", '/', "10000000", "0.000000100000000000000000"),
        ("12345678901234567890123", '/', "7", "1763668414462081127160"),
        ("7", '/', "0.0000001", "70000000.000000000000"),
        ("5.5", '%', "2", "1.5"),
        ("-5.5", '%', "2.00", "-1.50"),
        ("1e40", '%', "7", "4"),
        ("Infinity", '-', "Infinity", "NaN"),
        ("Infinity", '*', "0", "NaN"),
        ("-Infinity", '*', "2", "-Infinity"),
        ("5.00", '/', "Infinity", "0"),
    ];
    for (a, operator, b, expected) in cases {
        let (m, n) = (n(a), n(b));
        let result = match operator {
            '+' => m.add(&n),
            '-' => m.sub(&n),
            '*' => m.mul(&n),
            '/' => m.div(&n),
            _ => m.rem(&n),
        };
        assert_eq!(result.expect(a).to_string(), expected, "{a} {operator} {b}");
    }
    assert!(n("1").div(&n("0.0")).is_err());
    assert!(n("9e131071").add(&n("9e131071")).is_err());
}

#[test]
fn numbers_are_read_as_numeric_in_does() {
    let good = [
        ("  12 ", "12"),
        ("+.5", "0.5"),
        ("5.", "5"),
        ("-0.00", "0.00"),
        ("1.5012e3", "1501.2"),
        ("1.50e3", "1500"),
        ("0e20", "0"),
        ("0e-3", "0.000"),
        ("\n-inf\t", "-Infinity"),
        ("+Infinity", "Infinity"),
        ("nAn", "NaN"),
        ("-1e-3", "-0.001"),
        ("0000000000000000000000000001", "1"),
    ];
    for (text, expected) in good {
        assert_eq!(n(text).to_string(), expected, "{text}");
    }
    for text in ["", " ", ".", "1e", "1e+", "1 2", "1.2.3", "-nan", "0x10", "1_000", "--1", "e5", "é"] {
        let error = Numeric::parse(text).expect_err(text);
        assert_eq!(error.message(), format!("invalid input syntax for type numeric: \"{text}\""));
    }
    for text in ["1e131072", "1e-16384", "1e99999999999", "1e-99999999999"] {
        assert_eq!(Numeric::parse(text).expect_err(text).message(), "value overflows numeric format");
    }
}

#[test]
fn floats_and_integers_convert() {
    for (value, expected) in [
        (0.1, "0.1"),
        (1e20, "100000000000000000000"),
        (1.0 / 3.0, "0.333333333333333"),
        (-2.5e-10, "-0.00000000025"),
        (123456789012345678.0, "123456789012346000"),
        (-0.0, "0"),
        (f64::INFINITY, "Infinity"),
        (f64::NAN, "NaN"),
    ] {
        assert_eq!(Numeric::from_f64(value).to_string(), expected);
    }
    assert_eq!(Numeric::from_f32(0.1).to_string(), "0.1");
    assert_eq!(Numeric::from_f32(1234567.0).to_string(), "1234570");
    for (text, expected) in
        [("2.5", 3), ("-2.5", -3), ("2.49", 2), ("0.5", 1), ("1e-30", 0), ("9223372036854775806.5", i64::MAX)]
    {
        assert_eq!(n(text).to_i64(), Some(expected), "{text}");
    }
    assert_eq!(n("9223372036854775807.5").to_i64(), None);
    assert_eq!(n("12.30").mantissa_at_scale(1), Some(123));
    assert_eq!(n("12.34").mantissa_at_scale(1), None);
    assert_eq!(n("12.3").mantissa_at_scale(4), Some(123000));
    assert_eq!(n("1e38").mantissa_at_scale(0), Some(10i128.pow(38)));
    assert_eq!(n("1e38").mantissa_at_scale(1), None);
    for text in ["0.1", "1e22", "123456789.123456789", "1e-300", "9007199254740993", "179769313486231570000e289"] {
        assert_eq!(n(text).to_f64(), text.parse::<f64>().expect(text), "{text}");
    }
}

#[test]
fn rounding_goes_away_from_zero() {
    for (text, scale, rounded, cut) in [
        ("2.345", 2, "2.35", "2.34"),
        ("-2.345", 2, "-2.35", "-2.34"),
        ("1.5", 4, "1.5000", "1.5000"),
        ("1250", -2, "1300", "1200"),
        ("-50", -2, "-100", "0"),
        ("12345678901234567890.5", 0, "12345678901234567891", "12345678901234567890"),
        ("0.5", 0, "1", "0"),
        ("49", -2, "0", "0"),
        ("1e-30", 3, "0.000", "0.000"),
    ] {
        assert_eq!(n(text).round(scale).expect(text).to_string(), rounded, "{text}");
        assert_eq!(n(text).trunc(scale).to_string(), cut, "{text}");
    }
    for (text, up, down) in
        [("1.5", "2", "1"), ("-1.5", "-1", "-2"), ("3.00", "3", "3"), ("-0.1", "0", "-1"), ("NaN", "NaN", "NaN")]
    {
        assert_eq!(n(text).ceil().expect(text).to_string(), up);
        assert_eq!(n(text).floor().expect(text).to_string(), down);
    }
    assert_eq!(n("12345678901234567890.12300").trim_scale().to_string(), "12345678901234567890.123");
}

#[test]
fn modifiers_round_and_refuse() {
    let modifier = |precision, scale| Modifier { precision, scale };
    for (text, modifier, expected) in [
        ("1.005", modifier(3, 2), "1.01"),
        ("99.994", modifier(4, 2), "99.99"),
        ("0.0099", modifier(2, 4), "0.0099"),
        ("55", modifier(1, -2), "100"),
        ("NaN", modifier(3, 2), "NaN"),
        ("7", modifier(20, 3), "7.000"),
    ] {
        assert_eq!(Modifier::decode(modifier.encode()), Some(modifier));
        assert_eq!(n(text).with_modifier(modifier.encode()).expect(text).to_string(), expected);
    }
    for (text, modifier, detail) in [
        ("99.995", modifier(4, 2), "A field with precision 4, scale 2 must round to an absolute value less than 10^2."),
        ("-1", modifier(2, 2), "A field with precision 2, scale 2 must round to an absolute value less than 1."),
        (
            "0.0999",
            modifier(2, 4),
            "A field with precision 2, scale 4 must round to an absolute value less than 10^-2.",
        ),
        ("-Infinity", modifier(5, 2), "A field with precision 5, scale 2 cannot hold an infinite value."),
    ] {
        let error = n(text).with_modifier(modifier.encode()).expect_err(text);
        assert_eq!((error.message(), error.fields().detail.as_deref()), ("numeric field overflow", Some(detail)));
    }
    assert_eq!(n("1.23456").with_modifier(-1).expect("no modifier").to_string(), "1.23456");
    assert_eq!(Modifier::from_arguments(&[10]), Ok(modifier(10, 0)));
    for (arguments, message) in [
        (&[0][..], "NUMERIC precision 0 must be between 1 and 1000"),
        (&[5, 1001], "NUMERIC scale 1001 must be between -1000 and 1000"),
        (&[1, 2, 3], "invalid NUMERIC type modifier"),
    ] {
        assert_eq!(Modifier::from_arguments(arguments).expect_err(message).message(), message);
    }
}

/// Each needs more bits than a first try has: its digits are those of a tie for long.
#[test]
fn results_near_a_tie_are_rounded_right() {
    let base = n("0.9999999999999999999999999999999999999999999999999999999999386775");
    let root = base.power(&n("-0.5")).expect("a power").to_string();
    assert_eq!(root, "1.0000000000000000000000000000000000000000000000000000000000306613");
    assert_eq!(n("891557e104217").ln().expect("a logarithm").to_string(), "239982.21136121189");
}
