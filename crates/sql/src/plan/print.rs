//! Plans as text, for tests and for reading: one line an operator, what it reads below it.
//!
//! ```text
//!   Project #5 := int4pl(#1, 1)
//!     Filter int4gt(#2, 10)
//!       Scan t (#1 a, #2 b)
//! ```

use std::fmt::{self, Display, Formatter, Write};

use atoll_datum::{Datum, builtin::builtin};

use super::{
    AggregateCall, Call, ColumnId, ConflictAction, Expr, ExprKind, FrameBound, IsTest, JoinKind, Plan, Query,
    SetOperator, SortKey, Subquery, SubqueryKind, Subscript, WindowCall,
};

impl Display for ColumnId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for column in &self.output {
            writeln!(f, "{} {}: {}", column.id, column.name, type_text(column.ty.oid.0, column.ty.modifier))?;
        }
        self.plan.fmt(f)
    }
}

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print(self, 0, f)
    }
}

fn type_text(oid: u32, modifier: i32) -> String {
    let name = builtin().type_by_oid(atoll_datum::Oid(oid)).map_or_else(|| oid.to_string(), |row| row.name.to_owned());
    if modifier < 0 { name } else { format!("{name}:{modifier}") }
}

/// Items with commas between.
struct List<'a, T>(&'a [T], fn(&T, &mut Formatter<'_>) -> fmt::Result);

impl<T> Display for List<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (place, item) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(", ")?;
            }
            (self.1)(item, f)?;
        }
        Ok(())
    }
}

fn exprs(exprs: &[Expr]) -> List<'_, Expr> {
    List(exprs, |expr, f| write!(f, "{expr}"))
}

fn definitions(columns: &[(ColumnId, Expr)]) -> List<'_, (ColumnId, Expr)> {
    List(columns, |(id, expr), f| match expr.as_column() {
        Some(same) if same == *id => write!(f, "{id}"),
        _ => write!(f, "{id} := {expr}"),
    })
}

fn keys(keys: &[SortKey]) -> List<'_, SortKey> {
    List(keys, |key, f| {
        write!(f, "{}", key.value)?;
        if key.descending {
            f.write_str(" desc")?;
        }
        match (key.descending, key.nulls_first) {
            (true, false) => f.write_str(" nulls last"),
            (false, true) => f.write_str(" nulls first"),
            _ => Ok(()),
        }
    })
}

fn join_name(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Inner => "inner",
        JoinKind::Left => "left",
        JoinKind::Right => "right",
        JoinKind::Full => "full",
        JoinKind::Semi => "semi",
        JoinKind::Anti => "anti",
    }
}

