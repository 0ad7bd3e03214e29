//! The classic anomalies between transactions of two or three connections, at each isolation level: what PostgreSQL
//! prevents is prevented. What it allows may be prevented, too; which are is printed.
//!
//! The histories are those of Adya's thesis and of the Hermitage suite. A table has the rows (1, 10) and (2, 20).

use std::sync::Arc;
use std::time::Duration;

use crate::common::{Node, Temp};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, SimpleQueryMessage};

/// How long a statement is waited for before the others go on: it waits for a lock, most likely. If it does not, what
/// it does is only a bit later than the history says, which no verdict depends on.
const LOCKED: Duration = Duration::from_millis(150);

/// The rows of a statement, or its SQLSTATE.
type Answer = Result<Vec<Vec<String>>, String>;

struct Connection {
    client: Arc<Client>,
    under_way: Option<JoinHandle<Answer>>,
    /// A statement failed since BEGIN.
    failed: bool,
}

impl Connection {
    async fn finish(&mut self) -> Answer {
        let Some(under_way) = self.under_way.take() else { return Ok(Vec::new()) };
        let answer = under_way.await.unwrap();
        self.failed |= answer.is_err();
        answer
    }
}

async fn ask(client: Arc<Client>, sql: String) -> Answer {
    let messages = client.simple_query(&sql).await.map_err(|error| match error.code() {
        Some(code) => code.code().to_owned(),
        None => panic!("{sql}: {error}"),
    })?;
    let row = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|at| row.get(at).unwrap_or("NULL").to_owned()).collect())
        }
        _ => None,
    };
    Ok(messages.iter().filter_map(row).collect())
}

/// Three connections, each in a transaction.
struct History {
    connections: Vec<Connection>,
}

impl History {
    async fn begin(node: &Node, level: &str) -> History {
        let admin = node.session("postgres").await;
        let table = "drop table if exists test; create table test (id int primary key, value int);
            insert into test values (1, 10), (2, 20)";
        admin.batch_execute(table).await.unwrap();
        let mut connections = Vec::new();
        for _ in 0..3 {
            let client = Arc::new(node.session("postgres").await);
            client.batch_execute(&format!("begin isolation level {level}")).await.unwrap();
            connections.push(Connection { client, under_way: None, failed: false });
        }
        History { connections }
    }

    /// Runs a statement, which may have to wait for another transaction.
    async fn run(&mut self, number: usize, sql: &str) {
        let connection = &mut self.connections[number - 1];
        let _ = connection.finish().await;
        let mut under_way = tokio::spawn(ask(connection.client.clone(), sql.to_owned()));
        match tokio::time::timeout(LOCKED, &mut under_way).await {
            Ok(answer) => connection.failed |= answer.unwrap().is_err(),
            Err(_) => connection.under_way = Some(under_way),
        }
    }

    /// The one value that a query finds; none if it fails or finds nothing.
    async fn value(&mut self, number: usize, sql: &str) -> Option<i64> {
        let connection = &mut self.connections[number - 1];
        let _ = connection.finish().await;
        connection.under_way = Some(tokio::spawn(ask(connection.client.clone(), sql.to_owned())));
        connection.finish().await.ok()?.pop()?.pop()?.parse().ok()
    }

    async fn value_of(&mut self, number: usize, id: u32) -> Option<i64> {
        self.value(number, &format!("select value from test where id = {id}")).await
    }

    /// Whether it has committed.
    async fn commit(&mut self, number: usize) -> bool {
        let connection = &mut self.connections[number - 1];
        let _ = connection.finish().await;
        let answer = ask(connection.client.clone(), "commit".to_owned()).await;
        answer.is_ok() && !connection.failed
    }

    async fn abort(&mut self, number: usize) {
        let connection = &mut self.connections[number - 1];
        let _ = connection.finish().await;
        ask(connection.client.clone(), "rollback".to_owned()).await.unwrap();
    }
}

