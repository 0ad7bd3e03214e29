use super::*;
use crate::datum::{EnumLabel, EnumType};
use crate::samples::{self, Samples};

struct Wanted {
    column: u32,
    of: Oid,
    form: Option<Form>,
}

fn wanted(column: u32, of: Oid) -> Wanted {
    Wanted { column, of, form: None }
}

fn written(last_column: u32, columns: &[(u32, Datum)]) -> Vec<u8> {
    let mut writer = RowWriter::new(last_column);
    for (column, value) in columns {
        writer.push(*column, value).expect("a type that rows hold");
    }
    writer.finish()
}

/// What the row does not know is the default, what it knows and has not got is NULL.
fn read(bytes: &[u8], wanted: &[Wanted], defaults: &[Datum]) -> Result<Vec<Datum>> {
    let mut out = vec![Datum::Null; wanted.len()];
    let mut places = vec![NOWHERE; wanted.iter().map(|wanted| wanted.column as usize + 1).max().unwrap_or(0)];
    wanted.iter().enumerate().for_each(|(at, wanted)| places[wanted.column as usize] = at as u16);
    let known = visit(bytes, &places, |at, encoded| {
        out[at] = encoded.decode(wanted[at].of, wanted[at].form.as_ref())?;
        Ok(())
    })?;
    for (at, wanted) in wanted.iter().enumerate().filter(|(_, wanted)| wanted.column > known) {
        assert_eq!(format!("{:?}", out[at]), "Null", "column {}", wanted.column);
        out[at] = defaults[at].clone();
    }
    Ok(out)
}

#[test]
fn values_come_back_as_they_were() {
    let mut samples = Samples::new(1);
    let types = samples::types();
    for _ in 0..2_000 {
        let columns: Vec<(u32, Datum)> =
            (1..).zip(&types).map(|(column, (of, form))| (column * 3, samples.value(*of, form))).collect();
        let bytes = written(1_000, &columns);
        let all: Vec<Wanted> = columns.iter().zip(&types).map(|((column, _), (of, _))| wanted(*column, *of)).collect();
        let found = read(&bytes, &all, &vec![Datum::Void; all.len()]).expect("it was written");
        for ((_, value), found) in columns.iter().zip(&found) {
            assert_eq!(format!("{found:?}"), format!("{value:?}"));
        }
        let present = RowReader::new(&bytes).expect("it was written").map(|column| column.expect("it was written").0);
        let not_null = columns.iter().filter(|(_, value)| !value.is_null()).map(|(column, _)| *column);
        assert!(present.eq(not_null));
    }
}

#[test]
fn a_column_that_is_not_there_is_null_or_was_added_later() {
    let columns = [(1, Datum::Int4(-1)), (3, Datum::Null), (5, Datum::text("five")), (6, Datum::Bool(false))];
    let bytes = written(7, &columns);
    let defaults = vec![Datum::Int4(99); 3];
    let ask = |columns: [(u32, Oid); 3]| {
        let all = columns.map(|(column, of)| wanted(column, of));
        read(&bytes, &all, &defaults).expect("it was written")
    };
    assert_eq!(
        ask([(1, oid::INT4), (3, oid::INT4), (5, oid::TEXT)]),
        [Datum::Int4(-1), Datum::Null, Datum::text("five")]
    );
    assert_eq!(ask([(2, oid::INT4), (7, oid::INT4), (8, oid::INT4)]), [Datum::Null, Datum::Null, Datum::Int4(99)]);
    assert_eq!(ask([(4, oid::INT4), (6, oid::BOOL), (9, oid::INT4)])[1..], [Datum::Bool(false), Datum::Int4(99)]);
    assert!(read(&bytes, &[], &[]).is_ok());
}

#[test]
fn small_things_are_small() {
    assert_eq!(written(3, &[(1, Datum::Null), (2, Datum::Int4(5)), (3, Datum::Bool(true))]).len(), 2 + 2 + 1);
    assert_eq!(written(1, &[(1, Datum::Date(9_000))]).len(), 2 + 1 + 3);
    assert_eq!(written(1, &[(1, Datum::text("abc"))]).len(), 2 + 2 + 3);
}

#[test]
fn enums_are_stored_by_the_number_of_their_label() {
    let label = |oid: u32, name: &str| EnumLabel { oid: Oid(oid), label: name.into() };
    let make = |labels: Vec<EnumLabel>| Arc::new(EnumType { oid: Oid(90_000), name: "size".into(), labels });
    let before = make(vec![label(1, "s"), label(2, "m")]);
    let bytes = written(1, &[(1, Datum::Enum(before.by_label("m").expect("a label of the type")))]);
    let after = make(vec![label(3, "xs"), label(1, "s"), label(2, "medium")]);
    let ask = |of: &Arc<EnumType>| {
        let all = [Wanted { column: 1, of: of.oid, form: Some(Form::Enum(of.clone())) }];
        read(&bytes, &all, &[Datum::Null]).map(|found| format!("{:?}", found[0]))
    };
    let expected = Datum::Enum(after.by_label("medium").expect("a label of the type"));
    assert_eq!(ask(&after), Ok(format!("{expected:?}")));
    assert_eq!(ask(&make(vec![])).map_err(|error| error.state()), Err(sqlstate::DATA_CORRUPTED));
}

#[test]
fn other_types_and_versions_are_damage() {
    let state = |result: Result<Vec<Datum>>| result.map_err(|error| error.state());
    let bytes = written(1, &[(1, Datum::text("x"))]);
    let damaged = Err(sqlstate::DATA_CORRUPTED);
    assert_eq!(state(read(&bytes, &[wanted(1, oid::INT4)], &[Datum::Null])), damaged);
    assert_eq!(state(read(&bytes[..4], &[wanted(1, oid::TEXT)], &[Datum::Null])), damaged);
    assert_eq!(state(read(&[2, 0], &[], &[])), damaged);
    assert_eq!(state(read(&[], &[], &[])), damaged);
    let bytes = written(1, &[(1, Datum::Int8(i64::MAX))]);
    assert_eq!(state(read(&bytes, &[wanted(1, oid::INT4)], &[Datum::Null])), damaged);
    assert!(RowWriter::new(1).push(1, &Datum::Void).is_err());
}

#[test]
fn no_bytes_make_it_panic() {
    let mut samples = Samples::new(3);
    let types = samples::types();
    let all: Vec<Wanted> = (1..).zip(&types).map(|(column, (of, _))| wanted(column, *of)).collect();
    for round in 0..20_000 {
        let mut bytes = if round % 4 == 0 {
            samples.bytes(40)
        } else {
            let columns = (1..).zip(&types).map(|(column, (of, form))| (column, samples.value(*of, form)));
            written(types.len() as u32, &columns.collect::<Vec<_>>())
        };
        samples.damage(&mut bytes);
        if round % 4 == 0 && !bytes.is_empty() {
            bytes[0] = VERSION;
        }
        let places: Vec<u16> = (0..=all.len() as u16).map(|column| column.checked_sub(1).unwrap_or(NOWHERE)).collect();
        let _ = visit(&bytes, &places, |at, encoded| encoded.decode(all[at].of, None).map(drop));
        let Ok(reader) = RowReader::new(&bytes) else { continue };
        for (_, encoded) in reader.map_while(Result::ok) {
            for (of, _) in &types {
                // Values that come out of damage must be usable, too.
                if let Ok(value) = encoded.decode(*of, None) {
                    let _ = (value.compare(&value), value.bytes());
                }
            }
        }
    }
}
