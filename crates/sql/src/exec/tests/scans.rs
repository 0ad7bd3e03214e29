//! Scans of tables, and locks on their rows.

use super::*;

fn scan(table: &Arc<Table>, columns: &[(u32, u32)], access: Access, filter: Option<Expr>) -> Plan {
    Plan::Scan(Box::new(scan_of(table, columns, access, filter)))
}

fn full(reverse: bool) -> Access {
    Access::Full { reverse }
}

fn by_index(index: u32, equal: Vec<Vec<Expr>>, lower: Option<Bound>, upper: Option<Bound>, reverse: bool) -> Access {
    Access::Index { index: crate::catalog::IndexId(index), bounds: Bounds { equal, lower, upper }, reverse }
}

fn bound(value: i32, inclusive: bool) -> Option<Bound> {
    Some(Bound { value: int(value), inclusive })
}

fn row(id: i32) -> Vec<Datum> {
    let a = if id % 10 == 0 { Datum::Null } else { Datum::Int4(id % 10) };
    vec![Datum::Int4(id), a, Datum::text(format!("r{id:06}"))]
}

async fn filled(scope: &Scope, count: i32) -> Arc<Table> {
    let table = table(30_000);
    fill(scope, &table, &(0..count).map(row).collect::<Vec<_>>()).await;
    table
}

#[test]
fn whole_tables_and_parts() {
    on_node(|scope| async move {
        let t = filled(&scope, 10_000).await;
        let all = rows(&scope, scan(&t, &[(1, 1)], full(false), None)).await;
        assert_eq!(all, (0..10_000).map(|id| id.to_string()).collect::<Vec<_>>());
        let back = rows(&scope, scan(&t, &[(1, 1)], full(true), None)).await;
        assert!(back.iter().eq(all.iter().rev()));
        let few = scan(&t, &[(3, 3), (1, 1)], full(false), Some(less(col(1), int(2))));
        assert_eq!(rows(&scope, few).await, ["r000000|0", "r000001|1"]);
        let range = by_index(1, vec![vec![]], bound(3, false), bound(5, true), true);
        assert_eq!(rows(&scope, scan(&t, &[(1, 1), (2, 2)], range, None)).await, ["5|5", "4|4"]);
        let points =
            by_index(1, vec![vec![int(7)], vec![null()], vec![int(3)], vec![int(-1)], vec![int(7)]], None, None, false);
        assert_eq!(rows(&scope, scan(&t, &[(3, 3)], points, None)).await, ["r000003", "r000007"]);
        assert!(rows(&scope, scan(&t, &[(1, 1)], Access::Empty, None)).await.is_empty());
        let some = limited(scan(&t, &[(1, 1)], full(false), None), Some(2), Some(300));
        assert_eq!(rows(&scope, some).await, ["300", "301"]);
        assert_eq!(rows(&scope, scan(&t, &[], full(false), None)).await.len(), 10_000, "rows without columns");
    });
}

#[test]
fn by_other_indexes() {
    on_node(|scope| async move {
        let t = filled(&scope, 1000).await;
        let of_seven = || by_index(2, vec![vec![int(7)]], None, None, false);
        // With the row (column b), and from the entry alone.
        let looked_up = scan(&t, &[(1, 1), (3, 3)], of_seven(), Some(less(col(1), int(20))));
        assert_eq!(rows(&scope, looked_up).await, ["7|r000007", "17|r000017"]);
        let covered = scan(&t, &[(2, 2), (1, 1)], of_seven(), Some(less(col(1), int(20))));
        assert_eq!(rows(&scope, covered).await, ["7|7", "7|17"]);
        let below = by_index(2, vec![vec![]], None, bound(2, true), true);
        let below = scan(&t, &[(2, 2), (1, 1)], below, Some(less(col(1), int(20))));
        assert_eq!(rows(&scope, below).await, ["2|12", "2|2", "1|11", "1|1"], "NULLs are not below");
        let named = by_index(3, vec![vec![text("r000123")]], None, None, false);
        assert_eq!(rows(&scope, scan(&t, &[(1, 1), (2, 2)], named, None)).await, ["123|3"]);
        // Bounds may read a row further out.
        let inner = scan(&t, &[(1, 1)], by_index(1, vec![vec![plus(col(50), int(1))]], None, None, false), None);
        let apply = Apply { kind: JoinKind::Left, left: one_column(50, &[4, 5000]), right: inner, on: vec![] };
        assert_eq!(rows(&scope, Plan::Apply(Box::new(apply))).await, ["4|5", "5000|∅"]);
    });
}

