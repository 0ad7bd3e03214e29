//! Statistics over the life of a node: found without being asked, kept over a restart, of use to plans.

use std::sync::Arc;
use std::time::Duration;

use crate::node::{answer, on_a_node, session};
use atoll_sql::exec::memory::Pool;
use atoll_sql::exec::spill::Place;
use atoll_sql::kv::{GatewayRef, Senders};
use atoll_sql::session::Node;

const KNOWN: &str = "select reltuples, last_autoanalyze is not null, autoanalyze_count, n_live_tup, n_mod_since_analyze \
                     from pg_class c join pg_stat_user_tables s on c.oid = relid where c.relname = 't'";

#[test]
fn a_table_that_has_changed_much_is_analyzed_by_itself() {
    on_a_node(async |node, _store| {
        let mut one = session(&node, 1).await;
        let wait = async || node.env.clock.sleep(Duration::from_secs(120)).await;
        answer(&mut one, "create table t (a int primary key, b int)").await;
        answer(&mut one, "insert into t select g, g from generate_series(1, 50) g").await;
        wait().await;
        assert_eq!(answer(&mut one, KNOWN).await, "-1|f|0|50|50");
        answer(&mut one, "insert into t select g, g from generate_series(51, 2000) g").await;
        wait().await;
        assert_eq!(answer(&mut one, KNOWN).await, "2000|t|1|2000|0");
        answer(&mut one, "delete from t where a <= 100").await;
        wait().await;
        assert_eq!(answer(&mut one, KNOWN).await, "2000|t|1|1900|100");
        // What is rolled back has not happened.
        answer(&mut one, "begin; update t set b = 0; rollback").await;
        wait().await;
        assert_eq!(answer(&mut one, KNOWN).await, "2000|t|1|1900|100");
        answer(&mut one, "update t set b = 0").await;
        wait().await;
        assert_eq!(answer(&mut one, KNOWN).await, "1900|t|2|1900|0");
        answer(&mut one, "truncate t").await;
        wait().await;
        assert_eq!(answer(&mut one, KNOWN).await, "0|t|3|0|0");
    });
}

#[test]
fn statistics_survive_a_restart() {
    on_a_node(async |node, store| {
        let mut one = session(&node, 1).await;
        answer(&mut one, "create type mood as enum ('sad', 'happy')").await;
        answer(&mut one, "create table t (a int primary key, b mood, c numeric[], d text, e int)").await;
        let rows = "insert into t select g, case when g % 5 = 0 then 'sad' else 'happy' end::mood, array[g % 3, 1.50], \
                    'x' || g % 40, g from generate_series(1, 500) g";
        assert_eq!(answer(&mut one, rows).await, "INSERT 0 500");
        assert_eq!(answer(&mut one, "analyze t").await, "ANALYZE");
        answer(&mut one, "alter table t drop column e").await;
        let shown = "select * from pg_stats where tablename = 't' order by attname";
        let before = answer(&mut one, shown).await;
        assert_eq!(before.lines().count(), 4, "{before}");
        let gateway: GatewayRef = Arc::new(Senders(store.router()));
        let again = Node::open(node.env.clone(), gateway, Pool::default(), Place::default())
            .await
            .map_err(|failure| failure.into_error());
        let mut two = session(&again.expect("the node opens"), 1).await;
        assert_eq!(answer(&mut two, shown).await, before);
    });
}

#[test]
fn the_last_of_two_wins_and_neither_waits_for_writers() {
    on_a_node(async |node, _store| {
        let mut one = session(&node, 1).await;
        let mut two = session(&node, 2).await;
        answer(&mut one, "create table t (a int primary key)").await;
        answer(&mut one, "insert into t select generate_series(1, 40)").await;
        assert_eq!(answer(&mut one, "begin; insert into t values (41); analyze t").await, "BEGIN\nINSERT 0 1\nANALYZE");
        let rows = "select reltuples from pg_class where relname = 't'";
        assert_eq!(answer(&mut one, rows).await, "41");
        assert_eq!(answer(&mut two, "analyze t").await, "ANALYZE");
        assert_eq!(answer(&mut two, rows).await, "40");
        assert_eq!(answer(&mut one, "commit").await, "COMMIT");
        assert_eq!(answer(&mut two, rows).await, "41");
        // A statement that is kept is planned again for the tables that it reads, and sees them all the same.
        answer(&mut two, "prepare p as select count(*) from t").await;
        assert_eq!(answer(&mut one, "analyze").await, "ANALYZE");
        assert_eq!(answer(&mut two, "execute p").await, "41");
        let verbose = answer(&mut one, "analyze verbose t").await;
        assert!(
            verbose.starts_with("INFO:  00000: analyzing \"public.t\"\nINFO:  00000: \"t\": scanned 1 of 1 pages"),
            "{verbose}"
        );
    });
}
