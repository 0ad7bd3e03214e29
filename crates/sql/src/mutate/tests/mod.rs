//! Changes by plans made by hand, on a store in the simulation. After each the indexes are compared with the rows.

mod concurrent;
mod conflict;
mod foreign;
mod rows;

use std::sync::Arc;

use atoll_cluster::{Options as StoreOptions, Store};
use atoll_datum::builtin::builtin;
use atoll_datum::{Datum, Oid, oid};
use atoll_env::{Env, NodeId, sim};
use atoll_txn::Isolation;

use super::Deferred;
use super::violation::text_of;
use crate::catalog::{Catalog, Check, Column, ForeignAction, ForeignKey, Index, IndexKey, Table};
use crate::exec::cursor::Options;
use crate::exec::memory::Pool;
use crate::exec::spill::Place;
use crate::exec::{self, Cancel, Exec, Failure};
use crate::kv::{Senders, Txn};
use crate::plan::*;
use crate::session::scope::SessionFacts;
use crate::session::{Node, Scope};
use crate::table::Layout;
use crate::types::Type;

/// A database with some tables.
#[derive(Clone)]
struct Database {
    env: Env,
    scope: Scope,
}

/// Runs a scenario as a task of a node with a store.
fn with_tables<F>(tables: Vec<Table>, scenario: impl FnOnce(Database) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    sim::run(1, sim::Options::default(), |world| async move {
        let env = world.boot(NodeId(1));
        let opened = env.clone();
        let work = env.tasks.spawn("test", async move {
            let mut options = StoreOptions::default();
            options.wal.segment_bytes = 1 << 20;
            options.reserve_bytes = 1 << 20;
            options.engine.reserve_bytes = 1 << 19;
            let store = Store::open(&opened, NodeId(1), options).await.expect("the store opens");
            let gateway = Arc::new(Senders(store.router()));
            let mut catalog = Catalog::default();
            tables.into_iter().for_each(|table| catalog.put_table(table));
            let session = SessionFacts {
                pid: 1,
                database: Oid(5),
                session_user: Oid(10),
                current_user: Oid(10),
                search_path: Arc::default(),
                read_only: false,
            };
            let scope = Scope::new(
                Node::with_catalog(opened.clone(), gateway, catalog, Pool::default(), Place::default()),
                session,
            );
            let database = Database { env: opened, scope };
            scenario(database.clone()).await;
            database.verify().await;
        });
        work.await.expect("the scenario runs to its end");
    });
}

/// What came of a statement: rows as psql shows them, then how many were changed.
type Outcome = Result<(Vec<String>, u64), Failure>;

/// A session's transaction.
struct Session {
    database: Database,
    txn: Box<dyn Txn>,
    deferred: Deferred,
}

impl Database {
    fn table(&self, name: &str) -> Arc<Table> {
        self.scope.catalog.tables.values().find(|table| table.name == name).expect("the table is there").clone()
    }

    fn begin(&self, isolation: Isolation) -> Session {
        let txn = self.scope.node.gateway.begin(isolation);
        Session { database: self.clone(), txn, deferred: Deferred::default() }
    }

    /// A statement that is its own transaction.
    async fn run(&self, plan: Plan) -> Outcome {
        let mut session = self.begin(Isolation::ReadCommitted);
        match session.run(plan).await {
            Ok(outcome) => session.commit().await.map(|()| outcome),
            Err(failure) => {
                session.txn.rollback().await;
                Err(failure)
            }
        }
    }

    async fn ok(&self, plan: Plan) -> Vec<String> {
        self.run(plan).await.unwrap_or_else(|failure| panic!("{:?}", failure.into_error())).0
    }

    async fn fails(&self, plan: Plan) -> String {
        told(self.run(plan).await)
    }

    async fn rows(&self, table: &str) -> Vec<String> {
        self.ok(scan_all(&self.table(table))).await
    }

