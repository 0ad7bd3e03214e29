//! COPY FROM STDIN with data; what PostgreSQL 15 says to the same.

use crate::node::{answer, answer_with, on_a_node, session};

#[test]
fn where_leaves_rows_out() {
    on_a_node(async |node, _store| {
        let mut one = session(&node, 1).await;
        let table = "create table x (a int primary key, b text default 'dflt', c int default 7, \
                     g int generated always as (a * 2) stored, check (a < 100))";
        assert_eq!(answer(&mut one, table).await, "CREATE TABLE");
        let copy = "copy x (a) from stdin where a = 3";
        assert_eq!(answer_with(&mut one, copy, "1\n2\n3\n4\n").await, "COPY 1");
        // Rows have their defaults already; NULL is not true.
        let copy = "copy x (a, b) from stdin where b like 'k%' and x.c = 7";
        assert_eq!(answer_with(&mut one, copy, "11\tk1\n12\tl1\n13\t\\N\n14\tk2\n").await, "COPY 2");
        assert_eq!(answer_with(&mut one, "copy x (a) from stdin where null", "31\n").await, "COPY 0");
        // What is left out breaks no rule: it stands twice, and 200 is too much.
        let copy = "copy x (a) from stdin where a between 20 and 29";
        assert_eq!(answer_with(&mut one, copy, "3\n20\n21\n200\n").await, "COPY 2");
        let rows = "3|dflt|7|6\n11|k1|7|22\n14|k2|7|28\n20|dflt|7|40\n21|dflt|7|42";
        assert_eq!(answer(&mut one, "select * from x order by a").await, rows);
        let failed = answer_with(&mut one, "copy x (a) from stdin where 1 / (a - 41) = 0", "41\n").await;
        assert_eq!(failed, "ERROR:  22012: division by zero");
    });
}
