//! One table: its rules and its indexes.

use super::*;
use crate::exec::Rows;
use crate::mutate::copy;

/// `t (id PRIMARY KEY, a int, b text UNIQUE, g GENERATED ALWAYS AS (a + 1))`, `CHECK (a > 0)`, and indexes on `a`, on
/// `0 - a`, and on `b` where `a > 10`.
fn t() -> Table {
    let columns = [("id", oid::INT4), ("a", oid::INT4), ("b", oid::TEXT), ("g", oid::INT4)];
    let mut table = table(20_000, "t", &columns);
    table.columns[3].generated = Some("(a + 1)".into());
    table.checks.push(Check { name: "t_a_check".into(), expression: "(a > 0)".into(), ..Check::default() });
    table = with_index(table, "b_key", &[3], true);
    table = with_index(table, "a_idx", &[2], false);
    table = with_index(table, "minus_idx", &[0], false);
    table = with_index(table, "partial", &[3, 2], true);
    table.indexes[4].predicate = Some("(a > 10)".into());
    table
}

#[test]
fn inserts() {
    with_tables(vec![t()], |db| async move {
        let plan = inserted(insert(&db, "t", &[&["1", "5", "x"], &["2", "∅", "∅"], &["3", "20", "∅"]]));
        let (rows, changed) = db.run(plan).await.unwrap();
        assert_eq!((rows, changed), (vec!["1|5|x|6".into(), "2|∅|∅|∅".into(), "3|20|∅|21".into()], 3));
        assert_eq!(db.rows("t").await, ["1|5|x|6", "2|∅|∅|∅", "3|20|∅|21"]);

        let fails = async |rows: &[&[&str]]| db.fails(inserted(insert(&db, "t", rows))).await;
        assert_eq!(
            fails(&[&["1", "1", "y"]]).await,
            "23505 duplicate key value violates unique constraint \"t_pkey\" | Key (id)=(1) already exists."
        );
        assert_eq!(
            fails(&[&["9", "1", "x"]]).await,
            "23505 duplicate key value violates unique constraint \"t_b_key\" | Key (b)=(x) already exists."
        );
        assert_eq!(
            fails(&[&["9", "1", "z"], &["8", "1", "z"]]).await,
            "23505 duplicate key value violates unique constraint \"t_b_key\" | Key (b)=(z) already exists."
        );
        assert_eq!(
            fails(&[&["∅", "1", "y"]]).await,
            "23502 null value in column \"id\" of relation \"t\" violates not-null constraint | Failing row contains \
             (null, 1, y, 2)."
        );
        let long = "ä".repeat(50);
        assert_eq!(
            fails(&[&["9", "-1", &long]]).await,
            format!(
                "23514 new row for relation \"t\" violates check constraint \"t_a_check\" | Failing row contains (9, -1, \
                 {}..., 0).",
                "ä".repeat(32)
            )
        );
        // The first row that is wrong is the one that is told of.
        assert!(fails(&[&["1", "1", "y"], &["∅", "1", "y"]]).await.starts_with("23505"));
        assert!(fails(&[&["10", "1", "y"], &["∅", "1", "y"]]).await.starts_with("23502"));
        assert_eq!(db.rows("t").await.len(), 3);
    });
}

#[test]
fn defaults_and_row_ids() {
    let mut table = table(20_000, "t", &[("rowid", oid::INT8), ("a", oid::INT4), ("b", oid::INT4)]);
    table.columns[0].hidden = true;
    table.indexes[0] = Index { oid: 0, constraint: 0, ..table.indexes[0].clone() };
    with_tables(vec![table], |db| async move {
        let mut plan = insert(&db, "t", &[&["1"], &["1"], &["2"]]);
        plan.defaults = vec![(crate::catalog::ColumnOrdinal(3), call("int4pl", vec![int(40), int(2)]))];
        let rows = db.ok(inserted(plan)).await;
        let ids: Vec<i64> = rows.iter().map(|row| row.split('|').next().unwrap().parse().unwrap()).collect();
        assert!(ids.is_sorted() && ids[0] < ids[1], "{ids:?}");
        assert_eq!(db.rows("t").await, ["1|42", "1|42", "2|42"]);
        assert_eq!(db.run(delete(&db, "t", is(2, 1))).await.unwrap().1, 2);
        assert_eq!(db.rows("t").await, ["2|42"]);
    });
}

