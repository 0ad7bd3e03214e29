//! A plan in few words.

use atoll_datum::Datum;

use crate::optimize::predicate;
use crate::plan::{Access, Bounds, Expr, ExprKind, IsTest, JoinStrategy, Plan, SubqueryKind};

pub fn plan(of: &Plan) -> String {
    let mut out = String::new();
    lines(of, 0, &mut out);
    out
}

fn lines(of: &Plan, depth: usize, out: &mut String) {
    out.push_str(&"  ".repeat(depth));
    out.push_str(&head(of));
    out.push('\n');
    for input in of.inputs() {
        lines(input, depth + 1, out);
    }
}

fn list<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> String {
    exprs.into_iter().map(expr).collect::<Vec<_>>().join(", ")
}

fn head(of: &Plan) -> String {
    let named = |columns: &[(crate::plan::ColumnId, Expr)]| {
        let column = |(id, of): &(crate::plan::ColumnId, Expr)| match of.as_column() {
            Some(same) if same == *id => format!("#{}", id.0),
            _ => format!("#{} := {}", id.0, expr(of)),
        };
        columns.iter().map(column).collect::<Vec<_>>().join(", ")
    };
    match of {
        Plan::Values(values) if values.rows.len() == 1 => format!("values ({})", list(&values.rows[0])),
        Plan::Values(values) => format!("values of {} rows", values.rows.len()),
        Plan::Scan(scan) => {
            let columns: Vec<String> = scan.columns.iter().map(|(id, _)| format!("#{}", id.0)).collect();
            let mut text = format!("scan {} ({})", scan.alias, columns.join(" "));
            match &scan.access {
                Access::Full { reverse: false } => {}
                Access::Full { reverse: true } => text.push_str(" backwards"),
                Access::Empty => text.push_str(" nothing"),
                Access::Index { index, bounds, reverse } => {
                    let name = scan.table.index(*index).map_or("?", |index| index.name.as_str());
                    text.push_str(&format!(" by {name}{}", within(bounds)));
                    if *reverse {
                        text.push_str(" backwards");
                    }
                }
            }
            if let Some(filter) = &scan.filter {
                text.push_str(&format!(" where {}", expr(filter)));
            }
            text
        }
        Plan::System(system) => format!("system {:?}", system.table),
        Plan::FunctionScan(scan) => format!("functions {}", list(scan.functions.iter().map(|function| &function.call))),
        Plan::CteScan(scan) => format!("cte {}", scan.cte.0),
        Plan::With(with) => format!("with {}", with.name),
        Plan::Filter(filter) => format!("filter {}", expr(&filter.predicate)),
        Plan::Project(project) => format!("project {}", named(&project.columns)),
        Plan::ProjectSet(project) => format!("project set {}", named(&project.columns)),
        Plan::Join(join) => {
            let method = match &join.strategy {
                JoinStrategy::NestedLoop => "loop",
                JoinStrategy::Hash { .. } => "hash",
            };
            format!("{method} {:?} {}", join.kind, list(&join.on)).trim_end().to_lowercase()
        }
        Plan::Apply(apply) => format!("apply {:?} {}", apply.kind, list(&apply.on)).trim_end().to_lowercase(),
        Plan::Aggregate(aggregate) => {
            let call = |(id, call): &(crate::plan::ColumnId, crate::plan::AggregateCall)| {
                format!("#{} := {}({})", id.0, call.function.row.name, list(&call.arguments))
            };
            let calls: Vec<String> = aggregate.calls.iter().map(call).collect();
            format!("aggregate by [{}] {}", named(&aggregate.keys), calls.join(", ")).trim_end().to_owned()
        }
        Plan::Window(window) => format!("window by [{}]", list(&window.partition_by)),
        Plan::Sort(sort) => {
            let key = |key: &crate::plan::SortKey| {
                format!("{}{}", expr(&key.value), if key.descending { " desc" } else { "" })
            };
            let keys: Vec<String> = sort.keys.iter().map(key).collect();
            let limit = sort.limit.as_ref().map(|limit| format!(" first {}", expr(limit))).unwrap_or_default();
            format!("sort {}{limit}", keys.join(", "))
        }
        Plan::Limit(limit) => format!("limit {}", list(&limit.count)),
        Plan::Distinct(distinct) => format!("distinct {}", list(distinct.on.iter().flatten())).trim_end().to_owned(),
        Plan::SetOperation(operation) => format!("{:?}", operation.operator).to_lowercase(),
        Plan::LockRows(_) => "lock".to_owned(),
        Plan::Insert(_) => "insert".to_owned(),
        Plan::Update(_) => "update".to_owned(),
        Plan::Delete(_) => "delete".to_owned(),
    }
}

