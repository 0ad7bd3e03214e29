//! Rows that are changed by their key while others change them.

use std::sync::Arc;
use std::time::Duration;

use atoll_sql::session::{Node, Session};

use crate::node::{answer, on_a_node, session};

/// The second session's statement while the first has changed the row (1, 10) to (1, 11), and commits a moment later.
async fn against_a_change(node: &Arc<Node>, level: &str, sql: &str) -> (Session, String) {
    let (mut one, mut two) = (session(node, 1).await, session(node, 2).await);
    answer(&mut one, "drop table if exists t; create table t (a int primary key, b int)").await;
    answer(&mut one, "insert into t values (1, 10), (2, 20)").await;
    assert_eq!(answer(&mut one, "begin; update t set b = b + 1 where a = 1").await, "BEGIN\nUPDATE 1");
    assert_eq!(answer(&mut two, &format!("start transaction isolation level {level}")).await, "START TRANSACTION");
    let sql = sql.to_owned();
    let waiting = node.env.tasks.spawn("two", async move {
        let seen = answer(&mut two, &sql).await;
        (two, seen)
    });
    node.env.clock.sleep(Duration::from_millis(100)).await;
    assert_eq!(answer(&mut one, "commit").await, "COMMIT");
    waiting.await.expect("the other session ends")
}

#[test]
fn a_row_that_was_waited_for_is_changed_as_it_is_then() {
    on_a_node(async |node, _store| {
        for level in ["read committed", "serializable"] {
            let changes = [
                ("update t set b = b * 2 where a = 1 returning b", "22"),
                ("delete from t where a = 1 returning b", "11"),
                ("select b from t where a = 1 for update", "11"),
            ];
            for (sql, expected) in changes {
                let (mut two, seen) = against_a_change(&node, level, sql).await;
                assert_eq!(seen.lines().next(), Some(expected), "{level}: {sql}: {seen}");
                assert_eq!(answer(&mut two, "commit").await, "COMMIT", "{level}: {sql}");
            }
        }
        let changed = "update t set b = b * 2 where a = 1";
        let (_, seen) = against_a_change(&node, "repeatable read", changed).await;
        assert!(seen.contains("40001"), "{seen}");
    });
}

#[test]
fn a_row_that_is_left_as_it_is_is_not_locked() {
    on_a_node(async |node, _store| {
        for level in ["read committed", "serializable"] {
            let sql = "update t set b = 0 where a = 1 and b = 10";
            let (mut two, seen) = against_a_change(&node, level, sql).await;
            assert_eq!(seen, "UPDATE 0", "{level}");
            assert_eq!(answer(&mut two, "delete from t where a = 3").await, "DELETE 0");
            let mut one = session(&node, 1).await;
            answer(&mut one, "set lock_timeout = 100").await;
            let skew = "begin; update t set b = 12 where a = 1; select b from t where a = 2; commit";
            assert_eq!(answer(&mut one, skew).await, "BEGIN\nUPDATE 1\n20\nCOMMIT", "{level}");
            assert_eq!(answer(&mut one, "insert into t values (3, 30)").await, "INSERT 0 1", "{level}");
            // It was read nevertheless.
            let ended = answer(&mut two, "update t set b = 0 where a = 2; commit").await;
            assert_eq!(ended.contains("40001"), level == "serializable", "{level}: {ended}");
        }
    });
}

#[test]
fn what_is_locked_already_is_changed_without_another_lock() {
    on_a_node(async |node, _store| {
        let mut one = session(&node, 1).await;
        answer(&mut one, "create table t (a int primary key, b int)").await;
        answer(&mut one, "insert into t values (1, 10)").await;
        let seen = answer(
            &mut one,
            "begin; select b from t where a = 1 for share; update t set b = b + 1 where a = 1;
             update t set b = b + 1 where a = 1 returning b; savepoint s; delete from t where a = 1;
             rollback to s; update t set b = b + 1 where a = 1 and b = 12 returning b; commit; select b from t",
        )
        .await;
        let rows: Vec<&str> = seen.lines().filter(|line| line.parse::<i32>().is_ok()).collect();
        assert_eq!(rows, ["10", "12", "13", "13"], "{seen}");
    });
}

#[test]
fn what_was_read_under_a_lock_counts_as_read() {
    on_a_node(async |node, _store| {
        // Each of these reads row 2 and writes row 1; the other reads row 1 and writes row 2. Only one can have come first.
        let reads = [
            "select b from t where a = 2 for key share",
            "savepoint s; select b from t where a = 2; rollback to s",
            "savepoint s; select b from t where a = 2 for update; rollback to s",
            "select b from t where a = 1; savepoint s; select b from t where a = 2 for update; rollback to s",
        ];
        for read in reads {
            let (mut one, mut two) = (session(&node, 1).await, session(&node, 2).await);
            answer(&mut one, "drop table if exists t; create table t (a int primary key, b int)").await;
            answer(&mut one, "insert into t values (1, 10), (2, 20)").await;
            let seen = answer(&mut one, &format!("begin isolation level serializable; {read}")).await;
            assert!(seen.contains("20"), "{read}: {seen}");
            let other = "begin isolation level serializable; select b from t where a = 1; \
                         update t set b = 21 where a = 2; commit";
            assert_eq!(answer(&mut two, other).await, "BEGIN\n10\nUPDATE 1\nCOMMIT", "{read}");
            let ended = answer(&mut one, "update t set b = 11 where a = 1; commit").await;
            assert!(ended.contains("40001"), "{read}: {ended}");
        }
    });
}

#[test]
fn a_snapshot_outlives_the_savepoint_after_which_it_was_taken() {
    on_a_node(async |node, _store| {
        let (mut one, mut two) = (session(&node, 1).await, session(&node, 2).await);
        answer(&mut one, "create table t (a int primary key, b int); insert into t values (1, 10)").await;
        let begun = "begin isolation level repeatable read; savepoint s; select b from t";
        assert_eq!(answer(&mut one, begun).await, "BEGIN\nSAVEPOINT\n10");
        assert_eq!(answer(&mut two, "update t set b = 11").await, "UPDATE 1");
        assert_eq!(answer(&mut one, "rollback to s; select b from t; commit").await, "ROLLBACK\n10\nCOMMIT");
    });
}
