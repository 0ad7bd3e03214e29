//! Expressions of a plan as SQL text, as PostgreSQL prints those of its plans: every operator in parentheses, every
//! conversion shown, constants with their types where those are not plain.
//!
//! A column of a table is its name, with the table's where [`Place`] says so. A column that an operator further down
//! computes is that expression in parentheses.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use atoll_datum::array::Array;
use atoll_datum::builtin::builtin;
use atoll_datum::{Datum, oid};
use atoll_syntax::print::identifier;

use crate::function::name;
use crate::optimize::predicate;
use crate::plan::{
    AggregateCall, Body, Call, ColumnId, ColumnName, ConflictAction, Expr, ExprKind, IsTest, OnConflict, Plan, SortKey,
    Subquery, SubqueryKind, Subscript, WindowCall,
};
use crate::session::Scope;
use crate::types::Type;

/// What a column is called.
enum Named<'p> {
    Column { relation: String, name: String },
    Expr(&'p Expr),
    Aggregate(&'p AggregateCall),
    Window(&'p WindowCall),
    Grouping(String),
    Same(ColumnId),
}

/// Where an expression is shown: PostgreSQL puts the table's name before a column's by different rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// If the statement reads several tables, or all is to be told.
    Usual,
    /// If it reads several.
    Output,
    /// With what a scan itself does: columns from elsewhere, and if all is to be told.
    Scan,
}

/// A plan within an expression.
#[derive(Clone, Copy)]
pub struct Subplan<'p> {
    pub plan: &'p Plan,
    pub number: usize,
    /// Reads nothing of the rows around it and gives one value: run once, before.
    pub is_initial: bool,
}

pub struct Deparser<'p> {
    scope: &'p Scope,
    named: BTreeMap<ColumnId, Named<'p>>,
    verbose: bool,
    has_several: bool,
    place: Cell<Place>,
    numbers: RefCell<BTreeMap<usize, Subplan<'p>>>,
    /// Those that no node has taken yet.
    met: RefCell<Vec<Subplan<'p>>>,
}

impl<'p> Deparser<'p> {
    pub fn new(scope: &'p Scope, plan: &'p Plan, names: &'p [Option<ColumnName>], verbose: bool) -> Deparser<'p> {
        let mut named = BTreeMap::new();
        let mut relations = 0;
        learn(plan, names, &mut named, &mut relations);
        Deparser {
            scope,
            named,
            verbose,
            has_several: relations > 1,
            place: Cell::new(Place::Usual),
            numbers: RefCell::default(),
            met: RefCell::default(),
        }
    }

    /// The plans within what was printed since this was asked last.
    pub fn take_met(&self) -> Vec<Subplan<'p>> {
        self.met.take()
    }

    /// The relation that a column is read from, as the statement calls it.
    pub fn relation_of(&self, id: ColumnId) -> Option<&str> {
        match self.named.get(&id)? {
            Named::Column { relation, .. } => Some(relation),
            _ => None,
        }
    }

    /// What is printed until this is called again stands there.
    pub fn at(&self, place: Place) -> &Self {
        self.place.set(place);
        self
    }

    /// A column of a table by its name. `is_own`: of the scan that it is shown with.
    pub fn table_column(&self, relation: &str, name: &str, is_own: bool) -> String {
        let wanted = match self.place.get() {
            Place::Usual => self.verbose || self.has_several,
            Place::Output => self.has_several,
            Place::Scan => self.verbose || !is_own,
        };
        match wanted && !relation.is_empty() {
            true => format!("{}.{}", identifier(relation), identifier(name)),
            false => identifier(name),
        }
    }

    /// `own`: columns that the node itself computes.
    pub fn text(&self, expr: &'p Expr, own: &BTreeSet<ColumnId>) -> String {
        let mut out = String::new();
        self.expr(expr, own, &mut out);
        out
    }