#[test]
fn updates() {
    with_tables(vec![t()], |db| async move {
        let rows: &[&[&str]] = &[&["1", "5", "x"], &["2", "11", "y"], &["3", "20", "∅"]];
        db.ok(inserted(insert(&db, "t", rows))).await;
        let a = || col(2, Type::INT4);
        let id = || col(1, Type::INT4);
        // In and out of the partial index; the generated column follows.
        let plan = update(&db, "t", vec![(2, call("int4pl", vec![a(), int(5)]))], None);
        assert_eq!(db.ok(plan).await, ["1|10|x|11", "2|16|y|17", "3|25|∅|26"]);
        db.verify().await;
        let plan = update(&db, "t", vec![(2, call("int4mi", vec![a(), int(6)]))], None);
        assert_eq!(db.ok(plan).await, ["1|4|x|5", "2|10|y|11", "3|19|∅|20"]);
        db.verify().await;
        // Every key becomes the next one's.
        let plan = update(&db, "t", vec![(1, call("int4pl", vec![id(), int(1)]))], None);
        assert_eq!(db.run(plan).await.unwrap().1, 3);
        assert_eq!(db.rows("t").await, ["2|4|x|5", "3|10|y|11", "4|19|∅|20"]);
        db.verify().await;
        // Two rows exchange what is unique.
        let swap = Expr::new(
            ExprKind::Case {
                branches: vec![(is(1, 2).unwrap(), literal("y", oid::TEXT, &db.scope))],
                otherwise: Some(Box::new(literal("x", oid::TEXT, &db.scope))),
            },
            Type::TEXT,
        );
        let both = call("int4lt", vec![id(), int(4)]);
        db.ok(update(&db, "t", vec![(3, swap)], Some(both))).await;
        assert_eq!(db.rows("t").await, ["2|4|y|5", "3|10|x|11", "4|19|∅|20"]);
        db.verify().await;

        let plan = update(&db, "t", vec![(1, int(2))], is(1, 3));
        assert!(db.fails(plan).await.ends_with("\"t_pkey\" | Key (id)=(2) already exists."));
        let plan = update(&db, "t", vec![(1, int(7))], None);
        assert!(db.fails(plan).await.ends_with("\"t_pkey\" | Key (id)=(7) already exists."));
        let plan = update(&db, "t", vec![(2, int(-1))], is(1, 2));
        assert!(db.fails(plan).await.ends_with("Failing row contains (2, -1, y, 0)."));
        assert_eq!(db.rows("t").await, ["2|4|y|5", "3|10|x|11", "4|19|∅|20"]);
    });
}

#[test]
fn a_row_is_changed_once() {
    with_tables(vec![t()], |db| async move {
        db.ok(inserted(insert(&db, "t", &[&["1", "5", "x"]]))).await;
        let Plan::Update(mut plan) = update(&db, "t", vec![(2, int(6))], None) else { panic!() };
        let twice = Plan::Values(Values { columns: Vec::new(), rows: vec![Vec::new(), Vec::new()] });
        plan.source = Plan::Join(Box::new(Join {
            kind: JoinKind::Inner,
            left: plan.source,
            right: twice,
            on: Vec::new(),
            strategy: JoinStrategy::NestedLoop,
        }));
        let (rows, changed) = db.run(Plan::Update(plan)).await.unwrap();
        assert_eq!((rows, changed), (vec!["1|6|x|7".into()], 1));
    });
}

#[test]
fn deletes() {
    with_tables(vec![t()], |db| async move {
        let rows: &[&[&str]] = &[&["1", "5", "x"], &["2", "11", "y"], &["3", "20", "∅"]];
        db.ok(inserted(insert(&db, "t", rows))).await;
        assert_eq!(db.ok(delete(&db, "t", is(1, 2))).await, ["2|11|y|12"]);
        db.verify().await;
        // In one transaction: gone and there again.
        let mut session = db.begin(Isolation::ReadCommitted);
        assert_eq!(session.run(delete(&db, "t", None)).await.unwrap().1, 2);
        session.run(inserted(insert(&db, "t", &[&["3", "1", "x"]]))).await.unwrap();
        session.commit().await.unwrap();
        assert_eq!(db.rows("t").await, ["3|1|x|2"]);
    });
}

