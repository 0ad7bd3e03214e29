//! Plans made by hand, run on a store in the simulation.

mod aggregates;
mod expressions;
mod joins;
mod rows;
mod scans;
mod spill;
mod windows;

use std::sync::Arc;

use atoll_cluster::{Options as StoreOptions, Store};
use atoll_datum::builtin::builtin;
use atoll_datum::io::Form;
use atoll_datum::{Datum, Oid, oid};
use atoll_env::{NodeId, sim};
use atoll_txn::Isolation;

use super::cursor::Options;
use super::memory::Pool;
use super::spill::Place;
use super::{Cancel, Exec, Failure};
use crate::catalog::{Catalog, Column, Index, IndexKey, Table};
use crate::kv::Senders;
use crate::plan::*;
use crate::session::scope::SessionFacts;
use crate::session::{Node, Scope};
use crate::table::Layout;
use crate::types::Type;

pub(super) fn scope_of(node: Arc<Node>) -> Scope {
    let session = SessionFacts {
        pid: 1,
        database: Oid(5),
        session_user: Oid(10),
        current_user: Oid(10),
        search_path: Arc::default(),
        read_only: false,
    };
    Scope::new(node, session)
}

/// Runs a scenario as a task of a node with a store.
pub(super) fn on_node<F>(scenario: impl FnOnce(Scope) -> F + Send + 'static)
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
            scenario(scope_of(Node::with_catalog(
                opened,
                gateway,
                Catalog::default(),
                Pool::default(),
                Place::default(),
            )))
            .await;
        });
        work.await.expect("the scenario runs to its end");
    });
}

pub(super) fn query(plan: Plan) -> Query {
    let output = plan.columns().into_iter().map(|id| Output {
        name: format!("c{}", id.0),
        id,
        ty: Type::UNKNOWN,
        table: Oid::NONE,
        attribute: 0,
    });
    let output = output.collect();
    // Fields that others add to a query do not matter here.
    bare_query(plan, output)
}

fn bare_query(plan: Plan, output: Vec<Output>) -> Query {
    Query {
        plan,
        output,
        parameters: Vec::new(),
        next_column: 10_000,
        names: Vec::new(),
        uses: Vec::new(),
        command: CommandKind::Select,
        as_of: None,
        reads_own: false,
    }
}

pub(super) async fn try_run(scope: &Scope, plan: Plan) -> Result<Vec<Vec<Datum>>, Failure> {
    run_with(scope, plan, &[], Options::default(), &Cancel::default()).await
}

pub(super) async fn run_with(
    scope: &Scope,
    plan: Plan,
    parameters: &[Datum],
    options: Options,
    cancel: &Cancel,
) -> Result<Vec<Vec<Datum>>, Failure> {
    let mut txn = scope.node.gateway.begin(Isolation::Serializable);
    let mut exec = Exec::new(scope, &mut *txn, parameters, cancel);
    let query = query(plan);
    let mut cursor = super::run(&query, scope, options)?;
    cursor.all(&mut exec).await
}

/// The rows, printed as psql does without alignment.
pub(super) async fn rows(scope: &Scope, plan: Plan) -> Vec<String> {
    let rows = try_run(scope, plan).await.unwrap_or_else(|failure| panic!("{failure:?}"));
    rows.iter().map(|row| row.iter().map(show).collect::<Vec<_>>().join("|")).collect()
}

pub(super) async fn sorted_rows(scope: &Scope, plan: Plan) -> Vec<String> {
    let mut rows = rows(scope, plan).await;
    rows.sort();
    rows
}

pub(super) async fn error(scope: &Scope, plan: Plan) -> String {
    match try_run(scope, plan).await {
        Err(failure) => {
            let error = failure.into_error();
            format!("{} {}", error.state(), error.message())
        }
        Ok(rows) => panic!("no error but {rows:?}"),
    }
}

pub(super) fn show(value: &Datum) -> String {
    let print = |of: Oid| {
        let mut out = String::new();
        Form::of(of).expect("a known type").format(value, &Default::default(), &mut out);
        out
    };
    match value {
        Datum::Null => "∅".into(),
        Datum::Bool(value) => if *value { "t" } else { "f" }.into(),
        Datum::Int2(value) => value.to_string(),
        Datum::Int4(value) => value.to_string(),
        Datum::Int8(value) => value.to_string(),
        Datum::Float8(_) => print(oid::FLOAT8),
        Datum::Numeric(_) => print(oid::NUMERIC),
        Datum::Text(value) => value.to_string(),
        Datum::Date(_) => print(oid::DATE),
        Datum::Array(array) => {
            format!("{{{}}}", array.elements().iter().map(show).collect::<Vec<_>>().join(","))
        }
        Datum::Record(record) => format!("({})", record.values.iter().map(show).collect::<Vec<_>>().join(",")),
        other => format!("{other:?}"),
    }
}

// ------------------------------------------------------------------------------------------------------- expressions

pub(super) fn int(value: i32) -> Expr {
    Expr::literal(Datum::Int4(value), Type::INT4)
}

pub(super) fn big(value: i64) -> Expr {
    Expr::literal(Datum::Int8(value), Type::INT8)
}

pub(super) fn text(value: &str) -> Expr {
    Expr::literal(Datum::text(value), Type::TEXT)
}

pub(super) fn boolean(value: Option<bool>) -> Expr {
    Expr::literal(value.map_or(Datum::Null, Datum::Bool), Type::BOOL)
}

pub(super) fn null() -> Expr {
    Expr::null(Type::INT4)
}

pub(super) fn col(id: u32) -> Expr {
    Expr::column(ColumnId(id), Type::INT4)
}