    /// All must be true.
    pub fn all(&self, conditions: &[&'p Expr], own: &BTreeSet<ColumnId>) -> String {
        let mut parts = Vec::new();
        for condition in conditions {
            match &condition.kind {
                ExprKind::And(inner) => parts.extend(inner.iter().map(|part| self.text(part, own))),
                _ => parts.push(self.text(condition, own)),
            }
        }
        match &parts[..] {
            [one] => one.clone(),
            parts => format!("({})", parts.join(" AND ")),
        }
    }

    /// What is not a column is computed by the operator below and stands in parentheses.
    pub fn sort_key(&self, key: &'p SortKey, own: &BTreeSet<ColumnId>) -> String {
        let mut text = match key.value.as_column() {
            Some(_) => self.text(&key.value, own),
            None => format!("({})", self.text(&key.value, own)),
        };
        text.push_str(direction(key));
        text
    }

    pub fn column(&self, id: ColumnId, own: &BTreeSet<ColumnId>) -> String {
        let mut out = String::new();
        self.variable(id, own, &mut out);
        out
    }

    fn variable(&self, id: ColumnId, own: &BTreeSet<ColumnId>, out: &mut String) {
        let is_own = own.contains(&id);
        let text = match self.named.get(&id) {
            Some(Named::Column { relation, name }) => {
                return out.push_str(&self.table_column(relation, name, is_own));
            }
            Some(Named::Same(other)) => return self.variable(*other, own, out),
            Some(Named::Expr(expr)) if expr.as_column().is_some_and(|from| from != id) => {
                return self.expr(expr, own, out);
            }
            Some(Named::Expr(expr)) => self.text(expr, own),
            Some(Named::Aggregate(call)) => self.aggregate(call, own),
            Some(Named::Window(call)) => self.window(call, own),
            Some(Named::Grouping(text)) => text.clone(),
            // A row's key, or what only the operators themselves exchange.
            None => return out.push_str("ctid"),
        };
        match is_own {
            true => out.push_str(&text),
            false => out.extend(["(", &text, ")"]),
        }
    }

    fn list<'e>(&self, items: impl IntoIterator<Item = &'p Expr>, own: &BTreeSet<ColumnId>, out: &mut String)
    where
        'p: 'e,
    {
        for (place, item) in items.into_iter().enumerate() {
            if place > 0 {
                out.push_str(", ");
            }
            self.expr(item, own, out);
        }
    }

    fn infix(&self, parts: &'p [Expr], word: &str, own: &BTreeSet<ColumnId>, out: &mut String) {
        out.push('(');
        for (place, part) in parts.iter().enumerate() {
            if place > 0 {
                out.push_str(word);
            }
            self.expr(part, own, out);
        }
        out.push(')');
    }

    fn cast(&self, operand: &'p Expr, ty: Type, own: &BTreeSet<ColumnId>, out: &mut String) {
        out.push('(');
        self.expr(operand, own, out);
        out.extend([")::", &crate::bind::format_type(self.scope, ty)]);
    }

