//! ON CONFLICT.

use super::*;
use crate::catalog::{ColumnOrdinal, IndexId};

/// `t (id PRIMARY KEY, a int, b text UNIQUE)`
fn t() -> Table {
    with_index(table(20_000, "t", &[("id", oid::INT4), ("a", oid::INT4), ("b", oid::TEXT)]), "b_key", &[3], true)
}

fn on_conflict(arbiters: &[u32], action: ConflictAction) -> Option<OnConflict> {
    Some(OnConflict { arbiters: arbiters.iter().map(|id| IndexId(*id)).collect(), action })
}

fn ignoring(db: &Database, arbiters: &[u32], rows: &[&[&str]]) -> Plan {
    let mut plan = insert(db, "t", rows);
    plan.on_conflict = on_conflict(arbiters, ConflictAction::Nothing);
    inserted(plan)
}

/// `DO UPDATE SET a = t.a + excluded.a WHERE t.a < 100`
fn adding(db: &Database, arbiter: u32, rows: &[&[&str]]) -> Plan {
    let mut plan = insert(db, "t", rows);
    let (old, new) = (|| col(EXISTING + 2, Type::INT4), col(EXCLUDED + 2, Type::INT4));
    let action = ConflictAction::Update {
        existing: ids(&plan.table, EXISTING),
        excluded: ids(&plan.table, EXCLUDED),
        views: Vec::new(),
        records: Vec::new(),
        assignments: vec![(ColumnOrdinal(2), call("int4pl", vec![old(), new]))],
        filter: Some(call("int4lt", vec![old(), int(100)])),
    };
    plan.on_conflict = on_conflict(&[arbiter], action);
    inserted(plan)
}

#[test]
fn does_nothing() {
    with_tables(vec![t()], |db| async move {
        db.ok(inserted(insert(&db, "t", &[&["1", "5", "x"]]))).await;
        let rows: &[&[&str]] = &[&["1", "6", "y"], &["2", "6", "x"], &["3", "6", "∅"], &["3", "7", "z"]];
        let (rows, changed) = db.run(ignoring(&db, &[1, 2], rows)).await.unwrap();
        assert_eq!((rows, changed), (vec!["3|6|∅".into()], 1));
        // Another index than the one that arbitrates is an error as ever.
        assert!(db.fails(ignoring(&db, &[1], &[&["4", "6", "x"]])).await.contains("\"t_b_key\" | Key (b)=(x)"));
        assert_eq!(db.rows("t").await, ["1|5|x", "3|6|∅"]);
    });
}

#[test]
fn updates_what_is_there() {
    with_tables(vec![t()], |db| async move {
        db.ok(inserted(insert(&db, "t", &[&["1", "5", "x"], &["2", "200", "y"]]))).await;
        let rows: &[&[&str]] = &[&["1", "6", "∅"], &["2", "6", "∅"], &["3", "6", "∅"]];
        let (rows, changed) = db.run(adding(&db, 1, rows)).await.unwrap();
        assert_eq!((rows, changed), (vec!["1|11|x".into(), "3|6|∅".into()], 2));
        db.ok(adding(&db, 2, &[&["9", "1", "x"], &["8", "1", "∅"]])).await;
        assert_eq!(db.rows("t").await, ["1|12|x", "2|200|y", "3|6|∅", "8|1|∅"]);
        for rows in [&[&["1", "1", "∅"], &["1", "1", "∅"]], &[&["20", "1", "∅"], &["20", "1", "∅"]]] as [&[&[&str]]; 2]
        {
            let told = db.fails(adding(&db, 1, rows)).await;
            assert_eq!(told, "21000 ON CONFLICT DO UPDATE command cannot affect row a second time");
        }
        assert_eq!(db.rows("t").await.len(), 4);
    });
}

#[test]
fn waits_for_who_inserts() {
    for isolation in [Isolation::ReadCommitted, Isolation::RepeatableRead] {
        with_tables(vec![t()], move |db| async move {
            let mut first = db.begin(isolation);
            first.run(adding(&db, 1, &[&["1", "5", "x"]])).await.unwrap();
            let (other, plan) = (db.clone(), adding(&db, 1, &[&["1", "6", "x"]]));
            let second = db.env.tasks.spawn("second", async move {
                let mut session = other.begin(isolation);
                let outcome = session.run(plan).await?;
                session.commit().await?;
                Ok::<_, Failure>(outcome)
            });
            db.env.clock.sleep(std::time::Duration::from_millis(50)).await;
            first.commit().await.unwrap();
            let outcome = second.await.unwrap();
            if isolation == Isolation::ReadCommitted {
                assert_eq!(outcome.unwrap().0, ["1|11|x"]);
            } else {
                assert!(told(outcome).starts_with("40001"));
            }
        });
    }
}
