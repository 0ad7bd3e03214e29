use std::cmp::Ordering;

use super::*;
use crate::datum::{EnumLabel, EnumType};
use crate::samples::{self, Samples};

const ORDERS: [Order; 4] = [
    Order::ASCENDING,
    Order { descending: false, nulls_first: true },
    Order { descending: true, nulls_first: false },
    Order { descending: true, nulls_first: true },
];

fn encoded(value: &Datum, of: Oid, order: Order) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, of, order, &mut out).expect("a type with keys");
    out
}

/// As the key should order them.
fn compare(a: &Datum, b: &Datum, order: Order) -> Ordering {
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) if order.nulls_first => Ordering::Less,
        (true, false) => Ordering::Greater,
        (false, true) if order.nulls_first => Ordering::Greater,
        (false, true) => Ordering::Less,
        _ if order.descending => b.compare(a),
        _ => a.compare(b),
    }
}

#[test]
fn bytes_are_ordered_as_values_and_decode_to_equal_ones() {
    let mut samples = Samples::new(42);
    for (of, form) in samples::types_with_keys() {
        for order in ORDERS {
            for _ in 0..2_000 {
                let (a, b) = (samples.value(of, &form), samples.value(of, &form));
                let (a_key, b_key) = (encoded(&a, of, order), encoded(&b, of, order));
                assert_eq!(a_key.cmp(&b_key), compare(&a, &b, order), "{a:?} {b:?} {order:?} {a_key:x?} {b_key:x?}");
                let followed = [&a_key[..], &b_key, &[7, 7]].concat();
                let mut rest = followed.as_slice();
                let first = decode(of, Some(&form), order, &mut rest).expect("it was encoded");
                let second = decode(of, Some(&form), order, &mut rest).expect("it was encoded");
                assert_eq!((&first, &second, rest), (&a, &b, &[7, 7][..]), "{order:?}");
                if is_exact(of) {
                    assert_eq!(format!("{first:?}"), format!("{a:?}"));
                }
            }
        }
    }
}

#[test]
fn damaged_keys_are_errors() {
    let mut samples = Samples::new(7);
    for (of, form) in samples::types_with_keys() {
        for order in ORDERS {
            for _ in 0..500 {
                let mut key = encoded(&samples.value(of, &form), of, order);
                samples.damage(&mut key);
                // Whatever it says, it must not panic, nor take more than there is.
                let mut rest = key.as_slice();
                let _ = decode(of, Some(&form), order, &mut rest);
                assert!(key.ends_with(rest));
            }
        }
    }
}

#[test]
fn bpchar_is_blind_for_blanks_at_its_end() {
    let key = |text: &str| encoded(&Datum::text(text), oid::BPCHAR, Order::ASCENDING);
    assert_eq!(key("a"), key("a   "));
    assert!(key("a ") < key("a\t"));
    assert_ne!(encoded(&Datum::text("a"), oid::TEXT, Order::ASCENDING), key(" a"));
}

#[test]
fn what_has_no_order_is_refused() {
    let json = crate::json::parse("1").expect("it is JSON");
    let refused = encode(&Datum::Jsonb(json), oid::JSONB, Order::ASCENDING, &mut Vec::new());
    assert_eq!(refused.map_err(|error| error.to_string()), Err("an index on type jsonb is not supported".into()));
}

#[test]
fn enums_decode_to_labels() {
    let label = |name: &str| EnumLabel { oid: Oid(1), label: name.into() };
    let of = Arc::new(EnumType { oid: Oid(90_000), name: "size".into(), labels: vec![label("s"), label("m")] });
    let form = Form::Enum(of.clone());
    let value = |name: &str| Datum::Enum(of.by_label(name).expect("a label of the type"));
    let (small, medium) = (value("s"), value("m"));
    let key = |value: &Datum| encoded(value, of.oid, Order::ASCENDING);
    assert!(key(&small) < key(&medium));
    let found = decode(of.oid, Some(&form), Order::ASCENDING, &mut key(&medium).as_slice());
    assert_eq!(found, Ok(medium));
    let unknown = decode(of.oid, Some(&form), Order::ASCENDING, &mut [VALUE, 0, 0, 0, 2].as_slice());
    assert_eq!(unknown.map_err(|error| error.state()), Err(sqlstate::DATA_CORRUPTED));
}

#[test]
fn a_prefix_ends_before_the_next() {
    assert_eq!(prefix_end(&[1, 2]), Some(vec![1, 3]));
    assert_eq!(prefix_end(&[1, 0xff, 0xff]), Some(vec![2]));
    assert_eq!(prefix_end(&[0xff]), None);
    assert_eq!(prefix_end(&[]), None);
}