    fn expr(&self, expr: &'p Expr, own: &BTreeSet<ColumnId>, out: &mut String) {
        match &expr.kind {
            ExprKind::Literal(value) => self.literal(value, expr.ty, out),
            ExprKind::Column(id) => self.variable(*id, own, out),
            ExprKind::Parameter(number) => out.push_str(&format!("${}", number + 1)),
            ExprKind::Call(call) => self.call(call, expr.ty, own, out),
            ExprKind::Set(call) => self.function(call, own, out),
            ExprKind::CastByText(operand) | ExprKind::Relabel(operand) => self.cast(operand, expr.ty, own, out),
            ExprKind::CastArray { array, .. } => self.cast(array, expr.ty, own, out),
            ExprKind::And(parts) => self.infix(parts, " AND ", own, out),
            ExprKind::Or(parts) => self.infix(parts, " OR ", own, out),
            ExprKind::Not(operand) => {
                out.push_str("(NOT ");
                self.expr(operand, own, out);
                out.push(')');
            }
            ExprKind::Is { operand, test, negated } => {
                out.push('(');
                self.expr(operand, own, out);
                out.push_str(if *negated { " IS NOT " } else { " IS " });
                out.push_str(match test {
                    IsTest::Null | IsTest::RowNull => "NULL)",
                    IsTest::True => "TRUE)",
                    IsTest::False => "FALSE)",
                    IsTest::Unknown => "UNKNOWN)",
                });
            }
            ExprKind::IsDistinctFrom { left, right, negated, .. } => {
                out.push('(');
                self.expr(left, own, out);
                out.push_str(if *negated { " IS NOT DISTINCT FROM " } else { " IS DISTINCT FROM " });
                self.expr(right, own, out);
                out.push(')');
            }
            ExprKind::Case { branches, otherwise } => {
                out.push_str("CASE");
                for (when, then) in branches {
                    out.push_str(" WHEN ");
                    self.expr(when, own, out);
                    out.push_str(" THEN ");
                    self.expr(then, own, out);
                }
                out.push_str(" ELSE ");
                match otherwise {
                    Some(otherwise) => self.expr(otherwise, own, out),
                    None => self.literal(&Datum::Null, expr.ty, out),
                }
                out.push_str(" END");
            }
            ExprKind::Coalesce(parts) => self.named_list("COALESCE(", parts, own, out),
            ExprKind::Greatest(parts) => self.named_list("GREATEST(", parts, own, out),
            ExprKind::Least(parts) => self.named_list("LEAST(", parts, own, out),
            ExprKind::NullIf { left, right, .. } => {
                out.push_str("NULLIF(");
                self.list([&**left, &**right], own, out);
                out.push(')');
            }
            ExprKind::Quantified { left, array, operator, all } => {
                out.push('(');
                self.expr(left, own, out);
                let name = predicate::operator(operator).map_or(operator.row.name, |operator| operator.name);
                out.push_str(&format!(" {name} {} (", if *all { "ALL" } else { "ANY" }));
                self.expr(array, own, out);
                out.push_str("))");
            }
            ExprKind::Array { elements, .. } => {
                out.push_str("ARRAY[");
                self.list(elements, own, out);
                out.push(']');
            }
            ExprKind::NamedRow { fields, .. } if self.whole_row(fields).is_some() => {
                let relation = self.whole_row(fields).unwrap_or_default();
                out.extend([&identifier(relation), ".*"]);
            }
            ExprKind::Row(fields) | ExprKind::NamedRow { fields, .. } => self.named_list("ROW(", fields, own, out),
            ExprKind::Field { record, field } => {
                out.push('(');
                self.expr(record, own, out);
                out.push_str(&format!(").f{}", field + 1));
            }
            ExprKind::Subscript { array, subscripts } => {
                let plain = array.as_column().is_some();
                out.push_str(if plain { "" } else { "(" });
                self.expr(array, own, out);
                out.push_str(if plain { "" } else { ")" });
                self.subscripts(subscripts, own, out);
            }
            ExprKind::AssignElement { array, subscripts, value } => {
                self.expr(array, own, out);
                self.subscripts(subscripts, own, out);
                out.push_str(" := ");
                self.expr(value, own, out);
            }
            ExprKind::Subquery(subquery) => self.subquery(subquery, out),
            ExprKind::Aggregate(call) => out.push_str(&self.aggregate(call, own)),
            ExprKind::Window(call) => out.push_str(&self.window(call, own)),
            ExprKind::Default => out.push_str("DEFAULT"),
        }
    }

    /// The one relation whose columns these are.
    fn whole_row(&self, fields: &[Expr]) -> Option<&str> {
        let mut relations = fields.iter().map(|field| self.relation_of(field.as_column()?));
        let first = relations.next()??;
        relations.all(|other| other == Some(first)).then_some(first)
    }

    fn named_list(&self, open: &str, parts: &'p [Expr], own: &BTreeSet<ColumnId>, out: &mut String) {
        out.push_str(open);
        self.list(parts, own, out);
        out.push(')');
    }

    fn subscripts(&self, subscripts: &'p [Subscript], own: &BTreeSet<ColumnId>, out: &mut String) {
        for subscript in subscripts {
            out.push('[');
            match subscript {
                Subscript::Index(index) => self.expr(index, own, out),
                Subscript::Slice(from, to) => {
                    from.iter().for_each(|from| self.expr(from, own, out));
                    out.push(':');
                    to.iter().for_each(|to| self.expr(to, own, out));
                }
            }
            out.push(']');
        }
    }

    // ------------------------------------------------------------------------------------------------------ constants