fn print(plan: &Plan, depth: usize, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "{:1$}", "", depth * 2)?;
    match plan {
        Plan::Values(values) => {
            let columns = List(&values.columns, |(id, _), f| write!(f, "{id}"));
            write!(f, "Values ({columns})")?;
            for row in &values.rows {
                write!(f, " ({})", exprs(row))?;
            }
        }
        Plan::Scan(scan) => {
            write!(f, "Scan {}", scan.table.name)?;
            if scan.alias != scan.table.name {
                write!(f, " {}", scan.alias)?;
            }
            f.write_str(" (")?;
            for (place, (id, ordinal)) in scan.columns.iter().enumerate() {
                let name = scan.table.column(*ordinal).map_or("?", |column| column.name.as_str());
                write!(f, "{}{id} {name}", if place > 0 { ", " } else { "" })?;
            }
            f.write_str(")")?;
            if let Some(key) = scan.key {
                write!(f, " key {key}")?;
            }
            if let Some(filter) = &scan.filter {
                write!(f, " where {filter}")?;
            }
        }
        Plan::System(system) => {
            write!(f, "System {} (", system.table.name)?;
            for (place, (id, column)) in system.columns.iter().enumerate() {
                let name = system.table.columns[*column].name;
                write!(f, "{}{id} {name}", if place > 0 { ", " } else { "" })?;
            }
            f.write_str(")")?;
        }
        Plan::FunctionScan(scan) => {
            f.write_str("FunctionScan")?;
            for function in &scan.functions {
                let columns = List(&function.columns, |(id, _), f| write!(f, "{id}"));
                write!(f, " {} ({columns})", function.call)?;
            }
            if let Some(id) = scan.ordinality {
                write!(f, " ordinality {id}")?;
            }
        }
        Plan::CteScan(scan) => {
            let columns = List(&scan.columns, |(id, _), f| write!(f, "{id}"));
            write!(f, "CteScan {} ({columns})", scan.cte.0)?;
        }
        Plan::With(with) => {
            let recursive = match &with.recursive {
                Some(recursive) if recursive.distinct => " recursive distinct",
                Some(_) => " recursive",
                None => "",
            };
            write!(f, "With {} {}{recursive}", with.cte.0, with.name)?;
        }
        Plan::Filter(filter) => write!(f, "Filter {}", filter.predicate)?,
        Plan::Project(project) => write!(f, "Project {}", definitions(&project.columns))?,
        Plan::ProjectSet(project) => write!(f, "ProjectSet {}", definitions(&project.columns))?,
        Plan::Join(join) => {
            write!(f, "Join {}", join_name(join.kind))?;
            if !join.on.is_empty() {
                write!(f, " on {}", exprs(&join.on))?;
            }
        }
        Plan::Apply(apply) => {
            write!(f, "Apply {}", join_name(apply.kind))?;
            if !apply.on.is_empty() {
                write!(f, " on {}", exprs(&apply.on))?;
            }
        }
        Plan::Aggregate(aggregate) => {
            write!(f, "Aggregate by ({})", definitions(&aggregate.keys))?;
            if aggregate.sets.len() != 1 || aggregate.sets[0].len() != aggregate.keys.len() {
                write!(f, " sets {:?}", aggregate.sets)?;
            }
            for (id, call) in &aggregate.calls {
                write!(f, " {id} := {call}")?;
            }
            for (id, arguments) in &aggregate.groupings {
                write!(f, " {id} := grouping{arguments:?}")?;
            }
        }
        Plan::Window(window) => {
            write!(f, "Window by ({}) order ({})", exprs(&window.partition_by), keys(&window.order_by))?;
            for (id, call) in &window.calls {
                write!(f, " {id} := {call}")?;
            }
        }
        Plan::Sort(sort) => write!(f, "Sort {}", keys(&sort.keys))?,
        Plan::Limit(limit) => {
            f.write_str("Limit")?;
            if let Some(count) = &limit.count {
                write!(f, " {count}")?;
            }
            if let Some(offset) = &limit.offset {
                write!(f, " offset {offset}")?;
            }
            if let Some(ties) = &limit.ties {
                write!(f, " with ties {}", keys(ties))?;
            }
        }
        Plan::Distinct(distinct) => {
            f.write_str("Distinct")?;
            if let Some(on) = &distinct.on {
                write!(f, " on {}", exprs(on))?;
            }
        }
        Plan::SetOperation(operation) => {
            let name = match operation.operator {
                SetOperator::Union => "Union",
                SetOperator::Intersect => "Intersect",
                SetOperator::Except => "Except",
            };
            let columns = List(&operation.columns, |(id, _), f| write!(f, "{id}"));
            write!(f, "{name}{} ({columns})", if operation.all { " all" } else { "" })?;
        }
        Plan::LockRows(lock) => {
            f.write_str("LockRows")?;
            for table in &lock.tables {
                write!(f, " {} {} {:?} {:?}", table.table.name, table.key, table.strength, table.wait)?;
            }
        }
        Plan::Insert(insert) => {
            write!(f, "Insert {} {:?}", insert.table.name, ordinals(insert.columns.iter()))?;
            for (ordinal, value) in &insert.defaults {
                write!(f, " {} := {value}", ordinal.0)?;
            }
            if let Some(conflict) = &insert.on_conflict {
                let arbiters: Vec<u32> = conflict.arbiters.iter().map(|index| index.0).collect();
                write!(f, " conflict {arbiters:?}")?;
                if let ConflictAction::Update { views, records, assignments, filter, .. } = &conflict.action {
                    for (view, condition) in views {
                        write!(f, " shown by {view} {condition}")?;
                    }
                    for (id, value) in records {
                        write!(f, " #{} = {value}", id.0)?;
                    }
                    for (ordinal, value) in assignments {
                        write!(f, " set {} = {value}", ordinal.0)?;
                    }
                    if let Some(filter) = filter {
                        write!(f, " where {filter}")?;
                    }
                }
            }
            print_rules(&insert.rules, f)?;
            print_returning(insert.returning.as_ref(), f)?;
        }
        Plan::Update(update) => {
            write!(f, "Update {} key {}", update.table.name, update.key)?;
            for (ordinal, id) in &update.assignments {
                write!(f, " set {} = {id}", ordinal.0)?;
            }
            print_rules(&update.rules, f)?;
            print_returning(update.returning.as_ref(), f)?;
        }
        Plan::Delete(delete) => {
            write!(f, "Delete {} key {}", delete.table.name, delete.key)?;
            print_rules(&delete.rules, f)?;
            print_returning(delete.returning.as_ref(), f)?;
        }
    }
    f.write_char('\n')?;
    for input in plan.inputs() {
        print(input, depth + 1, f)?;
    }
    Ok(())
}