    /// Compares every index of every table with the rows.
    async fn verify(&self) {
        for table in self.scope.catalog.tables.values() {
            let layout = Layout::new(table.clone(), &self.scope.catalog).unwrap();
            let mut txn = self.scope.node.gateway.begin(Isolation::Serializable);
            let columns: Vec<_> = table.live_columns().map(Column::ordinal).collect();
            let decoder = layout.row_decoder(&columns, false);
            let rows = txn.scan(&layout.primary().span(), false, 0).await.unwrap().rows;
            let rows: Vec<Vec<Datum>> = rows
                .iter()
                .map(|row| {
                    let mut values = Vec::new();
                    decoder.decode(&row.key, &row.value, &mut values).unwrap();
                    values
                })
                .collect();
            for (index, of) in table.indexes.iter().skip(1).zip(layout.secondary()) {
                // Expressions and predicates of the tests' tables are known: 0 - a, and a > 10.
                let expressions = |row: &[Datum]| match row[1] {
                    Datum::Int4(a) => vec![Datum::Int4(-a)],
                    _ => vec![Datum::Null],
                };
                let is_in =
                    |row: &&Vec<Datum>| index.predicate.is_none() || row[1] > Datum::Int4(10) && !row[1].is_null();
                let rows = rows.iter().filter(is_in);
                let mut expected: Vec<_> =
                    rows.map(|row| layout.index_entry(of, row, &expressions(row)).unwrap()).collect();
                expected.sort_by(|a, b| a.key.cmp(&b.key));
                let found = txn.scan(&of.span(), false, 0).await.unwrap().rows;
                let found: Vec<_> = found.into_iter().map(|entry| (entry.key, entry.value)).collect();
                let expected: Vec<_> = expected.into_iter().map(|entry| (entry.key, entry.value)).collect();
                assert_eq!(found, expected, "index {} of {}", index.name, table.name);
            }
        }
    }
}

fn told<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> String {
    match outcome {
        Err(failure) => {
            let error = failure.into_error();
            let detail = error.fields().detail.as_ref().map(|detail| format!(" | {detail}")).unwrap_or_default();
            format!("{} {}{detail}", error.state(), error.message())
        }
        Ok(outcome) => panic!("no error but {outcome:?}"),
    }
}

impl Session {
    /// Runs a statement as a session does, again where a lock has shown that it must.
    async fn run(&mut self, plan: Plan) -> Outcome {
        let output = plan.columns().into_iter().map(|id| Output {
            name: format!("c{}", id.0),
            id,
            ty: Type::UNKNOWN,
            table: Oid::NONE,
            attribute: 0,
        });
        let query = Query {
            output: output.collect(),
            plan,
            parameters: Vec::new(),
            next_column: 10_000,
            names: Vec::new(),
            uses: Vec::new(),
            command: CommandKind::Select,
            as_of: None,
            reads_own: false,
        };
        let cancel = Cancel::default();
        let savepoint = self.txn.savepoint();
        loop {
            self.txn.begin_statement();
            let mut cursor = exec::run(&query, &self.database.scope, Options::default())?;
            let mut exec = Exec::new(&self.database.scope, &mut *self.txn, &[], &cancel);
            let result = cursor.all(&mut exec).await;
            match result {
                Err(Failure::Rerun) => self.txn.take_back(savepoint).await?,
                Err(failure) => return Err(failure),
                Ok(rows) => {
                    self.txn.release(savepoint);
                    self.deferred.append(cursor.take_deferred());
                    let show = |row: &Vec<Datum>| row.iter().map(show).collect::<Vec<_>>().join("|");
                    return Ok((rows.iter().map(show).collect(), cursor.changed()));
                }
            }
        }
    }

    async fn commit(mut self) -> Result<(), Failure> {
        let cancel = Cancel::default();
        let mut exec = Exec::new(&self.database.scope, &mut *self.txn, &[], &cancel);
        super::check_deferred(&mut self.deferred, &mut exec).await?;
        self.txn.commit().await?;
        Ok(())
    }
}