fn within(bounds: &Bounds) -> String {
    let mut text = String::new();
    if !matches!(&bounds.equal[..], [only] if only.is_empty()) {
        let tuples: Vec<String> = bounds.equal.iter().map(|tuple| format!("({})", list(tuple))).collect();
        text.push_str(&format!(" = {}", tuples.join(" ")));
    }
    if let Some(bound) = &bounds.lower {
        text.push_str(&format!(" {} {}", if bound.inclusive { ">=" } else { ">" }, expr(&bound.value)));
    }
    if let Some(bound) = &bounds.upper {
        text.push_str(&format!(" {} {}", if bound.inclusive { "<=" } else { "<" }, expr(&bound.value)));
    }
    text
}

pub fn expr(of: &Expr) -> String {
    match &of.kind {
        ExprKind::Literal(value) => datum(value),
        ExprKind::Column(id) => format!("#{}", id.0),
        ExprKind::Parameter(number) => format!("${}", number + 1),
        ExprKind::Call(call) => match (predicate::operator(&call.function), &call.arguments[..]) {
            (Some(operator), [a, b]) => format!("{} {} {}", expr(a), operator.name, expr(b)),
            _ => format!("{}({})", call.function.row.name, list(&call.arguments)),
        },
        ExprKind::Set(call) => format!("{}({})", call.function.row.name, list(&call.arguments)),
        ExprKind::Relabel(operand) => expr(operand),
        ExprKind::And(parts) => parts.iter().map(expr).collect::<Vec<_>>().join(" and "),
        ExprKind::Or(parts) => format!("({})", parts.iter().map(expr).collect::<Vec<_>>().join(" or ")),
        ExprKind::Not(operand) => format!("not {}", expr(operand)),
        ExprKind::Is { operand, test: IsTest::Null, negated } => {
            format!("{} is {}null", expr(operand), if *negated { "not " } else { "" })
        }
        ExprKind::Quantified { left, array, operator, all } => {
            let operator = predicate::operator(operator).map_or("?", |operator| operator.name);
            format!("{} {operator} {} {}", expr(left), if *all { "all" } else { "any" }, expr(array))
        }
        ExprKind::Coalesce(parts) => format!("coalesce({})", list(parts)),
        ExprKind::Case { .. } => "case".to_owned(),
        ExprKind::Array { elements, .. } => format!("[{}]", list(elements)),
        ExprKind::Subquery(subquery) => {
            let kind = match &subquery.kind {
                SubqueryKind::Exists => "exists",
                SubqueryKind::Scalar => "scalar",
                SubqueryKind::Quantified { .. } => "in",
                _ => "subquery",
            };
            format!("{kind} {{{}}}", plan(&subquery.plan).trim_end().replace('\n', ";"))
        }
        other => format!("{other:?}").split([' ', '(']).next().unwrap_or_default().to_lowercase(),
    }
}

fn datum(value: &Datum) -> String {
    match value {
        Datum::Null => "null".to_owned(),
        Datum::Bool(value) => value.to_string(),
        Datum::Int2(value) => value.to_string(),
        Datum::Int4(value) => value.to_string(),
        Datum::Int8(value) => value.to_string(),
        Datum::Text(value) => format!("'{value}'"),
        Datum::Array(values) => {
            format!("{{{}}}", values.elements().iter().map(datum).collect::<Vec<_>>().join(","))
        }
        other => format!("{other:?}"),
    }
}