fn ordinals<'a>(ordinals: impl Iterator<Item = &'a crate::catalog::ColumnOrdinal>) -> Vec<u32> {
    ordinals.map(|ordinal| ordinal.0).collect()
}

fn print_rules(rules: &super::RowRules, f: &mut Formatter<'_>) -> fmt::Result {
    for (id, ordinal) in &rules.row {
        write!(f, " row {id}={}", ordinal.0)?;
    }
    for (ordinal, value) in &rules.generated {
        write!(f, " generated {} := {value}", ordinal.0)?;
    }
    for (name, check) in &rules.checks {
        write!(f, " check {name} {check}")?;
    }
    for (view, condition) in &rules.views {
        write!(f, " view {view} {condition}")?;
    }
    for (index, keys) in &rules.index_keys {
        write!(f, " index {}", index.0)?;
        for key in keys.iter().flatten() {
            write!(f, " ({key})")?;
        }
    }
    for (index, predicate) in &rules.index_predicates {
        write!(f, " index {} where {predicate}", index.0)?;
    }
    Ok(())
}

fn print_returning(returning: Option<&super::Returning>, f: &mut Formatter<'_>) -> fmt::Result {
    match returning {
        Some(returning) => write!(f, " returning {}", definitions(&returning.columns)),
        None => Ok(()),
    }
}

impl Display for AggregateCall {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.function.row.name)?;
        if self.distinct {
            f.write_str("distinct ")?;
        }
        write!(f, "{}", exprs(&self.arguments))?;
        if !self.order_by.is_empty() {
            write!(f, " order {}", keys(&self.order_by))?;
        }
        if !self.direct.is_empty() {
            write!(f, " direct {}", exprs(&self.direct))?;
        }
        f.write_str(")")?;
        match &self.filter {
            Some(filter) => write!(f, " filter {filter}"),
            None => Ok(()),
        }
    }
}