fn show(value: &Datum) -> String {
    match value {
        Datum::Null => "∅".into(),
        Datum::Int2(value) => value.to_string(),
        Datum::Int4(value) => value.to_string(),
        Datum::Int8(value) => value.to_string(),
        Datum::Text(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}

// -------------------------------------------------------------------------------------------------------------- tables

/// Columns by name and type; the first is the primary key. Indexes are made with [`with_index`].
fn table(oid: u32, name: &str, columns: &[(&str, Oid)]) -> Table {
    let column = |(at, (name, of)): (usize, &(&str, Oid))| Column {
        ordinal: at as u32 + 1,
        name: (*name).into(),
        type_oid: of.0,
        type_modifier: -1,
        not_null: at == 0,
        ..<Column as Default>::default()
    };
    let table =
        Table { oid, name: name.into(), columns: columns.iter().enumerate().map(column).collect(), ..Table::default() };
    let table = with_index(table, "pkey", &[1], true);
    Table { indexes: table.indexes.into_iter().map(|index| Index { primary: true, ..index }).collect(), ..table }
}

fn with_index(mut table: Table, name: &str, columns: &[u32], unique: bool) -> Table {
    let id = table.indexes.len() as u32 + 1;
    let key = |column: &u32| {
        let type_oid = if *column == 0 { oid::INT4.0 } else { table.columns[*column as usize - 1].type_oid };
        let expression = (*column == 0).then(|| "(0 - a)".to_owned());
        IndexKey { column: *column, expression, type_oid, type_modifier: -1, ..IndexKey::default() }
    };
    let keys = columns.iter().map(key).collect();
    let (oid, name) = (table.oid + id, format!("{}_{name}", table.name));
    table.indexes.push(Index { id, oid, name, unique, constraint: u32::from(unique), keys, ..Index::default() });
    table
}

/// A foreign key of `child` on its column, to the first index of `parent`.
fn with_foreign_key(child: &mut Table, column: u32, parent: &mut Table, on: ForeignAction) {
    let key = foreign_key(child, &[column], parent, on);
    child.foreign_keys.push(key);
    parent.referenced_by.push(child.oid);
}

fn foreign_key(child: &Table, columns: &[u32], parent: &Table, on: ForeignAction) -> ForeignKey {
    let name = &child.columns[columns[0] as usize - 1].name;
    ForeignKey {
        oid: child.oid * 10 + columns[0],
        name: format!("{}_{name}_fkey", child.name),
        columns: columns.to_vec(),
        referenced_table: parent.oid,
        referenced_columns: parent.indexes[0].keys.iter().map(|key| key.column).collect(),
        referenced_index: parent.indexes[0].oid,
        on_delete: on as i32,
        on_update: on as i32,
        ..ForeignKey::default()
    }
}

// --------------------------------------------------------------------------------------------------------------- plans

fn int(value: i32) -> Expr {
    Expr::literal(Datum::Int4(value), Type::INT4)
}

fn col(id: u32, ty: Type) -> Expr {
    Expr::column(ColumnId(id), ty)
}

fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let types: Vec<Oid> = arguments.iter().map(|argument| argument.ty.oid).collect();
    let row = builtin().functions_named(name).find(|row| row.arguments == types);
    let row = row.unwrap_or_else(|| panic!("{name}({types:?})"));
    let function = crate::function::lookup(row).unwrap_or_else(|| panic!("{name} is not there"));
    Expr::new(ExprKind::Call(Box::new(Call::new(function, arguments))), Type::new(row.result))
}

fn literal(value: &str, of: Oid, scope: &Scope) -> Expr {
    let value = match value {
        "∅" => Datum::Null,
        text => scope.catalog.form(of).unwrap().parse(text, -1, &scope.settings).unwrap(),
    };
    Expr::literal(value, of)
}

// A column of the table under number n is ColumnId(n) as a scan reads it, 100 + n in the new row, 200 + n in the row
// that is in the way, 300 + n in `excluded`; 400 + n are results.
const ROW: u32 = 100;
const EXISTING: u32 = 200;
const EXCLUDED: u32 = 300;
const RESULT: u32 = 400;
const KEY: ColumnId = ColumnId(99);

fn ids(table: &Table, base: u32) -> Vec<(ColumnId, crate::catalog::ColumnOrdinal)> {
    table.live_columns().map(|column| (ColumnId(base + column.ordinal), column.ordinal())).collect()
}

fn new(table: &Table, column: u32) -> Expr {
    col(ROW + column, table.columns[column as usize - 1].ty())
}

/// Checks and generated columns are those that the tests put into descriptors: `a > 0` and `a + 1`. An index's
/// expression is `0 - a`, its predicate `a > 10`.
fn rules(table: &Table) -> RowRules {
    let a = || new(table, 2);
    let mut rules = RowRules { row: ids(table, ROW), ..RowRules::default() };
    for check in &table.checks {
        rules.checks.push((check.name.clone(), call("int4gt", vec![a(), int(0)])));
    }
    for column in table.columns.iter().filter(|column| column.generated.is_some()) {
        rules.generated.push((column.ordinal(), call("int4pl", vec![a(), int(1)])));
    }
    for index in &table.indexes {
        let key = |key: &IndexKey| (key.column == 0).then(|| call("int4mi", vec![int(0), a()]));
        if index.keys.iter().any(|key| key.column == 0) {
            rules.index_keys.push((index.id(), index.keys.iter().map(key).collect()));
        }
        if index.predicate.is_some() {
            rules.index_predicates.push((index.id(), call("int4gt", vec![a(), int(10)])));
        }
    }
    rules
}

fn returning(table: &Table) -> Option<Returning> {
    let columns = table.live_columns().map(|column| (ColumnId(RESULT + column.ordinal), new(table, column.ordinal)));
    Some(Returning { columns: columns.collect() })
}

/// Rows as text, `∅` is NULL; as many columns as there are values.
fn insert(database: &Database, name: &str, rows: &[&[&str]]) -> Insert {
    let table = database.table(name);
    let width = rows.first().map_or(0, |row| row.len());
    let columns: Vec<&Column> =
        table.visible_columns().filter(|column| column.generated.is_none()).take(width).collect();
    let value = |(column, text): (&&Column, &&str)| literal(text, Oid(column.type_oid), &database.scope);
    let source = Plan::Values(Values {
        columns: columns.iter().map(|column| (ColumnId(500 + column.ordinal), column.ty())).collect(),
        rows: rows.iter().map(|row| columns.iter().zip(*row).map(value).collect()).collect(),
    });
    Insert {
        columns: columns.iter().map(|column| column.ordinal()).collect(),
        source,
        defaults: Vec::new(),
        rules: rules(&table),
        on_conflict: None,
        returning: returning(&table),
        table,
    }
}

fn inserted(insert: Insert) -> Plan {
    Plan::Insert(Box::new(insert))
}

fn scan(table: &Arc<Table>, with_key: bool, filter: Option<Expr>) -> Plan {
    Plan::Scan(Box::new(Scan {
        table: table.clone(),
        alias: table.name.clone(),
        columns: ids(table, 0),
        key: with_key.then_some(KEY),
        access: Access::Full { reverse: false },
        filter,
        estimated_rows: 0.0,
    }))
}

fn scan_all(table: &Arc<Table>) -> Plan {
    let columns =
        table.visible_columns().map(|column| (ColumnId(RESULT + column.ordinal), col(column.ordinal, column.ty())));
    Plan::Project(Box::new(Project { input: scan(table, false, None), columns: columns.collect() }))
}

/// Sets columns to expressions over the old row, whose columns are `col(n, …)`.
fn update(database: &Database, name: &str, assigned: Vec<(u32, Expr)>, filter: Option<Expr>) -> Plan {
    let table = database.table(name);
    let input = scan(&table, true, filter);
    let pass = input.columns().into_iter().map(|id| {
        let ty = table.columns.get((id.0 as usize).wrapping_sub(1)).map_or(Type::new(oid::BYTEA), Column::ty);
        (id, Expr::column(id, ty))
    });
    let mut columns: Vec<_> = pass.collect();
    let mut assignments = Vec::new();
    for (column, value) in assigned {
        let id = ColumnId(600 + column);
        columns.push((id, value));
        assignments.push((crate::catalog::ColumnOrdinal(column), id));
    }
    Plan::Update(Box::new(Update {
        source: Plan::Project(Box::new(Project { input, columns })),
        key: KEY,
        old: ids(&table, 0),
        assignments,
        rules: rules(&table),
        returning: returning(&table),
        table,
    }))
}

fn delete(database: &Database, name: &str, filter: Option<Expr>) -> Plan {
    let table = database.table(name);
    let rules = RowRules { generated: Vec::new(), checks: Vec::new(), ..rules(&table) };
    Plan::Delete(Box::new(Delete {
        source: scan(&table, true, filter),
        key: KEY,
        old: ids(&table, 0),
        rules,
        returning: returning(&table),
        table,
    }))
}

/// `column = value` over the old row.
fn is(column: u32, value: i32) -> Option<Expr> {
    Some(call("int4eq", vec![col(column, Type::INT4), int(value)]))
}

#[test]
fn values_are_told_as_they_print() {
    with_tables(Vec::new(), |database| async move {
        let text = |value: Datum, of| text_of(&value, of, &database.scope);
        assert_eq!(text(Datum::Null, oid::INT4), "null");
        assert_eq!(text(Datum::Bool(true), oid::BOOL), "t");
    });
}