/// Two writers of the same two rows interleave.
async fn dirty_write(h: &mut History) -> bool {
    h.run(1, "update test set value = 11 where id = 1").await;
    h.run(2, "update test set value = 12 where id = 1").await;
    h.run(1, "update test set value = 21 where id = 2").await;
    h.commit(1).await;
    h.run(2, "update test set value = 22 where id = 2").await;
    h.commit(2).await;
    h.abort(3).await;
    let both = (h.value_of(3, 1).await, h.value_of(3, 2).await);
    both != (Some(11), Some(21)) && both != (Some(12), Some(22))
}

/// What is aborted later is read.
async fn aborted_read(h: &mut History) -> bool {
    h.run(1, "update test set value = 101 where id = 1").await;
    let before = h.value_of(2, 1).await;
    h.abort(1).await;
    let after = h.value_of(2, 1).await;
    h.commit(2).await;
    (before, after) != (Some(10), Some(10))
}

/// What is overwritten by the same transaction is read.
async fn intermediate_read(h: &mut History) -> bool {
    h.run(1, "update test set value = 101 where id = 1").await;
    let before = h.value_of(2, 1).await;
    h.run(1, "update test set value = 11 where id = 1").await;
    h.commit(1).await;
    let after = h.value_of(2, 1).await;
    h.commit(2).await;
    before == Some(101) || after == Some(101)
}

/// Each of two transactions reads what the other has written.
async fn circular_flow(h: &mut History) -> bool {
    h.run(1, "update test set value = 11 where id = 1").await;
    h.run(2, "update test set value = 22 where id = 2").await;
    let (one, two) = (h.value_of(1, 2).await, h.value_of(2, 1).await);
    h.commit(1).await;
    h.commit(2).await;
    one == Some(22) || two == Some(11)
}

/// What was seen of a transaction vanishes.
async fn observed_transaction_vanishes(h: &mut History) -> bool {
    h.run(1, "update test set value = 11 where id = 1").await;
    h.run(1, "update test set value = 19 where id = 2").await;
    h.run(2, "update test set value = 12 where id = 1").await;
    h.commit(1).await;
    let first = h.value_of(3, 1).await;
    h.run(2, "update test set value = 18 where id = 2").await;
    let second = h.value_of(3, 2).await;
    h.commit(2).await;
    first == Some(12) || first == Some(11) && second != Some(19)
}

/// A predicate matches another row later.
async fn predicate_many_preceders(h: &mut History) -> bool {
    let before = h.value(1, "select count(*) from test where value = 30").await;
    h.run(2, "insert into test values (3, 30)").await;
    h.commit(2).await;
    let after = h.value(1, "select count(*) from test where value % 3 = 0").await;
    h.commit(1).await && before == Some(0) && after == Some(1)
}

/// Both read a row, both write it from what they have read.
async fn lost_update(h: &mut History) -> bool {
    h.value_of(1, 1).await;
    h.value_of(2, 1).await;
    h.run(1, "update test set value = 11 where id = 1").await;
    h.run(2, "update test set value = 12 where id = 1").await;
    let first = h.commit(1).await;
    h.commit(2).await && first
}

/// One row from before another transaction, one from after it.
async fn read_skew(h: &mut History) -> bool {
    let first = h.value_of(1, 1).await;
    h.run(2, "update test set value = 12 where id = 1").await;
    h.run(2, "update test set value = 18 where id = 2").await;
    h.commit(2).await;
    let second = h.value_of(1, 2).await;
    h.commit(1).await && (first, second) == (Some(10), Some(18))
}

/// The same, where the second one is met by a predicate of a write.
async fn read_skew_of_a_write(h: &mut History) -> bool {
    let first = h.value_of(1, 1).await;
    h.run(2, "update test set value = 12 where id = 1").await;
    h.run(2, "update test set value = 18 where id = 2").await;
    h.commit(2).await;
    h.run(1, "delete from test where value = 18").await;
    let left = h.value(1, "select count(*) from test").await;
    h.commit(1).await && (first, left) == (Some(10), Some(1))
}

/// Each reads both rows and writes the other one.
async fn write_skew(h: &mut History) -> bool {
    for number in [1, 2] {
        h.value(number, "select sum(value) from test where id in (1, 2)").await;
    }
    h.run(1, "update test set value = 11 where id = 1").await;
    h.run(2, "update test set value = 21 where id = 2").await;
    let first = h.commit(1).await;
    h.commit(2).await && first
}

