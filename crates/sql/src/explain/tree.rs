//! From operators to nodes under PostgreSQL's names.
//!
//! An operator that PostgreSQL has not as a node of its own (a condition, a select list) is taken in by the node below
//! it: that shows the outer one's rows, and its own conditions beside those that came with it.

use std::collections::BTreeSet;

use atoll_datum::builtin::builtin;
use atoll_datum::{Oid, oid};
use atoll_syntax::ast::SetOperator;
use atoll_syntax::print::identifier;

use super::deparse::{Deparser, Place, function_name};
use crate::catalog::{IndexKey, Table};
use crate::ddl::names::schema_name;
use crate::exec::{Counter, Counters};
use crate::optimize::{access, cost, walk};
use crate::plan::estimate::Estimator;
use crate::plan::{
    Access, Aggregate, Bounds, ColumnId, ConflictAction, CteId, Expr, Insert, JoinKind, JoinStrategy, Plan, Returning,
    Scan, SetOperation, With,
};
use crate::session::Scope;
use crate::types::Type;

/// A property's value, for all forms.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    /// As it is printed.
    Number(String),
    Bool(bool),
    List(Vec<String>),
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Estimate {
    pub startup: f64,
    pub total: f64,
    pub rows: f64,
    pub width: f64,
}

pub struct Node {
    /// `Index Scan using t_pkey on t`
    pub title: String,
    /// `CTE x`, `InitPlan 1 (returns $0)`
    pub label: Option<String>,
    pub relationship: &'static str,
    /// What the title says, one by one.
    pub fields: Vec<(&'static str, Value)>,
    pub estimate: Estimate,
    /// None within: it was never run.
    pub actual: Option<Option<Counter>>,
    pub details: Vec<(&'static str, Value)>,
    pub children: Vec<Node>,
}

/// A node that is being made.
struct Draft<'p> {
    node: Node,
    /// Columns that it computes itself.
    own: BTreeSet<ColumnId>,
    filters: Vec<&'p Expr>,
    /// Rows that its conditions have left out.
    removed: u64,
    /// For VERBOSE.
    output: Vec<String>,
    /// PostgreSQL has conditions here, too.
    takes_filters: bool,
    /// Then `own` are the columns that it reads.
    is_scan: bool,
}

pub struct Tree<'p> {
    pub scope: &'p Scope,
    pub deparser: Deparser<'p>,
    pub estimator: Estimator<'p>,
    pub counters: Option<&'p Counters>,
    pub verbose: bool,
    /// By the number of the common table, as it is called, and whether its working table is read here.
    ctes: Vec<(CteId, &'p str, bool)>,
}

impl<'p> Tree<'p> {
    pub fn new(
        scope: &'p Scope,
        deparser: Deparser<'p>,
        estimator: Estimator<'p>,
        counters: Option<&'p Counters>,
        verbose: bool,
    ) -> Tree<'p> {
        Tree { scope, deparser, estimator, counters, verbose, ctes: Vec::new() }
    }

    pub fn node(&mut self, plan: &'p Plan) -> Node {
        let draft = self.draft(plan);
        self.finish(draft)
    }

    fn finish(&mut self, mut draft: Draft<'p>) -> Node {
        if self.verbose && !draft.output.is_empty() {
            draft.node.details.insert(0, ("Output", Value::List(std::mem::take(&mut draft.output))));
        }
        if !draft.filters.is_empty() {
            let place = if draft.is_scan { Place::Scan } else { Place::Usual };
            let text = self.deparser.at(place).all(&draft.filters, &draft.own);
            self.deparser.at(Place::Usual);
            draft.node.details.push(("Filter", Value::Text(text)));
            if let Some(Some(counter)) = draft.node.actual
                && draft.removed > 0
            {
                let each = draft.removed as f64 / counter.loops.max(1) as f64;
                draft.node.details.push(("Rows Removed by Filter", Value::Number(format!("{each:.0}"))));
            }
        }
        self.take_subplans(&mut draft.node);
        draft.node
    }