    /// Several values as one array: a constant if they all are.
    pub fn array(&self, values: &[&'p Expr], own: &BTreeSet<ColumnId>) -> String {
        let constants: Option<Vec<Datum>> = values.iter().map(|value| value.as_literal().cloned()).collect();
        let element = values.first().map_or(oid::UNKNOWN, |value| value.ty.oid);
        let mut out = String::new();
        match (constants, self.scope.catalog.array_type(element)) {
            (Some(constants), Some(array)) => {
                let value = Datum::Array(Arc::new(Array::new(element, constants)));
                self.literal(&value, Type::new(array), &mut out);
            }
            _ => {
                out.push_str("ARRAY[");
                self.list(values.iter().copied(), own, &mut out);
                out.push(']');
            }
        }
        out
    }

    fn literal(&self, value: &Datum, ty: Type, out: &mut String) {
        let type_text = || crate::bind::format_type(self.scope, ty);
        if value.is_null() {
            return out.push_str(&format!("NULL::{}", type_text()));
        }
        let mut text = String::new();
        match (value, name::form(self.scope, ty.oid)) {
            (Datum::Bool(value), _) => return out.push_str(if *value { "true" } else { "false" }),
            (_, Some(form)) => form.format(value, &self.scope.settings, &mut text),
            (value, None) => text = format!("{value:?}"),
        }
        let starts_with_digit = text.starts_with(|c: char| c.is_ascii_digit());
        let is_plain = match ty.oid {
            oid::INT4 => starts_with_digit,
            oid::NUMERIC => starts_with_digit && text.contains('.') && ty.modifier < 0,
            _ => false,
        };
        if is_plain {
            return out.push_str(&text);
        }
        out.push_str(&quoted(&text));
        if ty.oid != oid::UNKNOWN {
            out.extend(["::", &type_text()]);
        }
    }

    // ---------------------------------------------------------------------------------------------------------- calls

    fn call(&self, call: &'p Call, ty: Type, own: &BTreeSet<ColumnId>, out: &mut String) {
        let prefix =
            || builtin().operators.iter().find(|row| row.kind == b'l' && row.function == call.function.row.oid);
        if let Some(operator) = predicate::operator(&call.function).or_else(prefix) {
            match &call.arguments[..] {
                [left, right] => {
                    out.push('(');
                    self.expr(left, own, out);
                    out.push_str(&format!(" {} ", operator.name));
                    self.expr(right, own, out);
                    return out.push(')');
                }
                [operand] if operator.kind == b'l' => {
                    out.push_str(&format!("({} ", operator.name));
                    self.expr(operand, own, out);
                    return out.push(')');
                }
                _ => {}
            }
        }
        if let Some(operand) = call.arguments.first()
            && let Some(cast) = builtin().cast(operand.ty.oid, ty.oid)
            && cast.function == call.function.row.oid
        {
            return self.cast(operand, ty, own, out);
        }
        if let ("extract", [Expr { kind: ExprKind::Literal(Datum::Text(field)), .. }, from]) =
            (call.function.row.name, &call.arguments[..])
        {
            out.push_str(&format!("EXTRACT({field} FROM "));
            self.expr(from, own, out);
            return out.push(')');
        }
        self.function(call, own, out);
    }

    fn function(&self, call: &'p Call, own: &BTreeSet<ColumnId>, out: &mut String) {
        out.extend([&identifier(call.function.row.name), "("]);
        for (place, argument) in call.arguments.iter().enumerate() {
            if place > 0 {
                out.push_str(", ");
            }
            if call.variadic && place + 1 == call.arguments.len() {
                out.push_str("VARIADIC ");
            }
            self.expr(argument, own, out);
        }
        out.push(')');
    }

    fn aggregate(&self, call: &'p AggregateCall, own: &BTreeSet<ColumnId>) -> String {
        let mut out = format!("{}(", identifier(call.function.row.name));
        let is_ordered_set = matches!(call.function.body, Body::OrderedSet(_) | Body::Hypothetical);
        if call.distinct {
            out.push_str("DISTINCT ");
        }
        let keys = |out: &mut String| {
            out.push_str("ORDER BY ");
            for (place, key) in call.order_by.iter().enumerate() {
                out.push_str(if place > 0 { ", " } else { "" });
                self.expr(&key.value, own, out);
                out.push_str(direction(key));
            }
        };
        if is_ordered_set {
            self.list(&call.direct, own, &mut out);
            out.push_str(") WITHIN GROUP (");
            keys(&mut out);
        } else {
            if call.arguments.is_empty() {
                out.push('*');
            }
            self.list(&call.arguments, own, &mut out);
            if !call.order_by.is_empty() {
                out.push(' ');
                keys(&mut out);
            }
        }
        out.push(')');
        self.filter(call.filter.as_ref(), own, &mut out);
        out
    }

    fn window(&self, call: &'p WindowCall, own: &BTreeSet<ColumnId>) -> String {
        let mut out = format!("{}(", identifier(call.function.row.name));
        let is_aggregate = matches!(call.function.body, Body::Aggregate(_));
        if call.arguments.is_empty() && is_aggregate {
            out.push('*');
        }
        self.list(&call.arguments, own, &mut out);
        out.push(')');
        self.filter(call.filter.as_ref(), own, &mut out);
        out.push_str(" OVER (?)");
        out
    }

    fn filter(&self, filter: Option<&'p Expr>, own: &BTreeSet<ColumnId>, out: &mut String) {
        if let Some(filter) = filter {
            out.push_str(" FILTER (WHERE ");
            self.expr(filter, own, out);
            out.push(')');
        }
    }

    // ----------------------------------------------------------------------------------------------------- subqueries

    fn subquery(&self, subquery: &'p Subquery, out: &mut String) {
        let key = std::ptr::from_ref(subquery).addr();
        let mut numbers = self.numbers.borrow_mut();
        let next = numbers.len() + 1;
        let is_fixed = subquery.plan.outer_columns().is_empty();
        let is_quantified = matches!(subquery.kind, SubqueryKind::Quantified { .. });
        let subplan = *numbers.entry(key).or_insert_with(|| {
            let made = Subplan { plan: &subquery.plan, number: next, is_initial: is_fixed && !is_quantified };
            self.met.borrow_mut().push(made);
            made
        });
        out.push_str(&match (subplan.is_initial, is_fixed) {
            (true, _) => subplan.parameter(),
            (false, true) => format!("(hashed SubPlan {})", subplan.number),
            (false, false) => format!("(SubPlan {})", subplan.number),
        });
    }
}

impl Subplan<'_> {
    /// Where its one value is found.
    fn parameter(&self) -> String {
        format!("${}", self.number - 1)
    }

