//! Foreign keys.

use super::*;
use ForeignAction::*;

/// `p (id, a)` and `c (id, p REFERENCES p ON DELETE … ON UPDATE …, a)`, with an index on `c.p` or not.
fn family(on: ForeignAction, indexed: bool) -> Vec<Table> {
    let mut parent = table(20_000, "p", &[("id", oid::INT4), ("a", oid::INT4)]);
    let mut child = table(21_000, "c", &[("id", oid::INT4), ("p", oid::INT4), ("a", oid::INT4)]);
    if indexed {
        child = with_index(child, "p_idx", &[2], false);
    }
    with_foreign_key(&mut child, 2, &mut parent, on);
    vec![parent, child]
}

fn families(on: ForeignAction) -> [Vec<Table>; 2] {
    [family(on, false), family(on, true)]
}

async fn fill(db: &Database) {
    db.ok(inserted(insert(db, "p", &[&["1", "0"], &["2", "0"], &["3", "0"]]))).await;
    db.ok(inserted(insert(db, "c", &[&["10", "1", "0"], &["11", "1", "0"], &["12", "2", "0"], &["13", "∅", "0"]])))
        .await;
}

/// `UPDATE p SET id = id + 10`
fn renumber(db: &Database, filter: Option<Expr>) -> Plan {
    update(db, "p", vec![(1, call("int4pl", vec![col(1, Type::INT4), int(10)]))], filter)
}

const REFERENCED: &str = "23503 update or delete on table \"p\" violates foreign key constraint \"c_p_fkey\" on table \
                          \"c\" | Key (id)=(1) is still referenced from table \"c\".";

#[test]
fn what_is_referred_to_is_there() {
    for tables in families(NoAction) {
        with_tables(tables, |db| async move {
            fill(&db).await;
            let missing = "23503 insert or update on table \"c\" violates foreign key constraint \"c_p_fkey\" | Key \
                           (p)=(5) is not present in table \"p\".";
            assert_eq!(db.fails(inserted(insert(&db, "c", &[&["20", "5", "0"]]))).await, missing);
            assert_eq!(db.fails(update(&db, "c", vec![(2, int(5))], is(1, 10))).await, missing);
            db.ok(update(&db, "c", vec![(3, int(5))], None)).await;
            db.ok(update(&db, "c", vec![(2, int(3))], is(1, 13))).await;
            // What the same transaction has made is there.
            let mut session = db.begin(Isolation::ReadCommitted);
            session.run(inserted(insert(&db, "p", &[&["5", "0"]]))).await.unwrap();
            session.run(inserted(insert(&db, "c", &[&["20", "5", "0"]]))).await.unwrap();
            session.commit().await.unwrap();
            assert_eq!(db.rows("c").await.len(), 5);
        });
    }
}

#[test]
fn refuses() {
    for tables in families(NoAction).into_iter().chain(families(Restrict)) {
        with_tables(tables, |db| async move {
            fill(&db).await;
            assert_eq!(db.fails(delete(&db, "p", None)).await, REFERENCED);
            assert_eq!(db.fails(renumber(&db, is(1, 1))).await, REFERENCED);
            db.ok(delete(&db, "p", is(1, 3))).await;
            db.ok(update(&db, "p", vec![(2, int(9))], None)).await;
            db.ok(delete(&db, "c", is(2, 1))).await;
            db.ok(delete(&db, "p", is(1, 1))).await;
            assert_eq!(db.rows("p").await, ["2|9"]);
        });
    }
}

#[test]
fn another_row_may_take_the_place() {
    with_tables(family(NoAction, true), |db| async move {
        db.ok(inserted(insert(&db, "p", &[&["1", "0"], &["2", "0"]]))).await;
        db.ok(inserted(insert(&db, "c", &[&["10", "1", "0"], &["11", "2", "0"]]))).await;
        let other = call("int4mi", vec![int(3), col(1, Type::INT4)]);
        assert_eq!(db.run(update(&db, "p", vec![(1, other)], None)).await.unwrap().1, 2);
    });
}