    /// Plans within the expressions that were printed for the node become its children: those that run once come first.
    fn take_subplans(&mut self, node: &mut Node) {
        for subplan in self.deparser.take_met() {
            let mut made = self.node(subplan.plan);
            made.label = Some(subplan.label());
            made.relationship = if subplan.is_initial { "InitPlan" } else { "SubPlan" };
            let first = node.children.iter().take_while(|child| child.relationship == "InitPlan").count();
            let place = if subplan.is_initial { first } else { node.children.len() };
            node.children.insert(place, made);
        }
    }

    fn child(&mut self, plan: &'p Plan, relationship: &'static str) -> Node {
        Node { relationship, ..self.node(plan) }
    }

    // -------------------------------------------------------------------------------------------------------- numbers

    fn estimate(&self, plan: &Plan) -> Estimate {
        let is_quiet = match plan {
            Plan::Insert(insert) => insert.returning.is_none(),
            Plan::Update(update) => update.returning.is_none(),
            Plan::Delete(delete) => delete.returning.is_none(),
            _ => false,
        };
        let total = cost::of(plan, &self.estimator);
        let startup = self.startup(plan, total).min(total);
        if is_quiet {
            return Estimate { startup, total, rows: 0.0, width: 0.0 };
        }
        let key = match plan {
            Plan::Scan(scan) => scan.key,
            _ => None,
        };
        let columns = walk::column_types(plan).into_iter().filter(|(id, _)| Some(*id) != key);
        let width = columns.map(|(id, ty)| self.estimator.width(id).unwrap_or_else(|| type_width(ty))).sum();
        Estimate { startup, total, rows: self.estimator.rows(plan), width }
    }

    /// What it costs until the first row is there.
    fn startup(&self, plan: &Plan, total: f64) -> f64 {
        let of = |plan: &Plan| cost::of(plan, &self.estimator);
        match plan {
            Plan::Sort(_) | Plan::Window(_) => total,
            Plan::Aggregate(_) => total,
            Plan::Distinct(distinct) if distinct.on.is_none() => total,
            Plan::SetOperation(operation) if !operation.all || operation.operator != SetOperator::Union => total,
            Plan::Join(join) => {
                let built = match join.strategy {
                    JoinStrategy::Hash { .. } => of(&join.right),
                    JoinStrategy::NestedLoop => 0.0,
                };
                self.startup(&join.left, of(&join.left)) + built
            }
            Plan::With(with) => self.startup(&with.body, of(&with.body)),
            _ => plan.inputs().first().map_or(0.0, |input| self.startup(input, of(input))),
        }
    }

    fn actual(&self, plan: &Plan) -> Option<Option<Counter>> {
        self.counters.map(|counters| counters.of(plan))
    }

    // ---------------------------------------------------------------------------------------------------------- nodes

    fn plain(&self, plan: &'p Plan, name: &str) -> Draft<'p> {
        let node = Node {
            title: name.to_owned(),
            label: None,
            relationship: "",
            fields: vec![("Node Type", Value::Text(name.to_owned()))],
            estimate: self.estimate(plan),
            actual: self.actual(plan),
            details: Vec::new(),
            children: Vec::new(),
        };
        let own = BTreeSet::new();
        let output = match self.verbose {
            true => self.output(plan.columns(), &own),
            false => Vec::new(),
        };
        Draft { node, own, filters: Vec::new(), removed: 0, output, takes_filters: false, is_scan: false }
    }

    fn scanned(&self, plan: &'p Plan, name: &str) -> Draft<'p> {
        let own = plan.columns().into_iter().collect();
        Draft { own, takes_filters: true, is_scan: true, ..self.plain(plan, name) }
    }

    fn output(&self, columns: Vec<ColumnId>, own: &BTreeSet<ColumnId>) -> Vec<String> {
        let deparser = self.deparser.at(Place::Output);
        let texts = columns.into_iter().map(|id| deparser.column(id, own)).collect();
        self.deparser.at(Place::Usual);
        texts
    }

    fn computed<'e>(&self, exprs: impl IntoIterator<Item = &'p Expr>, own: &BTreeSet<ColumnId>) -> Vec<String>
    where
        'p: 'e,
    {
        let deparser = self.deparser.at(Place::Output);
        let texts = exprs.into_iter().map(|expr| deparser.text(expr, own)).collect();
        self.deparser.at(Place::Usual);
        texts
    }

    fn over(&mut self, plan: &'p Plan, name: &str, input: &'p Plan) -> Draft<'p> {
        let mut draft = self.plain(plan, name);
        draft.node.children.push(self.child(input, "Outer"));
        draft
    }