#[test]
fn a_statement_does_not_see_its_own_changes() {
    with_tables(vec![t()], |db| async move {
        db.ok(inserted(insert(&db, "t", &[&["1", "5", "∅"], &["2", "5", "∅"]]))).await;
        // INSERT INTO t SELECT id + 2, a FROM t, and a WITH that deletes while the body looks.
        let table = db.table("t");
        let mut plan = insert(&db, "t", &[&["0", "0"]]);
        plan.source = Plan::Project(Box::new(Project {
            input: scan(&table, false, None),
            columns: vec![
                (ColumnId(501), call("int4pl", vec![col(1, Type::INT4), int(2)])),
                (ColumnId(502), col(2, Type::INT4)),
            ],
        }));
        assert_eq!(db.run(inserted(plan)).await.unwrap().1, 2);
        assert_eq!(db.rows("t").await, ["1|5|∅|6", "2|5|∅|6", "3|5|∅|6", "4|5|∅|6"]);

        let Plan::Delete(mut gone) = delete(&db, "t", is(1, 1)) else { panic!() };
        gone.returning = Some(Returning { columns: vec![(ColumnId(700), new(&table, 1))] });
        let cte = CteId(0);
        let body = Plan::Join(Box::new(Join {
            kind: JoinKind::Inner,
            left: Plan::CteScan(CteScan { cte, columns: vec![(ColumnId(701), Type::INT4)] }),
            right: Plan::Aggregate(Box::new(Aggregate {
                input: scan(&table, false, None),
                keys: Vec::new(),
                sets: vec![Vec::new()],
                calls: vec![(ColumnId(702), count())],
                groupings: Vec::new(),
            })),
            on: Vec::new(),
            strategy: JoinStrategy::NestedLoop,
        }));
        let definition = Plan::Delete(gone);
        let with = With { cte, name: "gone".into(), definition, recursive: None, materialized: None, body };
        let (rows, changed) = db.run(Plan::With(Box::new(with))).await.unwrap();
        assert_eq!((rows, changed), (vec!["1|4".into()], 0));
        assert_eq!(db.rows("t").await.len(), 3);
    });
}

fn count() -> AggregateCall {
    let row = builtin().functions_named("count").find(|row| row.arguments.is_empty()).unwrap();
    AggregateCall {
        function: crate::function::lookup(row).unwrap(),
        arguments: Vec::new(),
        direct: Vec::new(),
        distinct: false,
        order_by: Vec::new(),
        filter: None,
        ty: Type::INT8,
        level: 0,
    }
}

#[test]
fn nothing_changes_where_nothing_may() {
    with_tables(vec![t()], |mut db| async move {
        let plan = || inserted(insert(&db, "t", &[&["1", "5", "∅"]]));
        let (first, second) = (plan(), plan());
        db.scope.session.read_only = true;
        assert_eq!(db.fails(first).await, "25006 cannot execute INSERT in a read-only transaction");
        assert_eq!(db.fails(delete(&db, "t", None)).await, "25006 cannot execute DELETE in a read-only transaction");
        db.scope.session.read_only = false;
        db.ok(second).await;
    });
}

#[test]
fn copies() {
    with_tables(vec![t()], |db| async move {
        let mut session = db.begin(Isolation::ReadCommitted);
        let plan = insert(&db, "t", &[&["0", "0"]]);
        let mut copy = copy::copy_in(&plan, None, &db.scope).unwrap();
        let cancel = Cancel::default();
        for batch in 0..3 {
            let mut rows = Rows::new(2);
            for at in 0..400 {
                rows.push(&[Datum::Int4(batch * 400 + at), Datum::Int4(1)]);
            }
            let mut exec = Exec::new(&db.scope, &mut *session.txn, &[], &cancel);
            copy.push(&rows, &mut exec).await.unwrap();
        }
        let mut exec = Exec::new(&db.scope, &mut *session.txn, &[], &cancel);
        let (changed, deferred, _) = copy.finish(&mut exec).await.unwrap();
        assert!(changed == 1200 && deferred.is_empty());
        session.commit().await.unwrap();
        assert_eq!(db.rows("t").await.len(), 1200);
    });
}