#[test]
fn cascades() {
    for tables in families(Cascade) {
        with_tables(tables, |db| async move {
            fill(&db).await;
            assert_eq!(db.run(renumber(&db, None)).await.unwrap().1, 3);
            assert_eq!(db.rows("c").await, ["10|11|0", "11|11|0", "12|12|0", "13|∅|0"]);
            db.verify().await;
            assert_eq!(db.run(delete(&db, "p", is(1, 11))).await.unwrap().1, 1);
            assert_eq!(db.rows("c").await, ["12|12|0", "13|∅|0"]);
        });
    }
}

#[test]
fn sets_null() {
    for tables in families(SetNull) {
        with_tables(tables, |db| async move {
            fill(&db).await;
            db.ok(delete(&db, "p", is(1, 1))).await;
            db.ok(renumber(&db, None)).await;
            assert_eq!(db.rows("c").await, ["10|∅|0", "11|∅|0", "12|∅|0", "13|∅|0"]);
        });
    }
}

#[test]
fn the_default_of_nothing_is_null() {
    with_tables(family(SetDefault, true), |db| async move {
        fill(&db).await;
        db.ok(delete(&db, "p", is(1, 1))).await;
        assert_eq!(db.rows("c").await, ["10|∅|0", "11|∅|0", "12|2|0", "13|∅|0"]);
    });
}

#[test]
fn sets_the_default() {
    let mut tables = family(SetDefault, true);
    tables[1].columns[1].default = Some("2 - 1".into());
    with_tables(tables, |db| async move {
        fill(&db).await;
        db.ok(delete(&db, "p", is(1, 2))).await;
        assert_eq!(db.rows("c").await, ["10|1|0", "11|1|0", "12|1|0", "13|∅|0"]);
        assert_eq!(db.fails(delete(&db, "p", is(1, 1))).await, REFERENCED);
    });
}

#[test]
fn rules_hold_for_what_an_action_changes() {
    let mut tables = family(SetNull, true);
    tables[1].columns[1].not_null = true;
    with_tables(tables, |db| async move {
        db.ok(inserted(insert(&db, "p", &[&["1", "0"]]))).await;
        db.ok(inserted(insert(&db, "c", &[&["10", "1", "0"]]))).await;
        assert_eq!(
            db.fails(delete(&db, "p", None)).await,
            "23502 null value in column \"p\" of relation \"c\" violates not-null constraint | Failing row contains (10, \
             null, 0)."
        );
    });
}

/// `t (id, up REFERENCES t)`
fn tree(on: ForeignAction) -> Vec<Table> {
    let mut table = table(20_000, "t", &[("id", oid::INT4), ("up", oid::INT4)]);
    let key = foreign_key(&table, &[2], &table, on);
    table.foreign_keys.push(key);
    table.referenced_by.push(table.oid);
    vec![table]
}

#[test]
fn a_table_refers_to_itself() {
    with_tables(tree(NoAction), |db| async move {
        // Rows of one statement may refer to each other, in a circle too, and go together.
        db.ok(inserted(insert(&db, "t", &[&["1", "2"], &["2", "1"], &["3", "3"], &["4", "1"]]))).await;
        assert!(
            db.fails(delete(&db, "t", is(1, 1))).await.contains("Key (id)=(1) is still referenced from table \"t\".")
        );
        db.ok(delete(&db, "t", is(1, 3))).await;
        assert_eq!(db.run(delete(&db, "t", None)).await.unwrap().1, 3);
    });
    with_tables(tree(Cascade), |db| async move {
        db.ok(inserted(insert(&db, "t", &[&["1", "3"], &["2", "1"], &["3", "2"], &["4", "∅"], &["5", "4"]]))).await;
        assert_eq!(db.run(delete(&db, "t", is(1, 1))).await.unwrap().1, 1);
        assert_eq!(db.rows("t").await, ["4|∅", "5|4"]);
        let plan = update(&db, "t", vec![(1, int(40))], is(1, 4));
        db.ok(plan).await;
        assert_eq!(db.rows("t").await, ["5|40", "40|∅"]);
    });
}