/// `SELECT id FROM t WHERE id < below FOR UPDATE LIMIT count`.
fn locking(t: &Arc<Table>, below: i32, wait: LockWait, count: Option<i64>) -> Plan {
    let mut inner = scan_of(t, &[(1, 1)], full(false), Some(less(col(1), int(below))));
    inner.key = Some(ColumnId(2));
    let lock = LockTable { table: t.clone(), key: ColumnId(2), strength: LockStrength::Update, wait };
    let locked = Plan::LockRows(Box::new(LockRows { input: Plan::Scan(Box::new(inner)), tables: vec![lock] }));
    limited(project(locked, vec![(3, col(1))]), count, None)
}

async fn lock_in(scope: &Scope, txn: &mut dyn crate::kv::Txn, plan: Plan) -> Result<Vec<Vec<Datum>>, Failure> {
    let cancel = Cancel::default();
    let mut exec = Exec::new(scope, txn, &[], &cancel);
    let query = query(plan);
    crate::exec::run(&query, scope, Options::default())?.all(&mut exec).await
}

#[test]
fn locks_on_rows() {
    on_node(|scope| async move {
        let t = filled(&scope, 100).await;
        let begin = || scope.node.gateway.begin(Isolation::ReadCommitted);
        let (mut one, mut two) = (begin(), begin());
        // Only what LIMIT lets through is locked.
        let got = lock_in(&scope, &mut *one, locking(&t, 50, LockWait::Block, Some(2))).await.unwrap();
        assert_eq!(got, [[Datum::Int4(0)], [Datum::Int4(1)]]);
        let refused = lock_in(&scope, &mut *two, locking(&t, 50, LockWait::NoWait, Some(2))).await.unwrap_err();
        let refused = refused.into_error();
        assert_eq!(refused.message(), "could not obtain lock on row in relation \"t\"");
        assert_eq!(refused.state(), atoll_datum::sqlstate::LOCK_NOT_AVAILABLE);
        let skipping = lock_in(&scope, &mut *two, locking(&t, 50, LockWait::SkipLocked, Some(2))).await.unwrap();
        assert_eq!(skipping, [[Datum::Int4(2)], [Datum::Int4(3)]]);
        one.rollback().await;
        two.rollback().await;
    });
}

#[test]
fn a_row_that_changed_under_its_lock_has_the_statement_run_again() {
    on_node(|scope| async move {
        let t = filled(&scope, 10).await;
        let mut reader = scope.node.gateway.begin(Isolation::ReadCommitted);
        reader.begin_statement();
        let layout = Layout::new(t.clone(), &scope.catalog).unwrap();
        let mut writer = scope.node.gateway.begin(Isolation::Serializable);
        writer.delete(layout.primary_key(&row(0)).unwrap()).unwrap();
        writer.commit().await.unwrap();
        let first = lock_in(&scope, &mut *reader, locking(&t, 2, LockWait::Block, None)).await;
        assert!(matches!(first, Err(Failure::Rerun)), "{first:?}");
        reader.begin_statement();
        let again = lock_in(&scope, &mut *reader, locking(&t, 2, LockWait::Block, None)).await.unwrap();
        assert_eq!(again, [[Datum::Int4(1)]]);
        reader.rollback().await;
    });
}