    /// `own` does the work of `below`, too: it has the rows of `plan`.
    fn cover(&self, below: &mut Draft<'p>, plan: &'p Plan) {
        below.node.estimate = self.estimate(plan);
        below.node.actual = self.actual(plan);
    }

    fn draft(&mut self, plan: &'p Plan) -> Draft<'p> {
        match plan {
            Plan::Values(values) if values.rows.len() == 1 => {
                let mut draft = self.plain(plan, "Result");
                draft.output = self.computed(values.rows.iter().flatten(), &draft.own);
                draft.takes_filters = true;
                draft
            }
            Plan::Values(_) => {
                let mut draft = self.scanned(plan, "Values Scan");
                draft.node.title.push_str(" on \"*VALUES*\"");
                draft.node.fields.push(("Alias", Value::Text("*VALUES*".to_owned())));
                draft
            }
            Plan::Scan(scan) => self.scan(plan, scan),
            Plan::System(system) => {
                let mut draft = self.scanned(plan, "Seq Scan");
                let alias = system.columns.first().and_then(|(id, _)| self.deparser.relation_of(*id));
                let (name, alias) = (system.table.name, alias.unwrap_or(system.table.name).to_owned());
                self.on_relation(&mut draft.node, system.table.schema, name, &alias);
                draft
            }
            Plan::FunctionScan(scan) => {
                let mut draft = self.scanned(plan, "Function Scan");
                let name = scan.functions.first().map_or("", |function| function_name(&function.call));
                let first = scan.functions.iter().flat_map(|function| &function.columns).map(|(id, _)| *id).next();
                let alias = first.or(scan.ordinality).and_then(|id| self.deparser.relation_of(id)).unwrap_or(name);
                let alias = alias.to_owned();
                let calls = self.computed(scan.functions.iter().map(|function| &function.call), &draft.own);
                if scan.functions.len() == 1 {
                    let name = if self.verbose { format!("pg_catalog.{name}") } else { name.to_owned() };
                    draft.node.title.push_str(&format!(" on {name}{}", aliased(&name, &alias)));
                    draft.node.fields.push(("Function Name", Value::Text(name)));
                } else {
                    draft.node.title.push_str(&format!(" on {}", identifier(&alias)));
                }
                draft.node.fields.push(("Alias", Value::Text(alias)));
                if self.verbose {
                    draft.node.details.push(("Function Call", Value::Text(calls.join(", "))));
                }
                draft
            }
            Plan::CteScan(scan) => {
                let known = self.ctes.iter().rev().find(|(cte, ..)| *cte == scan.cte);
                let (name, is_working) = known.map_or(("", false), |(_, name, is_working)| (name, *is_working));
                let mut draft = self.scanned(plan, if is_working { "WorkTable Scan" } else { "CTE Scan" });
                let alias = scan.columns.first().and_then(|(id, _)| self.deparser.relation_of(*id)).unwrap_or(name);
                draft.node.title.push_str(&format!(" on {}{}", identifier(name), aliased(name, alias)));
                draft.node.fields.push(("CTE Name", Value::Text(name.to_owned())));
                draft.node.fields.push(("Alias", Value::Text(alias.to_owned())));
                draft
            }
            Plan::With(with) => self.with(with),
            Plan::Filter(filter) => {
                let mut below = self.draft(&filter.input);
                if !below.takes_filters {
                    let node = self.finish(below);
                    below = self.plain(plan, "Subquery Scan");
                    below.node.title.push_str(" on unnamed_subquery");
                    below.node.fields.push(("Alias", Value::Text("unnamed_subquery".to_owned())));
                    below.takes_filters = true;
                    below.node.children.push(Node { relationship: "Subquery", ..node });
                }
                let rows = |plan: &Plan| self.actual(plan).flatten().map_or(0, |counter| counter.rows);
                below.removed += rows(&filter.input).saturating_sub(rows(plan));
                below.filters.push(&filter.predicate);
                self.cover(&mut below, plan);
                below
            }
            Plan::Project(project) => {
                let mut below = self.draft(&project.input);
                self.cover(&mut below, plan);
                // Plans within are shown here even where the expressions are not.
                below.output = self.computed(project.columns.iter().map(|(_, expr)| expr), &below.own);
                below
            }
            Plan::ProjectSet(project) => {
                let mut draft = self.over(plan, "ProjectSet", &project.input);
                draft.output = self.computed(project.columns.iter().map(|(_, expr)| expr), &draft.own);
                draft
            }
            Plan::Join(join) => {
                let (name, on, keys) = match &join.strategy {
                    JoinStrategy::Hash { keys, rest } => ("Hash", rest, &keys[..]),
                    JoinStrategy::NestedLoop => ("Nested Loop", &join.on, &[][..]),
                };
                let right = (&join.right, !keys.is_empty());
                let mut draft = self.join(plan, name, join.kind, &join.left, right, on);
                if !keys.is_empty() {
                    let none = BTreeSet::new();
                    let text = |expr| self.deparser.text(expr, &none);
                    let pairs = keys.iter().map(|(left, right)| format!("({} = {})", text(left), text(right)));
                    let pairs: Vec<String> = pairs.collect();
                    let all = if let [one] = &pairs[..] { one.clone() } else { format!("({})", pairs.join(" AND ")) };
                    draft.node.details.insert(0, ("Hash Cond", Value::Text(all)));
                }
                draft
            }
            Plan::Apply(apply) => {
                self.join(plan, "Nested Loop", apply.kind, &apply.left, (&apply.right, false), &apply.on)
            }
            Plan::Aggregate(aggregate) => self.aggregate(plan, aggregate),
            Plan::Window(window) => {
                let mut draft = self.over(plan, "WindowAgg", &window.input);
                let own = BTreeSet::new();
                let order = window.order_by.iter().map(|key| self.deparser.sort_key(key, &own));
                let partition = window.partition_by.iter().map(|expr| self.deparser.text(expr, &own));
                let keys: Vec<String> = partition.chain(order).collect();
                if !keys.is_empty() {
                    draft.node.details.push(("Sort Key", Value::List(keys)));
                }
                draft.own = window.calls.iter().map(|(id, _)| *id).collect();
                if self.verbose {
                    draft.output = self.output(plan.columns(), &draft.own);
                }
                draft
            }
            Plan::Sort(sort) => {
                let mut draft = self.over(plan, "Sort", &sort.input);
                let keys = sort.keys.iter().map(|key| self.deparser.sort_key(key, &draft.own)).collect();
                draft.node.details.push(("Sort Key", Value::List(keys)));
                draft
            }
            Plan::Limit(limit) => self.over(plan, "Limit", &limit.input),
            Plan::Distinct(distinct) => match &distinct.on {
                Some(_) => self.over(plan, "Unique", &distinct.input),
                None => {
                    let mut draft = self.over(plan, "Aggregate", &distinct.input);
                    hashed(&mut draft.node);
                    let own: BTreeSet<ColumnId> = distinct.input.columns().into_iter().collect();
                    let keys = distinct.input.columns().into_iter().map(|id| self.deparser.column(id, &own));
                    draft.node.details.push(("Group Key", Value::List(keys.collect())));
                    draft
                }
            },
            Plan::SetOperation(operation) => self.set_operation(plan, operation),
            Plan::LockRows(lock) => self.over(plan, "LockRows", &lock.input),
            Plan::Insert(insert) => self.insert(plan, insert),
            Plan::Update(update) => {
                self.change(plan, "Update", &update.table, &update.source, update.returning.as_ref())
            }
            Plan::Delete(delete) => {
                self.change(plan, "Delete", &delete.table, &delete.source, delete.returning.as_ref())
            }
        }
    }

    fn on_relation(&self, node: &mut Node, schema: Oid, name: &str, alias: &str) {
        let schema = schema_name(&self.scope.catalog, schema);
        let shown = match self.verbose {
            true => format!("{}.{}", identifier(&schema), identifier(name)),
            false => identifier(name),
        };
        node.title.push_str(&format!(" on {shown}{}", aliased(name, alias)));
        node.fields.push(("Relation Name", Value::Text(name.to_owned())));
        if self.verbose {
            node.fields.push(("Schema", Value::Text(schema)));
        }
        node.fields.push(("Alias", Value::Text(alias.to_owned())));
    }

    // ---------------------------------------------------------------------------------------------------------- scans

    fn scan(&self, plan: &'p Plan, scan: &'p Scan) -> Draft<'p> {
        let schema = Oid(scan.table.schema);
        let by_index = match &scan.access {
            Access::Empty => {
                let mut draft = self.plain(plan, "Result");
                draft.node.details.push(("One-Time Filter", Value::Text("false".to_owned())));
                draft.takes_filters = true;
                return draft;
            }
            Access::Full { reverse } => {
                let primary = scan.table.indexes.first().filter(|index| *reverse && index.oid != 0);
                primary.map(|index| (index, None, *reverse))
            }
            Access::Index { index, bounds, reverse } => {
                scan.table.index(*index).map(|index| (index, Some(bounds), *reverse))
            }
        };
        let mut draft = match by_index {
            None => {
                let mut draft = self.scanned(plan, "Seq Scan");
                self.on_relation(&mut draft.node, schema, &scan.table.name, &scan.alias);
                draft
            }
            Some((index, bounds, reverse)) => {
                let is_primary = scan.table.indexes.first().is_some_and(|primary| primary.id == index.id);
                // Rows lie in the primary index: there is nothing else to read.
                let is_only = !is_primary && access::covers(scan, index);
                let kind = if is_only { "Index Only Scan" } else { "Index Scan" };
                let mut draft = self.scanned(plan, kind);
                let name = if index.name.is_empty() { "row id" } else { &index.name };
                let backward = if reverse { " Backward" } else { "" };
                draft.node.title = format!("{kind}{backward} using {}", identifier(name));
                let direction = if reverse { "Backward" } else { "Forward" };
                draft.node.fields.push(("Scan Direction", Value::Text(direction.to_owned())));
                draft.node.fields.push(("Index Name", Value::Text(name.to_owned())));
                self.on_relation(&mut draft.node, schema, &scan.table.name, &scan.alias);
                if let Some(condition) =
                    bounds.and_then(|bounds| self.index_condition(scan, &index.keys, bounds, &draft.own))
                {
                    draft.node.details.push(("Index Cond", Value::Text(condition)));
                }
                draft
            }
        };
        if let Some(key) = scan.key
            && self.verbose
            && let Some(place) = plan.columns().iter().position(|id| *id == key)
        {
            draft.output.remove(place);
        }
        draft.filters.extend(&scan.filter);
        draft.removed = self.actual(plan).flatten().map_or(0, |counter| counter.removed);
        draft
    }

