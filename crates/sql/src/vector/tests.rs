//! What is done by columns against what is done by rows.

use atoll_datum::function::{Call, Settings, aggregate};
use atoll_datum::{Datum, Numeric, oid};

use super::groups::Groups;
use super::sieve::Sieve;
use super::sums::NumericTotal;
use super::{Kind, Vector};

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 16
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len() as u64) as usize]
    }
}

fn integers(values: &[Option<i64>]) -> Vector<'static> {
    let mut vector = Vector::new(Kind::Int8, values.len());
    for (at, value) in values.iter().enumerate() {
        vector.set(at, &value.map_or(Datum::Null, Datum::Int8)).unwrap();
    }
    vector
}

#[test]
fn a_sieve_keeps_all_that_are_there_and_few_others() {
    let mut numbers = Numbers(7);
    for count in [0, 1, 5, 1_000, 50_000] {
        let keys: Vec<i64> = (0..count).map(|_| numbers.next() as i64 * 2).collect();
        let sieve = Sieve::new(keys.iter().copied());
        let there: Vec<Option<i64>> = keys.iter().map(|key| Some(*key)).collect();
        let mut chosen: Vec<u32> = (0..there.len() as u32).collect();
        sieve.select(&integers(&there), &mut chosen);
        assert_eq!(chosen.len(), keys.len());
        let mut others: Vec<Option<i64>> = (0..10_000).map(|_| Some(numbers.next() as i64 * 2 + 1)).collect();
        others.extend([None, None]);
        let mut chosen: Vec<u32> = (0..others.len() as u32).collect();
        sieve.select(&integers(&others), &mut chosen);
        assert!(chosen.len() < 600, "{} of 10,000 are let through by {count} keys", chosen.len());
        assert!(chosen.iter().all(|at| others[*at as usize].is_some()));
    }
}

#[test]
fn sums_of_numerics_are_those_of_the_function() {
    let settings = Settings::default();
    let call = Call { settings: &settings, argument_types: &[oid::NUMERIC], result_type: oid::NUMERIC };
    let mut numbers = Numbers(1);
    let odd = ["NaN", "Infinity", "-Infinity", "1e40", "-1e40", "1e-40", "9223372036854775807", "-9223372036854775808"];
    for round in 0..400 {
        let mut total = NumericTotal::default();
        let mut sum = (aggregate("sum", "1700").unwrap().new)(&call);
        let mut average = (aggregate("avg", "1700").unwrap().new)(&call);
        for _ in 0..numbers.below(60) + 1 {
            let value = match numbers.below(20) {
                0 if round % 4 == 0 => numbers.pick(&odd).to_owned(),
                0..4 => format!("{}e-{}", numbers.next() as i64 >> 2, numbers.below(40)),
                _ => format!("{}{}.{:02}", numbers.pick(&["", "-"]), numbers.below(100_000), numbers.below(100)),
            };
            let value = Numeric::parse(&value).unwrap();
            total.add(&value).unwrap();
            sum.step(&call, &[Datum::Numeric(value.clone())]).unwrap();
            average.step(&call, &[Datum::Numeric(value)]).unwrap();
        }
        let (of_sum, of_average) = (total.finish(false).unwrap(), total.finish(true).unwrap());
        // As printed: the digits after the point count.
        assert_eq!(format!("{of_sum:?}"), format!("{:?}", sum.finish(&call).unwrap()), "round {round}");
        assert_eq!(format!("{of_average:?}"), format!("{:?}", average.finish(&call).unwrap()), "round {round}");
    }
    assert!(NumericTotal::default().finish(false).unwrap().is_null());
}

#[test]
fn groups_are_by_value_and_null_is_one() {
    let some: Vec<Option<i64>> = vec![Some(1), None, Some(1), Some(-1), None, Some(0), None];
    let texts = [Some(""), Some(""), Some(""), Some("a"), None, None, Some("")];
    let mut vector = Vector::new(Kind::Text, texts.len());
    for (at, text) in texts.iter().enumerate() {
        if let Some(text) = text {
            let encoded = atoll_datum::row::Encoded::Bytes(text.as_bytes());
            vector.set_encoded(at, encoded, oid::TEXT, None).unwrap();
        }
    }
    let (mut groups, mut numbers) = (Groups::default(), Vec::new());
    groups.find(&[&integers(&some), &vector], texts.len(), &mut numbers).unwrap();
    assert_eq!(numbers, [0, 1, 0, 2, 3, 4, 1]);
    assert_eq!(groups.len(), 5);
    for (at, number) in numbers.iter().enumerate() {
        let mut key = Vec::new();
        groups.push_key(*number as usize, &[Kind::Int8, Kind::Text], &mut key).unwrap();
        let expected = [some[at].map_or(Datum::Null, Datum::Int8), texts[at].map_or(Datum::Null, Datum::text)];
        assert_eq!(format!("{key:?}"), format!("{expected:?}"));
    }
    // They are known again, among many more.
    let many: Vec<Option<i64>> = (0..50_000).map(|number| Some(number / 2)).collect();
    groups.clear();
    groups.find(&[&integers(&many)], many.len(), &mut numbers).unwrap();
    assert!(numbers.iter().enumerate().all(|(at, number)| *number as usize == at / 2));
}