pub(super) fn col_of(id: u32, ty: Type) -> Expr {
    Expr::column(ColumnId(id), ty)
}

/// The function of this name that takes these types.
pub(super) fn function(name: &str, types: &[Oid]) -> Function {
    let row = builtin().functions_named(name).find(|row| row.arguments == types);
    let row = row.unwrap_or_else(|| panic!("{name}({types:?})"));
    crate::function::lookup(row).unwrap_or_else(|| panic!("{name} is not there"))
}

pub(super) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let types: Vec<Oid> = arguments.iter().map(|argument| argument.ty.oid).collect();
    let function = function(name, &types);
    let ty = Type::new(function.row.result);
    let call = Box::new(Call::new(function, arguments));
    let is_set = function.row.returns_set;
    Expr::new(if is_set { ExprKind::Set(call) } else { ExprKind::Call(call) }, ty)
}

pub(super) fn eq(left: Expr, right: Expr) -> Expr {
    call("int4eq", vec![left, right])
}

pub(super) fn less(left: Expr, right: Expr) -> Expr {
    call("int4lt", vec![left, right])
}

pub(super) fn plus(left: Expr, right: Expr) -> Expr {
    call("int4pl", vec![left, right])
}

// -------------------------------------------------------------------------------------------------------------- plans

/// Rows of integers, NULL among them.
pub(super) fn values(ids: &[u32], rows: &[&[Option<i32>]]) -> Plan {
    let columns = ids.iter().map(|id| (ColumnId(*id), Type::INT4)).collect();
    let value = |value: &Option<i32>| value.map_or_else(null, int);
    let rows = rows.iter().map(|row| row.iter().map(value).collect()).collect();
    Plan::Values(Values { columns, rows })
}

pub(super) fn one_column(id: u32, rows: &[i32]) -> Plan {
    let rows = rows.iter().map(|value| vec![int(*value)]).collect();
    Plan::Values(Values { columns: vec![(ColumnId(id), Type::INT4)], rows })
}

/// `generate_series(from, to)` as a column.
pub(super) fn series(id: u32, from: i32, to: i32) -> Plan {
    Plan::FunctionScan(FunctionScan {
        functions: vec![FunctionColumns {
            call: call("generate_series", vec![int(from), int(to)]),
            columns: vec![(ColumnId(id), Type::INT4)],
            is_record: false,
            is_defined: false,
        }],
        ordinality: None,
    })
}

pub(super) fn project(input: Plan, columns: Vec<(u32, Expr)>) -> Plan {
    let columns = columns.into_iter().map(|(id, expr)| (ColumnId(id), expr)).collect();
    Plan::Project(Box::new(Project { input, columns }))
}

pub(super) fn filter(input: Plan, predicate: Expr) -> Plan {
    Plan::Filter(Box::new(Filter { input, predicate }))
}

pub(super) fn sort(input: Plan, keys: Vec<SortKey>) -> Plan {
    Plan::Sort(Box::new(Sort { input, keys, limit: None }))
}

pub(super) fn up(value: Expr) -> SortKey {
    SortKey { value, descending: false, nulls_first: false }
}

pub(super) fn down(value: Expr) -> SortKey {
    SortKey { value, descending: true, nulls_first: true }
}

pub(super) fn limited(input: Plan, count: Option<i64>, offset: Option<i64>) -> Plan {
    Plan::Limit(Box::new(Limit { input, count: count.map(big), offset: offset.map(big), ties: None }))
}

// ------------------------------------------------------------------------------------------------------------- tables

/// `t (id int4 PRIMARY KEY, a int4, b text)` with an index on `a`, and a unique one on `b`.
pub(super) fn table(oid: u32) -> Arc<Table> {
    let column = |ordinal: u32, name: &str, of: Oid| Column {
        ordinal,
        name: name.into(),
        type_oid: of.0,
        type_modifier: -1,
        ..Default::default()
    };
    let index = |id: u32, unique: bool, column: u32, of: Oid| Index {
        id,
        oid: oid + id,
        name: format!("i{id}"),
        unique,
        primary: id == 1,
        constraint: id,
        keys: vec![IndexKey { column, type_oid: of.0, type_modifier: -1, ..IndexKey::default() }],
        ..Index::default()
    };
    Arc::new(Table {
        oid,
        name: "t".into(),
        columns: vec![column(1, "id", oid::INT4), column(2, "a", oid::INT4), column(3, "b", oid::TEXT)],
        indexes: vec![index(1, true, 1, oid::INT4), index(2, false, 2, oid::INT4), index(3, true, 3, oid::TEXT)],
        ..Table::default()
    })
}

pub(super) async fn fill(scope: &Scope, table: &Arc<Table>, rows: &[Vec<Datum>]) {
    let layout = Layout::new(table.clone(), &scope.catalog).unwrap();
    for some in rows.chunks(1000) {
        let mut txn = scope.node.gateway.begin(Isolation::Serializable);
        for row in some {
            txn.put(layout.primary_key(row).unwrap(), layout.primary_value(row).unwrap()).unwrap();
            for index in layout.secondary() {
                let entry = layout.index_entry(index, row, &[]).unwrap();
                txn.put(entry.key, entry.value).unwrap();
            }
        }
        txn.commit().await.unwrap();
    }
}

/// Reads columns of the table, named by their ordinals.
pub(super) fn scan_of(table: &Arc<Table>, columns: &[(u32, u32)], access: Access, filter: Option<Expr>) -> Scan {
    Scan {
        table: table.clone(),
        alias: "t".into(),
        columns: columns.iter().map(|(id, ordinal)| (ColumnId(*id), crate::catalog::ColumnOrdinal(*ordinal))).collect(),
        key: None,
        access,
        filter,
        estimated_rows: 0.0,
    }
}
