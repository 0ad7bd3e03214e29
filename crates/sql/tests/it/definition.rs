//! Definitions, and what they do to rows, through a session on a store in the simulation: the golden files of
//! `tests/golden/ddl`, and what takes more than one session.

use std::sync::Arc;

use crate::node::{answer, on_a_node, session};
use atoll_sql::exec::memory::Pool;
use atoll_sql::exec::spill::Place;
use atoll_sql::kv::{Gateway, GatewayRef, Senders};
use atoll_sql::session::Node;

macro_rules! files {
    ($($name:ident),*) => { $(
        #[test]
        fn $name() {
            run_file(&format!("ddl/{}.sql", stringify!($name).trim_start_matches("r#")));
        }
    )* };
}

mod golden {
    use crate::node::golden::run_file;

    files!(alter, drop, index, role, sequence, table, r#type, view);
}

#[test]
fn a_session_sees_what_another_has_committed_and_waits_for_what_it_has_not() {
    on_a_node(async |node, _store| {
        let mut one = session(&node, 1).await;
        let mut two = session(&node, 2).await;
        assert_eq!(answer(&mut one, "create table t (a int primary key)").await, "CREATE TABLE");
        assert_eq!(answer(&mut two, "insert into t values (1)").await, "INSERT 0 1");
        assert_eq!(answer(&mut one, "begin; alter table t add column b int default 5").await, "BEGIN\nALTER TABLE");
        let tasks = node.env.tasks.clone();
        let waiting = tasks.spawn("two", async move {
            let seen = answer(&mut two, "select * from t").await;
            (two, seen)
        });
        node.env.clock.sleep(std::time::Duration::from_millis(100)).await;
        assert!(node.locks.list().iter().any(|lock| !lock.granted && lock.pid == 2));
        assert_eq!(answer(&mut one, "commit").await, "COMMIT");
        let (mut two, seen) = waiting.await.expect("the other session ends");
        assert_eq!(seen, "1|5");
        // Both make the same name: the second waits, and then finds it taken.
        assert_eq!(answer(&mut one, "begin; create table u (a int)").await, "BEGIN\nCREATE TABLE");
        let waiting = tasks.spawn("two", async move {
            let seen = answer(&mut two, "create table u (a int)").await;
            (two, seen)
        });
        node.env.clock.sleep(std::time::Duration::from_millis(100)).await;
        assert_eq!(answer(&mut one, "commit").await, "COMMIT");
        let (mut two, seen) = waiting.await.expect("the other session ends");
        assert_eq!(seen, "ERROR:  42P07: relation \"u\" already exists");
        assert_eq!(answer(&mut two, "begin; lock table t").await, "BEGIN\nLOCK TABLE");
        let seen = answer(&mut one, "set lock_timeout = 50; drop table t").await;
        assert_eq!(seen, "SET\nERROR:  55P03: canceling statement due to lock timeout");
    });
}

#[test]
fn what_does_not_commit_is_not_called_complete() {
    on_a_node(async |node, _store| {
        let mut one = session(&node, 1).await;
        answer(&mut one, "create table p (id int primary key)").await;
        answer(&mut one, "create table c (p int references p deferrable initially deferred)").await;
        let alone = answer(&mut one, "insert into c values (1)").await;
        assert!(alone.starts_with("ERROR:  23503"), "{alone}");
        // Of several, those before the last are told of before anything is committed.
        let last = answer(&mut one, "insert into p values (2); insert into c values (1)").await;
        assert!(last.starts_with("INSERT 0 1\nERROR:  23503"), "{last}");
        assert_eq!(answer(&mut one, "select count(*) from p").await, "0");
    });
}

#[test]
fn definitions_survive_a_restart_and_old_rows_are_erased() {
    on_a_node(async |node, store| {
        let mut one = session(&node, 1).await;
        for sql in [
            "create table t (a serial primary key, b text)",
            "create index on t (b)",
            "insert into t (b) select 'x' || g from generate_series(1, 1200) g",
            "truncate t",
            "insert into t (b) values ('after')",
        ] {
            let seen = answer(&mut one, sql).await;
            assert!(!seen.contains("ERROR"), "{sql}: {seen}");
        }
        one.close().await;
        let gateway: GatewayRef = Arc::new(Senders(store.router()));
        atoll_sql::ddl::job::all(&node).await.map_err(|failure| failure.into_error()).expect("jobs are done");
        let table = node.catalog().tables.values().find(|table| table.name == "t").cloned().expect("it is there");
        let mut txn = gateway.begin(atoll_txn::Isolation::Serializable);
        let span = atoll_sql::ddl::data::span(table.oid(), None);
        let rows = txn.scan(&span, false, 0).await.expect("the store answers").rows.len();
        assert_eq!(rows, 2, "the row and its entry");
        txn.rollback().await;
        let again = Node::open(node.env.clone(), gateway, Pool::default(), Place::default())
            .await
            .map_err(|failure| failure.into_error());
        let again = again.expect("the node opens");
        assert_eq!(again.catalog().tables, node.catalog().tables);
        let mut session = session(&again, 1).await;
        assert_eq!(answer(&mut session, "select b from t").await, "after");
        // What was left of the block of numbers is passed over.
        assert_eq!(answer(&mut session, "select nextval('t_a_seq') > 1201").await, "t");
    });
}

#[test]
fn a_primary_key_has_rows_that_are_there_lie_by_it() {
    on_a_node(async |node, store| {
        let mut one = session(&node, 1).await;
        for sql in [
            "create table t (b text, a int, c int unique)",
            "insert into t select 'x' || g, 1201 - g, g from generate_series(1, 1200) g",
            "create index on t (b)",
            "alter table t add column d int default 7, add primary key (a)",
            "update t set b = 'y' where a = 1200",
            "insert into t values ('z', 1201, 1201)",
        ] {
            let seen = answer(&mut one, sql).await;
            assert!(!seen.contains("ERROR"), "{sql}: {seen}");
        }
        let taken = answer(&mut one, "insert into t values ('z', 7, 0)").await;
        assert!(taken.contains("23505"), "{taken}");
        assert_eq!(answer(&mut one, "select a, b, c, d from t limit 2").await, "1|x1200|1200|7\n2|x1199|1199|7");
        assert_eq!(answer(&mut one, "select a from t where b = 'y'").await, "1200");
        assert_eq!(answer(&mut one, "select a from t where c = 1201").await, "1201");
        atoll_sql::ddl::job::all(&node).await.map_err(|failure| failure.into_error()).expect("jobs are done");
        let rows = async |name: &str| {
            let tables = node.catalog();
            let table = tables.tables.values().find(|table| table.name == name).expect("it is there");
            let span = atoll_sql::ddl::data::span(table.oid(), None);
            let mut txn = Senders(store.router()).begin(atoll_txn::Isolation::Serializable);
            let mut rows = 0;
            let mut rest = span;
            loop {
                let page = txn.scan(&rest, false, 0).await.expect("the store answers");
                rows += page.rows.len();
                match page.resume {
                    Some(from) => rest.start = from,
                    None => break,
                }
            }
            txn.rollback().await;
            rows
        };
        assert_eq!(rows("t").await, 3 * 1201, "a row and two entries");
        let twice = "create table u (a int); insert into u values (1), (1); alter table u add primary key (a)";
        let refused = answer(&mut one, twice).await;
        assert!(refused.contains("23505") && refused.contains("could not create unique index \"u_pkey\""), "{refused}");
        let null = "create table v (a int); insert into v values (null); alter table v add primary key (a)";
        let refused = answer(&mut one, null).await;
        assert!(refused.contains("23502"), "{refused}");
        assert_eq!(
            answer(&mut one, "alter table t drop constraint t_pkey; select count(*), sum(a) from t").await,
            "ALTER TABLE\n1201|721801"
        );
    });
}

#[test]
fn an_index_of_a_large_table_is_built_while_it_is_used() {
    on_a_node(async |node, _store| {
        let mut one = session(&node, 1).await;
        let mut two = session(&node, 2).await;
        answer(&mut one, "create table t (a int primary key, b int, c text)").await;
        let seen = answer(&mut one, "insert into t select g, g % 1000, 'c' || g from generate_series(1, 3000) g").await;
        assert_eq!(seen, "INSERT 0 3000");
        let progress = "select relid::regclass, command, pid, tuples_done from pg_stat_progress_create_index";
        let writer = node.env.tasks.spawn("writer", async move {
            let mut seen = Vec::new();
            for a in 3001..3100 {
                seen.push(answer(&mut two, progress).await);
                assert_eq!(answer(&mut two, &format!("insert into t values ({a}, {a}, 'n')")).await, "INSERT 0 1");
                assert_eq!(answer(&mut two, &format!("delete from t where a = {}", a - 2000)).await, "DELETE 1");
            }
            seen
        });
        assert_eq!(answer(&mut one, "create index t_b on t (b)").await, "CREATE INDEX");
        let seen = writer.await.expect("the writer ends");
        assert!(seen.iter().any(|row| row.starts_with("t|CREATE INDEX CONCURRENTLY|1|")), "{seen:?}");
        assert_eq!(answer(&mut one, progress).await, "");
        let seen = answer(&mut one, "create unique index t_c on t (b)").await;
        assert!(seen.starts_with("ERROR:  23505: could not create unique index \"t_c\"\nDETAIL:  Key (b)=("), "{seen}");
        assert_eq!(answer(&mut one, "create unique index t_c on t (c, a)").await, "CREATE INDEX");
        let seen = answer(&mut one, "select count(*) from t where b = 500").await;
        assert_eq!(seen, "3");
        let table = node.catalog().tables.values().find(|table| table.name == "t").cloned().expect("it is there");
        assert_eq!(table.indexes.len(), 3);
        // Every index has an entry for every row.
        atoll_sql::ddl::job::all(&node).await.map_err(|failure| failure.into_error()).expect("jobs are done");
        let mut txn = node.gateway.begin(atoll_txn::Isolation::Serializable);
        for index in &table.indexes {
            let mut span = atoll_sql::ddl::data::span(table.oid(), Some(index.id));
            let mut rows = 0;
            loop {
                let page = txn.scan(&span, false, 0).await.expect("the store answers");
                rows += page.rows.len();
                match page.resume {
                    Some(from) => span.start = from,
                    None => break,
                }
            }
            assert_eq!(rows, 3000, "{}", index.name);
        }
        txn.rollback().await;
    });
}
