//! What sessions see of each other and can do to each other: pg_stat_activity, pg_locks, pg_cancel_backend,
//! pg_terminate_backend; and how soon a statement ends that is told to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::{Node, Temp};
use tokio_postgres::{Client, Error};

/// What a statement may take to end once it should. It takes no tenth of a second, but the machine may be busy.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

async fn row(client: &Client, sql: &str) -> Vec<Option<String>> {
    let rows = client.simple_query(sql).await.unwrap();
    let row = rows.into_iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let Some(row) = row else { panic!("no row: {sql}") };
    (0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect()
}

async fn pid(client: &Client) -> i32 {
    client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0)
}

/// Until the row is as expected, for a while.
async fn until(client: &Client, sql: &str, expected: &[Option<&str>]) {
    let begun = Instant::now();
    loop {
        let got = row(client, sql).await;
        let got: Vec<Option<&str>> = got.iter().map(Option::as_deref).collect();
        if got == expected {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{sql}\nexpected {expected:?}\ngot {got:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn state_of<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.expect_err("it should have failed").code().expect("an error of the server").code().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_seen_and_stopped() {
    let dir = Temp::new();
    let node = Node::start(&dir.path("data"));
    let admin = node.session("postgres").await;
    admin.batch_execute("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1)").await.unwrap();
    let (one, two) = (Arc::new(node.session("postgres").await), Arc::new(node.session("postgres").await));
    let (one_pid, two_pid) = (pid(&one).await, pid(&two).await);
    let activity = |pid: i32| {
        format!(
            "SELECT state, query, wait_event_type, wait_event, xact_start IS NOT NULL, query_start <= now()
             FROM pg_stat_activity WHERE pid = {pid}"
        )
    };

    // Itself, and one that does nothing.
    let own =
        row(&admin, "SELECT state, left(query, 12), client_addr FROM pg_stat_activity WHERE pid = pg_backend_pid()");
    assert_eq!(own.await, [Some("active".into()), Some("SELECT state".into()), Some("127.0.0.1".into())]);
    one.batch_execute("SET application_name = 'the first'").await.unwrap();
    let idle = [Some("idle"), Some("SET application_name = 'the first'"), Some("Client"), Some("ClientRead")];
    until(&admin, &activity(one_pid), &[&idle[..], &[Some("f"), Some("t")]].concat()).await;
    let name = format!("SELECT application_name FROM pg_stat_activity WHERE pid = {one_pid}");
    assert_eq!(row(&admin, &name).await, [Some("the first".into())]);

    // In a transaction, then failed in it.
    one.batch_execute("BEGIN; UPDATE t SET n = 2").await.unwrap();
    let open = [Some("idle in transaction"), Some("BEGIN; UPDATE t SET n = 2"), Some("Client"), Some("ClientRead")];
    until(&admin, &activity(one_pid), &[&open[..], &[Some("t"), Some("t")]].concat()).await;

    // Another waits for its row, by both protocols.
    for extended in [false, true] {
        let update = "UPDATE t SET n = 3 WHERE id = 1";
        let waiting = two.clone();
        let waits = tokio::spawn(async move {
            match extended {
                true => waiting.execute(update, &[]).await.map(drop),
                false => waiting.batch_execute(update).await,
            }
        });
        let waiting = [Some("active"), Some(update), Some("Lock"), Some("transactionid"), Some("t"), Some("t")];
        until(&admin, &activity(two_pid), &waiting).await;
        let begun = Instant::now();
        assert_eq!(row(&admin, &format!("SELECT pg_cancel_backend({two_pid})")).await, [Some("t".into())]);
        assert_eq!(state_of(waits.await.unwrap()), "57014");
        assert!(begun.elapsed() < ENDS_WITHIN, "{:?}", begun.elapsed());
    }
    assert_eq!(state_of(one.batch_execute("SELECT 1 / 0").await), "22012");
    let failed = [Some("idle in transaction (aborted)"), Some("SELECT 1 / 0"), Some("Client"), Some("ClientRead")];
    until(&admin, &activity(one_pid), &[&failed[..], &[Some("t"), Some("t")]].concat()).await;
    one.batch_execute("ROLLBACK").await.unwrap();

    // Locks of tables and advisory ones.
    one.batch_execute("BEGIN; LOCK TABLE t; SELECT pg_advisory_lock(7)").await.unwrap();
    for (sql, kind) in [("SELECT * FROM t", "relation"), ("SELECT pg_advisory_lock(7)", "advisory")] {
        let waiting = two.clone();
        let waits = tokio::spawn(async move { waiting.batch_execute(sql).await });
        let expected = [Some("active"), Some(sql), Some("Lock"), Some(kind), Some("t"), Some("t")];
        until(&admin, &activity(two_pid), &expected).await;
        let locks = |pid: i32| {
            format!(
                "SELECT granted, waitstart IS NULL FROM pg_locks WHERE pid = {pid} AND locktype = '{kind}'
                     ORDER BY granted LIMIT 1"
            )
        };
        assert_eq!(row(&admin, &locks(one_pid)).await, [Some("t".into()), Some("t".into())]);
        assert_eq!(row(&admin, &locks(two_pid)).await, [Some("f".into()), Some("f".into())]);
        assert_eq!(row(&admin, &format!("SELECT pg_cancel_backend({two_pid})")).await, [Some("t".into())]);
        assert_eq!(state_of(waits.await.unwrap()), "57014");
    }
    one.batch_execute("ROLLBACK; SELECT pg_advisory_unlock_all()").await.unwrap();

    // What computes is stopped as soon, by others and by the clock.
    let endless = "SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 100000000) b";
    let computing = two.clone();
    let computes = tokio::spawn(async move { computing.batch_execute(endless).await });
    let expected = [Some("active"), Some(endless), None, None, Some("t"), Some("t")];
    until(&admin, &activity(two_pid), &expected).await;
    let begun = Instant::now();
    row(&admin, &format!("SELECT pg_cancel_backend({two_pid})")).await;
    assert_eq!(state_of(computes.await.unwrap()), "57014");
    assert!(begun.elapsed() < ENDS_WITHIN, "{:?}", begun.elapsed());
    let begun = Instant::now();
    two.batch_execute("SET statement_timeout = 200").await.unwrap();
    assert_eq!(state_of(two.batch_execute(endless).await), "57014");
    assert!(begun.elapsed() < ENDS_WITHIN, "{:?}", begun.elapsed());
    // So is what defines, and a wait for a table.
    let begun = Instant::now();
    assert_eq!(state_of(two.batch_execute(&format!("CREATE TABLE endless AS {endless}")).await), "57014");
    one.batch_execute("BEGIN; LOCK TABLE t").await.unwrap();
    assert_eq!(state_of(two.batch_execute("SELECT * FROM t").await), "57014");
    assert_eq!(state_of(two.query("SELECT * FROM t", &[]).await), "57014");
    assert!(begun.elapsed() < ENDS_WITHIN, "{:?}", begun.elapsed());
    one.batch_execute("ROLLBACK").await.unwrap();
    one.batch_execute("BEGIN; UPDATE t SET n = 2").await.unwrap();
    two.batch_execute("SET statement_timeout = 0; SET lock_timeout = 200").await.unwrap();
    let begun = Instant::now();
    assert_eq!(state_of(two.batch_execute("UPDATE t SET n = 3").await), "55P03");
    assert!(begun.elapsed() < ENDS_WITHIN, "{:?}", begun.elapsed());

    // And sessions are ended, with what they hold.
    assert_eq!(row(&admin, &format!("SELECT pg_terminate_backend({one_pid})")).await, [Some("t".into())]);
    let gone = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {one_pid}");
    until(&admin, &gone, &[Some("0")]).await;
    assert!(one.batch_execute("SELECT 1").await.is_err());
    two.batch_execute("SET lock_timeout = 0; UPDATE t SET n = 4").await.unwrap();
    assert_eq!(row(&admin, "SELECT pg_cancel_backend(0)").await, [Some("f".into())]);
    admin.batch_execute("CREATE DATABASE other").await.unwrap();
    let other = node.session("other").await;
    other.batch_execute("BEGIN; CREATE TABLE t (id int)").await.unwrap();
    admin.batch_execute("DROP DATABASE other WITH (FORCE)").await.unwrap();
    assert!(other.batch_execute("COMMIT").await.is_err());
}