/// Each looks for rows and inserts one that the other has looked for.
async fn write_skew_of_predicates(h: &mut History) -> bool {
    for number in [1, 2] {
        h.value(number, "select count(*) from test where value % 3 = 0").await;
    }
    h.run(1, "insert into test values (3, 30)").await;
    h.run(2, "insert into test values (4, 42)").await;
    let first = h.commit(1).await;
    h.commit(2).await && first
}

/// Fekete's: a reader sees a state that no order of the two writers explains.
async fn read_only_anomaly(h: &mut History) -> bool {
    h.value(1, "select sum(value) from test").await;
    h.run(2, "update test set value = value + 5 where id = 2").await;
    let second = h.commit(2).await;
    let sum = h.value(3, "select sum(value) from test").await;
    let third = h.commit(3).await;
    h.run(1, "update test set value = 0 where id = 1").await;
    h.commit(1).await && second && third && sum == Some(35)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_postgresql_prevents_is_prevented() {
    let dir = Temp::new();
    let node = Node::start(&dir.path("data"));
    // From which level on PostgreSQL prevents each: 0 READ COMMITTED, 1 REPEATABLE READ, 2 SERIALIZABLE.
    macro_rules! histories {
        ($($prevented_from:literal $name:literal $history:ident)*) => {$(
            let prevented_from: usize = $prevented_from;
            for (rank, level) in ["read committed", "repeatable read", "serializable"].iter().enumerate() {
                let mut history = History::begin(&node, level).await;
                let happened = $history(&mut history).await;
                println!("{:10} {level:16} {}", $name, if happened { "allowed" } else { "prevented" });
                assert!(!happened || rank < prevented_from, "{} at {level}", $name);
            }
        )*};
    }
    histories! {
        0 "G0" dirty_write
        0 "G1a" aborted_read
        0 "G1b" intermediate_read
        0 "G1c" circular_flow
        0 "OTV" observed_transaction_vanishes
        1 "PMP" predicate_many_preceders
        1 "P4" lost_update
        1 "G-single" read_skew
        1 "G-single-w" read_skew_of_a_write
        2 "G2-item" write_skew
        2 "G2" write_skew_of_predicates
        2 "G2-fekete" read_only_anomaly
    }
}

/// READ COMMITTED: a statement sees what was committed before it began, and one that waited for a row goes on with the
/// row as it has become.
#[tokio::test(flavor = "multi_thread")]
async fn read_committed_takes_a_snapshot_for_each_statement() {
    let dir = Temp::new();
    let node = Node::start(&dir.path("data"));
    let mut h = History::begin(&node, "read committed").await;
    assert_eq!(h.value_of(1, 1).await, Some(10));
    h.run(2, "update test set value = value + 1 where id = 1").await;
    h.run(1, "update test set value = value + 1 where id = 1").await;
    assert!(h.commit(2).await);
    assert_eq!(h.value_of(1, 1).await, Some(12));
    assert!(h.commit(1).await);
    h.abort(3).await;
    assert_eq!(h.value_of(3, 1).await, Some(12));
}

/// SERIALIZABLE: a counter that everybody increments loses nothing, and nobody sees an error.
#[tokio::test(flavor = "multi_thread")]
async fn increments_of_a_hot_row_need_no_retry_of_the_client() {
    const CLIENTS: usize = 8;
    const TIMES: usize = 20;
    let dir = Temp::new();
    let node = Node::start(&dir.path("data"));
    drop(History::begin(&node, "serializable").await);
    let mut running = Vec::new();
    for number in 0..CLIENTS {
        let client = node.session("postgres").await;
        running.push(tokio::spawn(async move {
            client.batch_execute(&format!("create table own{number} (a int primary key)")).await.unwrap();
            for time in 0..TIMES {
                let work = format!(
                    "begin isolation level serializable; insert into own{number} values ({time});
                     select * from own{number} where a = {time}; update test set value = value + 1 where id = 1; commit"
                );
                client.batch_execute(&work).await.unwrap();
            }
        }));
    }
    for client in running {
        client.await.unwrap();
    }
    let client = node.session("postgres").await;
    let row = client.query_one("select value from test where id = 1", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0) as usize, 10 + CLIENTS * TIMES);
}