    fn index_condition(
        &self,
        scan: &Scan,
        keys: &[IndexKey],
        bounds: &'p Bounds,
        own: &BTreeSet<ColumnId>,
    ) -> Option<String> {
        self.deparser.at(Place::Scan);
        let condition = self.bounds(scan, keys, bounds, own);
        self.deparser.at(Place::Usual);
        condition
    }

    fn bounds(&self, scan: &Scan, keys: &[IndexKey], bounds: &'p Bounds, own: &BTreeSet<ColumnId>) -> Option<String> {
        let column = |place: usize| match keys.get(place) {
            Some(key) if key.column != 0 => {
                let found = scan.table.columns.get(key.column as usize - 1);
                self.deparser.table_column(&scan.alias, found.map_or("", |column| &column.name), true)
            }
            Some(key) => key.expression.clone().unwrap_or_default(),
            None => String::new(),
        };
        let equals = |tuple: &'p Vec<Expr>| -> Vec<String> {
            let pairs = tuple.iter().enumerate();
            pairs.map(|(place, value)| format!("({} = {})", column(place), self.deparser.text(value, own))).collect()
        };
        let mut parts = match &bounds.equal[..] {
            [] => Vec::new(),
            [tuple] => equals(tuple),
            tuples if tuples.iter().all(|tuple| tuple.len() == 1) => {
                let values: Vec<&Expr> = tuples.iter().flatten().collect();
                vec![format!("({} = ANY ({}))", column(0), self.deparser.array(&values, own))]
            }
            tuples => {
                let each = tuples.iter().map(|tuple| format!("({})", equals(tuple).join(" AND ")));
                vec![format!("({})", each.collect::<Vec<_>>().join(" OR "))]
            }
        };
        let next = bounds.equal.first().map_or(0, Vec::len);
        for (bound, strict) in [(&bounds.lower, ">"), (&bounds.upper, "<")] {
            if let Some(bound) = bound {
                let equal = if bound.inclusive { "=" } else { "" };
                let value = self.deparser.text(&bound.value, own);
                parts.push(format!("({} {strict}{equal} {value})", column(next)));
            }
        }
        match &parts[..] {
            [] => None,
            [one] => Some(one.clone()),
            parts => Some(format!("({})", parts.join(" AND "))),
        }
    }

    fn with(&mut self, with: &'p With) -> Draft<'p> {
        let definition = match &with.recursive {
            None => self.child(&with.definition, "InitPlan"),
            Some(recursive) => {
                let first = self.child(&with.definition, "Outer");
                self.ctes.push((with.cte, &with.name, true));
                let step = self.child(&recursive.step, "Inner");
                self.ctes.pop();
                let mut union = self.plain(&with.definition, "Recursive Union").node;
                union.details.clear();
                union.estimate = Estimate {
                    total: first.estimate.total + step.estimate.total,
                    rows: first.estimate.rows + step.estimate.rows,
                    ..first.estimate
                };
                // It is not an operator of its own: what it gave is not counted.
                union.actual = None;
                union.children = vec![first, step];
                Node { relationship: "InitPlan", ..union }
            }
        };
        self.ctes.push((with.cte, &with.name, false));
        let mut draft = self.draft(&with.body);
        let label = Some(format!("CTE {}", identifier(&with.name)));
        draft.node.children.insert(0, Node { label, ..definition });
        draft
    }

    // ---------------------------------------------------------------------------------------------------------- joins

    fn join(
        &mut self,
        plan: &'p Plan,
        method: &str,
        kind: JoinKind,
        left: &'p Plan,
        (right, is_hashed): (&'p Plan, bool),
        on: &'p [Expr],
    ) -> Draft<'p> {
        let word = match kind {
            JoinKind::Inner => "Inner",
            JoinKind::Left => "Left",
            JoinKind::Right => "Right",
            JoinKind::Full => "Full",
            JoinKind::Semi => "Semi",
            JoinKind::Anti => "Anti",
        };
        let node_type = if is_hashed { "Hash Join" } else { "Nested Loop" };
        let mut draft = self.plain(plan, node_type);
        draft.node.title = match (kind, is_hashed) {
            (JoinKind::Inner, _) => node_type.to_owned(),
            _ => format!("{method} {word} Join"),
        };
        draft.node.fields.push(("Join Type", Value::Text(word.to_owned())));
        let outer = self.child(left, "Outer");
        let mut inner = self.child(right, "Inner");
        if is_hashed {
            let node = Node {
                title: "Hash".to_owned(),
                label: None,
                relationship: "Inner",
                fields: vec![("Node Type", Value::Text("Hash".to_owned()))],
                estimate: Estimate { startup: inner.estimate.total, ..inner.estimate },
                actual: inner.actual,
                details: inner.details.iter().filter(|(name, _)| *name == "Output").cloned().collect(),
                children: Vec::new(),
            };
            inner.relationship = "Outer";
            inner = Node { children: vec![inner], ..node };
        }
        draft.node.children.extend([outer, inner]);
        if !on.is_empty() {
            let on: Vec<&Expr> = on.iter().collect();
            draft.node.details.push(("Join Filter", Value::Text(self.deparser.all(&on, &draft.own))));
        }
        draft.takes_filters = true;
        draft
    }

    // --------------------------------------------------------------------------------------------------------- groups

    fn aggregate(&mut self, plan: &'p Plan, aggregate: &'p Aggregate) -> Draft<'p> {
        let mut draft = self.over(plan, "Aggregate", &aggregate.input);
        let below: BTreeSet<ColumnId> = aggregate.input.columns().into_iter().collect();
        let key = |place: &usize| self.deparser.text(&aggregate.keys[*place].1, &below);
        match &aggregate.sets[..] {
            [set] if set.is_empty() => draft.node.fields.push(("Strategy", Value::Text("Plain".to_owned()))),
            [set] => {
                hashed(&mut draft.node);
                draft.node.details.push(("Group Key", Value::List(set.iter().map(key).collect())));
            }
            sets => {
                hashed(&mut draft.node);
                for set in sets {
                    let keys: Vec<String> = set.iter().map(key).collect();
                    draft.node.details.push(match keys.is_empty() {
                        true => ("Group Key", Value::Text("()".to_owned())),
                        false => ("Hash Key", Value::List(keys)),
                    });
                }
            }
        }
        draft.node.fields.push(("Partial Mode", Value::Text("Simple".to_owned())));
        let (keys, calls) = (aggregate.keys.iter().map(|(id, _)| *id), aggregate.calls.iter().map(|(id, _)| *id));
        draft.own = keys.chain(calls).chain(aggregate.groupings.iter().map(|(id, _)| *id)).chain(below).collect();
        // Plans within their arguments belong here, printed or not.
        draft.output = self.output(plan.columns(), &draft.own);
        draft.takes_filters = true;
        draft
    }

    fn set_operation(&mut self, plan: &'p Plan, operation: &'p SetOperation) -> Draft<'p> {
        let all = if operation.all { " All" } else { "" };
        match operation.operator {
            SetOperator::Union => {
                let mut draft = self.plain(plan, "Append");
                let mut members = Vec::new();
                self.members(plan, operation.all, &mut members);
                draft.node.children = members;
                if operation.all {
                    return draft;
                }
                let mut over = self.plain(plan, "Aggregate");
                hashed(&mut over.node);
                let keys = operation.columns.iter().map(|(id, _)| self.deparser.column(*id, &over.own)).collect();
                over.node.details.push(("Group Key", Value::List(keys)));
                let rows: f64 = draft.node.children.iter().map(|member| member.estimate.rows).sum();
                let total: f64 = draft.node.children.iter().map(|member| member.estimate.total).sum();
                draft.node.estimate = Estimate { startup: 0.0, total, rows, ..draft.node.estimate };
                // One operator does both, and counts what leaves it.
                draft.node.actual = None;
                over.node.children.push(Node { relationship: "Outer", ..draft.node });
                over
            }
            SetOperator::Intersect | SetOperator::Except => {
                let word = if operation.operator == SetOperator::Except { "Except" } else { "Intersect" };
                let mut draft = self.plain(plan, "SetOp");
                draft.node.title = format!("HashSetOp {word}{all}");
                draft.node.fields.push(("Strategy", Value::Text("Hashed".to_owned())));
                draft.node.fields.push(("Command", Value::Text(format!("{word}{all}"))));
                draft.node.children.push(self.child(&operation.left, "Outer"));
                draft.node.children.push(self.child(&operation.right, "Inner"));
                draft
            }
        }
    }

    /// The sides of unions of the same kind within each other.
    fn members(&mut self, plan: &'p Plan, all: bool, out: &mut Vec<Node>) {
        match plan {
            Plan::SetOperation(operation) if operation.operator == SetOperator::Union && operation.all == all => {
                self.members(&operation.left, all, out);
                self.members(&operation.right, all, out);
            }
            other => out.push(self.child(other, "Member")),
        }
    }

    // -------------------------------------------------------------------------------------------------------- changes

    fn change(
        &mut self,
        plan: &'p Plan,
        word: &str,
        table: &Table,
        source: &'p Plan,
        returning: Option<&'p Returning>,
    ) -> Draft<'p> {
        let mut draft = self.over(plan, "ModifyTable", source);
        draft.node.title = word.to_owned();
        draft.node.fields.push(("Operation", Value::Text(word.to_owned())));
        self.on_relation(&mut draft.node, Oid(table.schema), &table.name, &table.name);
        let columns = returning.iter().flat_map(|returning| &returning.columns);
        // As PostgreSQL: whatever else is read, columns of the changed table are told apart.
        draft.output = columns.map(|(_, expr)| self.deparser.text(expr, &draft.own)).collect();
        draft
    }

    fn insert(&mut self, plan: &'p Plan, insert: &'p Insert) -> Draft<'p> {
        let mut draft = self.change(plan, "Insert", &insert.table, &insert.source, insert.returning.as_ref());
        let Some(conflict) = &insert.on_conflict else { return draft };
        let (resolution, filter) = match &conflict.action {
            ConflictAction::Nothing => ("NOTHING", None),
            ConflictAction::Update { filter, .. } => ("UPDATE", filter.as_ref()),
        };
        draft.node.details.push(("Conflict Resolution", Value::Text(resolution.to_owned())));
        let arbiters = conflict.arbiters.iter().filter_map(|index| insert.table.index(*index));
        let arbiters: Vec<String> = arbiters.map(|index| identifier(&index.name)).collect();
        if !arbiters.is_empty() {
            draft.node.details.push(("Conflict Arbiter Indexes", Value::List(arbiters)));
        }
        if let Some(filter) = filter {
            draft.node.details.push(("Conflict Filter", Value::Text(self.deparser.text(filter, &draft.own))));
        }
        draft
    }
}

fn hashed(node: &mut Node) {
    node.title = "HashAggregate".to_owned();
    node.fields.push(("Strategy", Value::Text("Hashed".to_owned())));
}

fn aliased(name: &str, alias: &str) -> String {
    let bare = name.rsplit('.').next().unwrap_or(name);
    if bare == alias || alias.is_empty() { String::new() } else { format!(" {}", identifier(alias)) }
}

/// As PostgreSQL guesses where nothing is known of the values.
fn type_width(ty: Type) -> f64 {
    const UNKNOWN: f64 = 32.0;
    let length = builtin().type_by_oid(ty.oid).map_or(4, |row| row.length);
    if length > 0 {
        return f64::from(length);
    }
    // The modifier counts its own four bytes, too.
    let most = f64::from(ty.modifier - 4);
    match ty.oid {
        oid::BPCHAR if most > 0.0 => most + 4.0,
        oid::VARCHAR if most > 1000.0 => UNKNOWN + (1000.0 - UNKNOWN) / 2.0,
        oid::VARCHAR if most > UNKNOWN => UNKNOWN + (most - UNKNOWN) / 2.0,
        oid::VARCHAR if most > 0.0 => most,
        _ => UNKNOWN,
    }
}