    pub fn label(&self) -> String {
        match self.is_initial {
            true => format!("InitPlan {} (returns {})", self.number, self.parameter()),
            false => format!("SubPlan {}", self.number),
        }
    }
}

fn direction(key: &SortKey) -> &'static str {
    match (key.descending, key.nulls_first) {
        (false, false) => "",
        (false, true) => " NULLS FIRST",
        (true, true) => " DESC",
        (true, false) => " DESC NULLS LAST",
    }
}

fn quoted(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    match doubled.contains('\\') {
        true => format!("E'{}'", doubled.replace('\\', "\\\\")),
        false => format!("'{doubled}'"),
    }
}

fn learn<'p>(
    plan: &'p Plan,
    names: &[Option<ColumnName>],
    named: &mut BTreeMap<ColumnId, Named<'p>>,
    relations: &mut usize,
) {
    let written = |id: ColumnId, relation: &str, name: &str| {
        let found = names.get(id.0 as usize).and_then(Option::as_ref);
        let relation = found.and_then(|found| found.relation.as_deref()).unwrap_or(relation).to_owned();
        Named::Column { relation, name: found.map_or(name, |found| &found.name).to_owned() }
    };
    match plan {
        Plan::Scan(scan) => {
            *relations += 1;
            for (id, ordinal) in &scan.columns {
                let name = scan.table.column(*ordinal).map_or("", |column| column.name.as_str()).to_owned();
                named.insert(*id, Named::Column { relation: scan.alias.clone(), name });
            }
        }
        Plan::System(system) => {
            *relations += 1;
            for (id, column) in &system.columns {
                named.insert(*id, written(*id, system.table.name, system.table.columns[*column].name));
            }
        }
        Plan::FunctionScan(scan) => {
            *relations += 1;
            for (place, function) in scan.functions.iter().enumerate() {
                let name = function_name(&function.call);
                for (id, _) in &function.columns {
                    named.insert(*id, written(*id, name, name));
                }
                if let (0, Some(id)) = (place, scan.ordinality) {
                    named.insert(id, written(id, name, "ordinality"));
                }
            }
        }
        Plan::Values(values) => {
            if !values.columns.is_empty() {
                *relations += 1;
            }
            for (place, (id, _)) in values.columns.iter().enumerate() {
                let (relation, name) = ("*VALUES*".to_owned(), format!("column{}", place + 1));
                named.insert(*id, Named::Column { relation, name });
            }
        }
        Plan::CteScan(scan) => {
            *relations += 1;
            for (place, (id, _)) in scan.columns.iter().enumerate() {
                named.insert(*id, written(*id, "", &format!("column{}", place + 1)));
            }
        }
        Plan::Project(project) => compute(&project.columns, named),
        Plan::ProjectSet(project) => compute(&project.columns, named),
        Plan::Aggregate(aggregate) => {
            compute(&aggregate.keys, named);
            for (id, call) in &aggregate.calls {
                named.insert(*id, Named::Aggregate(call));
            }
            for (id, _) in &aggregate.groupings {
                named.insert(*id, Named::Grouping("GROUPING(...)".to_owned()));
            }
        }
        Plan::Window(window) => {
            for (id, call) in &window.calls {
                named.insert(*id, Named::Window(call));
            }
        }
        Plan::SetOperation(operation) => {
            for ((id, _), from) in operation.columns.iter().zip(operation.left.columns()) {
                named.insert(*id, Named::Same(from));
            }
        }
        Plan::Insert(insert) => {
            if let Some(OnConflict { action: ConflictAction::Update { existing, excluded, .. }, .. }) =
                &insert.on_conflict
            {
                *relations += 2;
                for (columns, relation) in [(existing, insert.table.name.as_str()), (excluded, "excluded")] {
                    for (id, ordinal) in columns {
                        let name = insert.table.column(*ordinal).map_or("", |column| column.name.as_str()).to_owned();
                        named.insert(*id, Named::Column { relation: relation.to_owned(), name });
                    }
                }
            }
        }
        _ => {}
    }
    let rules = match plan {
        Plan::Insert(insert) => Some((&insert.table, &insert.rules)),
        Plan::Update(update) => Some((&update.table, &update.rules)),
        Plan::Delete(delete) => Some((&delete.table, &delete.rules)),
        _ => None,
    };
    if let Some((table, rules)) = rules {
        for (id, ordinal) in &rules.row {
            let name = table.column(*ordinal).map_or("", |column| column.name.as_str()).to_owned();
            named.insert(*id, Named::Column { relation: table.name.clone(), name });
        }
    }
    for input in plan.inputs() {
        learn(input, names, named, relations);
    }
    for expr in plan.expressions() {
        learn_in(expr, names, named, relations);
    }
}

fn learn_in<'p>(
    expr: &'p Expr,
    names: &[Option<ColumnName>],
    named: &mut BTreeMap<ColumnId, Named<'p>>,
    relations: &mut usize,
) {
    if let ExprKind::Subquery(subquery) = &expr.kind {
        learn(&subquery.plan, names, named, relations);
    }
    for child in expr.children() {
        learn_in(child, names, named, relations);
    }
}

fn compute<'p>(columns: &'p [(ColumnId, Expr)], named: &mut BTreeMap<ColumnId, Named<'p>>) {
    for (id, expr) in columns {
        // A column that is only passed on is named by who makes it.
        if expr.as_column() != Some(*id) {
            named.insert(*id, Named::Expr(expr));
        }
    }
}

/// What a function in FROM is called without an alias.
pub fn function_name(call: &Expr) -> &'static str {
    match &call.kind {
        ExprKind::Set(call) | ExprKind::Call(call) => call.function.row.name,
        _ => "function",
    }
}