#[test]
fn actions_go_on_over_tables() {
    // p ◀─ cascade ─ c ◀─ cascade ─ d, and d refuses nothing while its rows go with c's.
    let mut tables = family(Cascade, true);
    let mut grandchild = table(22_000, "d", &[("id", oid::INT4), ("c", oid::INT4)]);
    with_foreign_key(&mut grandchild, 2, &mut tables[1], Cascade);
    tables.push(grandchild);
    with_tables(tables, |db| async move {
        fill(&db).await;
        db.ok(inserted(insert(&db, "d", &[&["100", "10"], &["101", "12"]]))).await;
        db.ok(delete(&db, "p", is(1, 1))).await;
        assert_eq!(db.rows("d").await, ["101|12"]);
    });
}

#[test]
fn values_of_another_type() {
    let mut parent = table(20_000, "p", &[("id", oid::INT8), ("a", oid::INT4)]);
    let mut child = table(21_000, "c", &[("id", oid::INT4), ("p", oid::INT2)]);
    child = with_index(child, "p_idx", &[2], false);
    with_foreign_key(&mut child, 2, &mut parent, Cascade);
    with_tables(vec![parent, child], |db| async move {
        db.ok(inserted(insert(&db, "p", &[&["1", "0"], &["5000000000", "0"]]))).await;
        db.ok(inserted(insert(&db, "c", &[&["1", "1"]]))).await;
        assert!(db.fails(inserted(insert(&db, "c", &[&["2", "2"]]))).await.starts_with("23503"));
        db.ok(delete(&db, "p", None)).await;
        assert!(db.rows("c").await.is_empty());
    });
}

#[test]
fn nulls_among_several_columns() {
    for full in [false, true] {
        let mut parent = table(20_000, "p", &[("x", oid::INT4), ("y", oid::INT4)]);
        let key = IndexKey { column: 2, ..parent.indexes[0].keys[0].clone() };
        parent.indexes[0].keys.push(key);
        let mut child = table(21_000, "c", &[("id", oid::INT4), ("x", oid::INT4), ("y", oid::INT4)]);
        let key = foreign_key(&child, &[2, 3], &parent, NoAction);
        child.foreign_keys.push(ForeignKey { match_full: full, ..key });
        parent.referenced_by.push(child.oid);
        with_tables(vec![parent, child], move |db| async move {
            db.ok(inserted(insert(&db, "p", &[&["1", "2"]]))).await;
            db.ok(inserted(insert(&db, "c", &[&["1", "1", "2"], &["2", "∅", "∅"]]))).await;
            let half = inserted(insert(&db, "c", &[&["3", "7", "∅"]]));
            if full {
                assert!(
                    db.fails(half).await.ends_with("MATCH FULL does not allow mixing of null and nonnull key values.")
                );
            } else {
                db.ok(half).await;
            }
            let wrong = inserted(insert(&db, "c", &[&["4", "2", "1"]]));
            assert!(db.fails(wrong).await.ends_with("Key (x, y)=(2, 1) is not present in table \"p\"."));
        });
    }
}

#[test]
fn checks_at_the_end_of_the_transaction() {
    let mut tables = family(NoAction, true);
    let key = &mut tables[1].foreign_keys[0];
    (key.deferrable, key.initially_deferred) = (true, true);
    with_tables(tables, |db| async move {
        let mut session = db.begin(Isolation::ReadCommitted);
        session.run(inserted(insert(&db, "c", &[&["10", "1", "0"]]))).await.unwrap();
        session.run(inserted(insert(&db, "p", &[&["1", "0"]]))).await.unwrap();
        session.commit().await.unwrap();

        let mut session = db.begin(Isolation::ReadCommitted);
        session.run(delete(&db, "p", None)).await.unwrap();
        assert_eq!(told(session.commit().await), REFERENCED);

        let mut session = db.begin(Isolation::ReadCommitted);
        session.run(delete(&db, "p", None)).await.unwrap();
        session.run(delete(&db, "c", None)).await.unwrap();
        session.run(inserted(insert(&db, "c", &[&["11", "7", "0"]]))).await.unwrap();
        session.run(update(&db, "c", vec![(2, Expr::null(Type::INT4))], None)).await.unwrap();
        session.commit().await.unwrap();
        assert_eq!(db.rows("c").await, ["11|∅|0"]);
    });
}