impl Display for WindowCall {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.function.row.name, exprs(&self.arguments))?;
        if let Some(filter) = &self.filter {
            write!(f, " filter {filter}")?;
        }
        write!(f, " {:?}", self.frame.unit)?;
        for bound in [&self.frame.start, &self.frame.end] {
            match bound {
                FrameBound::UnboundedPreceding => f.write_str(" first")?,
                FrameBound::Preceding(offset, _) => write!(f, " {offset} before")?,
                FrameBound::CurrentRow => f.write_str(" current")?,
                FrameBound::Following(offset, _) => write!(f, " {offset} after")?,
                FrameBound::UnboundedFollowing => f.write_str(" last")?,
            }
        }
        Ok(())
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let infix = |f: &mut Formatter<'_>, parts: &[Expr], word: &str| {
            f.write_str("(")?;
            for (place, part) in parts.iter().enumerate() {
                if place > 0 {
                    write!(f, " {word} ")?;
                }
                write!(f, "{part}")?;
            }
            f.write_str(")")
        };
        let not = |negated: bool| if negated { "not " } else { "" };
        match &self.kind {
            ExprKind::Literal(value) => print_literal(value, self.ty.oid.0, f),
            ExprKind::Column(id) => write!(f, "{id}"),
            ExprKind::Parameter(number) => write!(f, "${}", number + 1),
            ExprKind::Call(call) => print_call(call, f),
            ExprKind::Set(call) => {
                f.write_str("set ")?;
                print_call(call, f)
            }
            ExprKind::CastByText(inner) => {
                write!(f, "{inner}::text::{}", type_text(self.ty.oid.0, self.ty.modifier))
            }
            ExprKind::Relabel(inner) => write!(f, "{inner}:{}", type_text(self.ty.oid.0, self.ty.modifier)),
            ExprKind::CastArray { array, element, column } => write!(f, "each({array}, {column} -> {element})"),
            ExprKind::And(parts) => infix(f, parts, "and"),
            ExprKind::Or(parts) => infix(f, parts, "or"),
            ExprKind::Not(inner) => write!(f, "not {inner}"),
            ExprKind::Is { operand, test, negated } => {
                let test = match test {
                    IsTest::Null => "null",
                    IsTest::RowNull => "row null",
                    IsTest::True => "true",
                    IsTest::False => "false",
                    IsTest::Unknown => "unknown",
                };
                write!(f, "({operand} is {}{test})", not(*negated))
            }
            ExprKind::IsDistinctFrom { left, right, equal, negated } => {
                write!(f, "({left} is {}distinct[{}] {right})", not(*negated), equal.row.source)
            }
            ExprKind::Case { branches, otherwise } => {
                f.write_str("case")?;
                for (when, then) in branches {
                    write!(f, " when {when} then {then}")?;
                }
                if let Some(otherwise) = otherwise {
                    write!(f, " else {otherwise}")?;
                }
                f.write_str(" end")
            }
            ExprKind::Coalesce(parts) => write!(f, "coalesce({})", exprs(parts)),
            ExprKind::NullIf { left, right, equal } => write!(f, "nullif[{}]({left}, {right})", equal.row.source),
            ExprKind::Greatest(parts) => write!(f, "greatest({})", exprs(parts)),
            ExprKind::Least(parts) => write!(f, "least({})", exprs(parts)),
            ExprKind::Quantified { left, array, operator, all } => {
                write!(f, "({left} {} {}({array}))", operator.row.source, if *all { "all" } else { "any" })
            }
            ExprKind::Array { elements, .. } => write!(f, "[{}]", exprs(elements)),
            ExprKind::Row(fields) => write!(f, "row({})", exprs(fields)),
            ExprKind::NamedRow { names, fields } => {
                f.write_str("row(")?;
                for (place, (name, field)) in names.iter().zip(fields).enumerate() {
                    write!(f, "{}{name} {field}", if place > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            ExprKind::Field { record, field } => write!(f, "{record}.{}", field + 1),
            ExprKind::Subscript { array, subscripts } => {
                write!(f, "{array}")?;
                print_subscripts(subscripts, f)
            }
            ExprKind::AssignElement { array, subscripts, value } => {
                write!(f, "({array} with ")?;
                print_subscripts(subscripts, f)?;
                write!(f, " = {value})")
            }
            ExprKind::Subquery(subquery) => print_subquery(subquery, f),
            ExprKind::Aggregate(call) => write!(f, "{call}"),
            ExprKind::Window(call) => write!(f, "{call}"),
            ExprKind::Default => f.write_str("default"),
        }
    }
}

fn print_call(call: &Call, f: &mut Formatter<'_>) -> fmt::Result {
    let variadic = if call.variadic { "variadic " } else { "" };
    let row = call.function.row;
    // The source tells overloads apart that the name does not.
    let name = if row.source.starts_with("see ") || row.source.contains(' ') { row.name } else { row.source };
    write!(f, "{name}({variadic}{})", exprs(&call.arguments))
}

fn print_literal(value: &Datum, ty: u32, f: &mut Formatter<'_>) -> fmt::Result {
    let settings = atoll_datum::function::Settings::default();
    match (value, atoll_datum::io::Form::of(atoll_datum::Oid(ty))) {
        (Datum::Null, _) => f.write_str("null"),
        (Datum::Enum(value), _) => write!(f, "'{}'", value.label()),
        (Datum::Text(text), _) => write!(f, "'{text}'"),
        (value, Some(form)) => {
            let mut text = String::new();
            form.format(value, &settings, &mut text);
            match value {
                Datum::Int2(_) | Datum::Int4(_) | Datum::Int8(_) | Datum::Bool(_) | Datum::Oid(_) => f.write_str(&text),
                _ => write!(f, "'{text}'"),
            }
        }
        (value, None) => write!(f, "{value:?}"),
    }
}

fn print_subscripts(subscripts: &[Subscript], f: &mut Formatter<'_>) -> fmt::Result {
    for subscript in subscripts {
        match subscript {
            Subscript::Index(index) => write!(f, "[{index}]")?,
            Subscript::Slice(from, to) => {
                f.write_str("[")?;
                if let Some(from) = from {
                    write!(f, "{from}")?;
                }
                f.write_str(":")?;
                if let Some(to) = to {
                    write!(f, "{to}")?;
                }
                f.write_str("]")?;
            }
        }
    }
    Ok(())
}

/// On one line: its operators from the top, each with what it reads in braces.
fn print_subquery(subquery: &Subquery, f: &mut Formatter<'_>) -> fmt::Result {
    match &subquery.kind {
        SubqueryKind::Exists => f.write_str("exists ")?,
        SubqueryKind::Scalar => f.write_str("scalar ")?,
        SubqueryKind::Array => f.write_str("array ")?,
        SubqueryKind::Row => f.write_str("record ")?,
        SubqueryKind::Quantified { compare, all } => {
            write!(f, "{} {compare} ", if *all { "all" } else { "any" })?;
        }
    }
    let text = subquery.plan.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    write!(f, "{{{}}}", lines.join(" < "))
}
