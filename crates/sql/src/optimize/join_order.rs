//! In which order inner joins are made, and by which means.
//!
//! Relations joined by conditions are a graph. Up to [`EXHAUSTIVE`] relations every connected order is looked at (dynamic
//! programming over sets of relations, Selinger et al. 1979), beyond that the cheapest next pair is taken. A relation is
//! whatever is no inner join: a scan, an outer join, a grouped subquery. Outer joins above which only inner joins stand
//! that don't read their right side are made last, so that they don't bind the order.
//!
//! ```text
//!   hash     both sides read once; the right one into a table
//!   lookup   the right side, a single relation, run anew for each left row with the conditions inside: an Apply whose
//!            scan has bounds over the left row's columns
//!   loop     every pair
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;

use atoll_datum::Result;

use super::equivalence::Classes;
use super::physical::Physical;
use super::walk::{self, Columns};
use super::{cost, predicate, pushdown};
use crate::plan::{Apply, ColumnId, Expr, Filter, Join, JoinKind, JoinStrategy, Plan, SortKey};

pub const EXHAUSTIVE: usize = 10;

/// Relations by their numbers.
type Set = u128;

/// More are joined as they were written, as far as conditions lead from one to the next.
const RELATIONS_MAX: usize = 120;

struct Relation {
    /// Before accesses were chosen.
    logical: Plan,
    plan: Plan,
    columns: Columns,
    rows: f64,
    cost: f64,
}

struct Condition {
    expr: Expr,
    reads: Set,
    share: f64,
    /// The class of equal columns that it belongs to.
    class: Option<usize>,
    /// Follows from others.
    implied: bool,
}

struct Graph<'g, 'a> {
    physical: &'g Physical<'a>,
    relations: Vec<Relation>,
    conditions: Vec<Condition>,
    /// Conditions that are no use for joining.
    with_subqueries: Vec<Expr>,
    /// For each class the relations with a member, and how many different values it has there.
    classes: Vec<Vec<(Set, f64)>>,
    lookups: RefCell<Lookups>,
}

/// By relation and the conditions that are to lead to its rows.
type Lookups = BTreeMap<(usize, Vec<usize>), Option<Lookup>>;

#[derive(Clone)]
struct Lookup {
    plan: Plan,
    cost: f64,
}

#[derive(Clone)]
struct Best {
    tree: Tree,
    rows: f64,
    cost: f64,
}

/// Of one join.
#[derive(Clone, Copy)]
struct Price {
    method: Method,
    rows: f64,
    cost: f64,
}

#[derive(Clone)]
enum Tree {
    Relation(usize),
    Join { left: Box<Tree>, right: Box<Tree>, sets: (Set, Set), method: Method },
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Method {
    Hash,
    Lookup,
    Loop,
}

/// The operators of a tree of inner joins, taken apart.
#[derive(Default)]
pub struct Parts {
    pub relations: Vec<Plan>,
    pub conditions: Vec<Expr>,
    /// Outer joins to be made afterwards, in this order.
    pub outer: Vec<(Plan, Vec<Expr>)>,
}

pub fn take_apart(mut plan: Plan) -> Parts {
    let mut last = Vec::new();
    loop {
        match plan {
            Plan::Join(join) if is_free_left(&join) => {
                let join = *join;
                last.push((join.right, join.on));
                plan = join.left;
            }
            other => {
                plan = other;
                break;
            }
        }
    }
    let may_delay = outer_may_wait(&plan);
    let mut parts = Parts::default();
    flatten(plan, may_delay, &mut parts);
    parts.outer.extend(last.into_iter().rev());
    parts
}

/// Whether no inner join reads what an outer one below it makes up.
fn outer_may_wait(plan: &Plan) -> bool {
    fn gather(plan: &Plan, made_up: &mut Columns, read: &mut Columns) {
        match plan {
            Plan::Join(join) if is_free_inner(join) => {
                read.extend(join.on.iter().flat_map(walk::reads));
                gather(&join.left, made_up, read);
                gather(&join.right, made_up, read);
            }
            Plan::Join(join) if is_free_left(join) => {
                made_up.extend(join.right.columns());
                gather(&join.left, made_up, read);
            }
            _ => {}
        }
    }
    let (mut made_up, mut read) = (Columns::new(), Columns::new());
    gather(plan, &mut made_up, &mut read);
    made_up.is_disjoint(&read)
}

fn is_free_inner(join: &Join) -> bool {
    join.kind == JoinKind::Inner && !join.on.iter().any(walk::is_volatile)
}

fn is_free_left(join: &Join) -> bool {
    join.kind == JoinKind::Left && !join.on.iter().any(walk::is_volatile)
}

fn flatten(plan: Plan, may_delay: bool, parts: &mut Parts) {
    match plan {
        Plan::Join(join) if is_free_inner(&join) => {
            let join = *join;
            parts.conditions.extend(join.on);
            flatten(join.left, may_delay, parts);
            flatten(join.right, may_delay, parts);
        }
        Plan::Join(join) if may_delay && is_free_left(&join) => {
            let join = *join;
            flatten(join.left, may_delay, parts);
            parts.outer.push((join.right, join.on));
        }
        other => parts.relations.push(other),
    }
}

/// Joins the relations. With `order`, so that the rows come in that order, if a relation can give it; `limit` of the rows
/// are wanted then.
pub fn arrange(
    parts: Parts,
    order: Option<(&[SortKey], Option<f64>)>,
    physical: &Physical<'_>,
) -> Result<Option<(Plan, f64)>> {
    let Parts { relations, conditions, outer } = parts;
    let inner = if relations.len() > RELATIONS_MAX {
        if order.is_some() {
            return Ok(None);
        }
        as_written(relations, conditions, physical)?
    } else {
        let mut graph = Graph::new(relations, conditions, physical)?;
        let best = match order {
            None => Some(graph.cheapest()?),
            Some((keys, limit)) => graph.ordered(keys, limit)?,
        };
        let Some(Best { tree, cost, .. }) = best else { return Ok(None) };
        (graph.build(&tree)?, cost)
    };
    let (mut plan, mut total) = inner;
    for (right, on) in outer {
        let before = cost::of(&plan, &physical.estimator);
        plan = physical.outer_join(JoinKind::Left, plan, right, on, order.is_some())?;
        total += cost::of(&plan, &physical.estimator) - before;
    }
    Ok(Some((plan, total)))
}

fn as_written(relations: Vec<Plan>, mut conditions: Vec<Expr>, physical: &Physical<'_>) -> Result<(Plan, f64)> {
    let mut left: Vec<(Plan, Columns)> = Vec::with_capacity(relations.len());
    for relation in relations {
        let relation = physical.plan(relation)?;
        let columns = walk::columns_of(&relation);
        left.push((relation, columns));
    }
    let links: Vec<Columns> = conditions.iter().map(walk::reads).collect();
    let mut made: Option<(Plan, Columns)> = None;
    while !left.is_empty() {
        let Some((plan, mut columns)) = made else {
            made = Some(left.remove(0));
            continue;
        };
        let leads_to = |(_, own): &(Plan, Columns)| {
            let joins = |reads: &Columns| {
                let both = |id: &ColumnId| columns.contains(id) || own.contains(id);
                !reads.is_disjoint(own) && !reads.is_disjoint(&columns) && reads.iter().all(both)
            };
            links.iter().any(joins)
        };
        let next = left.iter().position(leads_to).unwrap_or(0);
        let (relation, own) = left.remove(next);
        columns.extend(own);
        let later = |condition: &Expr| !known(condition, &columns, &plan, &relation);
        let (rest, on): (Vec<Expr>, Vec<Expr>) = conditions.into_iter().partition(later);
        conditions = rest;
        made = Some((hash_or_loop(JoinKind::Inner, plan, relation, on), columns));
    }
    let (mut plan, _) = made.unwrap_or((Plan::one_row(), Columns::new()));
    if !conditions.is_empty() {
        plan = Plan::Filter(Box::new(Filter { input: plan, predicate: Expr::all(conditions) }));
    }
    let total = cost::of(&plan, &physical.estimator);
    Ok((plan, total))
}

/// Whether all columns that the condition reads are known, or come from further out than any relation.
fn known(condition: &Expr, columns: &Columns, left: &Plan, right: &Plan) -> bool {
    let outside = |id: &ColumnId| !columns.contains(id);
    let unknown: Columns = walk::reads(condition).into_iter().filter(outside).collect();
    let mut outer = left.outer_columns();
    outer.extend(right.outer_columns());
    unknown.is_subset(&outer)
}

/// A join by hashing if the conditions have keys.
pub fn hash_or_loop(kind: JoinKind, left: Plan, right: Plan, on: Vec<Expr>) -> Plan {
    let (in_left, in_right) = (walk::columns_of(&left), walk::columns_of(&right));
    let (mut keys, mut rest) = (Vec::new(), Vec::new());
    for condition in &on {
        match predicate::hash_key(condition, &in_left, &in_right) {
            Some((a, b)) if !condition.has_subquery() => keys.push((a.clone(), b.clone())),
            _ => rest.push(condition.clone()),
        }
    }
    let strategy = if keys.is_empty() { JoinStrategy::NestedLoop } else { JoinStrategy::Hash { keys, rest } };
    Plan::Join(Box::new(Join { kind, left, right, on, strategy }))
}

impl<'g, 'a> Graph<'g, 'a> {
    fn new(relations: Vec<Plan>, conditions: Vec<Expr>, physical: &'g Physical<'a>) -> Result<Graph<'g, 'a>> {
        let estimator = &physical.estimator;
        let mut made = Vec::with_capacity(relations.len());
        for logical in relations {
            let plan = physical.plan(logical.clone())?;
            let columns = walk::columns_of(&plan).union(&walk::columns_of(&logical)).copied().collect();
            let (rows, cost) = (estimator.rows(&plan), cost::of(&plan, estimator));
            made.push(Relation { logical, plan, columns, rows, cost });
        }
        let (mut with_subqueries, conditions): (Vec<Expr>, Vec<Expr>) =
            conditions.into_iter().partition(Expr::has_subquery);
        with_subqueries.iter_mut().try_for_each(|expr| physical.subqueries_of(expr))?;
        let mut graph = Graph {
            physical,
            relations: made,
            conditions: Vec::new(),
            with_subqueries,
            classes: Vec::new(),
            lookups: RefCell::default(),
        };
        let own: Columns = graph.relations.iter().flat_map(|relation| relation.columns.iter().copied()).collect();
        let classes = Classes::of(&conditions, &own);
        for class in classes.iter() {
            let members = class.members.keys().map(|id| {
                let rows = graph.relation_of(*id).map_or(1.0, |relation| graph.relations[relation].rows);
                let distinct = estimator.column_distinct(*id).unwrap_or(rows).min(rows).max(1.0);
                (graph.set_of(&Columns::from([*id])), distinct)
            });
            let members = members.collect();
            graph.classes.push(members);
        }
        let class_of = |expr: &Expr| {
            let (a, b) = predicate::equality(expr)?;
            let (a, b) = (walk::unlabelled(a).as_column()?, walk::unlabelled(b).as_column()?);
            classes.iter().position(|class| class.members.contains_key(&a) && class.members.contains_key(&b))
        };
        for expr in conditions {
            let (reads, share) = (graph.set_of(&walk::reads(&expr)), estimator.selectivity(&expr));
            let class = class_of(&expr);
            graph.conditions.push(Condition { expr, reads, share, class, implied: false });
        }
        // Columns that are equal by way of a third.
        for (number, class) in classes.iter().enumerate() {
            let members: Vec<(&ColumnId, &Expr)> = class.members.iter().collect();
            for (place, (a, left)) in members.iter().enumerate() {
                for (b, right) in &members[place + 1..] {
                    let reads = graph.set_of(&Columns::from([**a, **b]));
                    let direct =
                        graph.conditions.iter().any(|known| known.class == Some(number) && known.reads == reads);
                    if reads.count_ones() == 2
                        && !direct
                        && let Some(expr) = predicate::equal((*left).clone(), (*right).clone())
                    {
                        graph.conditions.push(Condition {
                            expr,
                            reads,
                            share: 1.0,
                            class: Some(number),
                            implied: true,
                        });
                    }
                }
            }
        }
        Ok(graph)
    }

    fn relation_of(&self, id: ColumnId) -> Option<usize> {
        self.relations.iter().position(|relation| relation.columns.contains(&id))
    }

    fn set_of(&self, columns: &Columns) -> Set {
        columns.iter().filter_map(|id| self.relation_of(*id)).fold(0, |set, relation| set | 1 << relation)
    }

    /// Rows of the relations joined, in whichever order.
    fn rows(&self, set: Set) -> f64 {
        let within = |reads: Set| reads & !set == 0;
        let mut rows: f64 = members(set).map(|at| self.relations[at].rows).product();
        for condition in &self.conditions {
            if condition.class.is_none() && within(condition.reads) && condition.reads.count_ones() != 1 {
                rows *= condition.share;
            }
        }
        for class in &self.classes {
            let mut distinct: Vec<f64> = class.iter().filter(|(of, _)| *of & set != 0).map(|(_, n)| *n).collect();
            distinct.sort_by(f64::total_cmp);
            rows /= distinct.iter().skip(1).product::<f64>();
        }
        rows.max(1.0)
    }

    /// The conditions that are to be checked where these two sets are joined.
    fn between(&self, left: Set, right: Set) -> Vec<usize> {
        let both = left | right;
        let meets = |condition: &Condition| {
            condition.reads & !both == 0 && condition.reads & !left != 0 && condition.reads & !right != 0
        };
        let plain = |at: &usize| meets(&self.conditions[*at]) && !self.conditions[*at].implied;
        let mut found: Vec<usize> = (0..self.conditions.len()).filter(plain).collect();
        for (at, condition) in self.conditions.iter().enumerate() {
            let covered = |known: &usize| self.conditions[*known].class == condition.class;
            if condition.implied && meets(condition) && !found.iter().any(covered) {
                found.push(at);
            }
        }
        found
    }

    fn expressions(&self, conditions: &[usize]) -> Vec<Expr> {
        conditions.iter().map(|at| self.conditions[*at].expr.clone()).collect()
    }

    /// The relation with these conditions inside.
    fn lookup(&self, relation: usize, conditions: &[usize]) -> Result<Option<Lookup>> {
        let key = (relation, conditions.to_vec());
        if let Some(known) = self.lookups.borrow().get(&key) {
            return Ok(known.clone());
        }
        let found = self.physical.lookup(&self.relations[relation].logical, self.expressions(conditions))?;
        let found = found.map(|(plan, cost)| Lookup { plan, cost });
        self.lookups.borrow_mut().insert(key, found.clone());
        Ok(found)
    }

    /// The cheapest way to join the two, the left one as it is. `share` of the left rows are wanted.
    fn join(&self, left: (&Best, Set), right: (&Best, Set), share: f64) -> Result<Best> {
        let Price { method, rows, cost } = self.price(left, right, share)?;
        let tree = Tree::Join {
            left: Box::new(left.0.tree.clone()),
            right: Box::new(right.0.tree.clone()),
            sets: (left.1, right.1),
            method,
        };
        Ok(Best { tree, rows, cost })
    }

    fn price(&self, left: (&Best, Set), right: (&Best, Set), share: f64) -> Result<Price> {
        let (rows, conditions) = (self.rows(left.1 | right.1), self.between(left.1, right.1));
        let (a, b) = (left.0, right.0);
        let exprs = self.expressions(&conditions);
        let (in_left, in_right) = (self.columns(left.1), self.columns(right.1));
        let hashes = exprs.iter().any(|expr| predicate::hash_key(expr, &in_left, &in_right).is_some());
        let mut method = Method::Loop;
        let mut cost = a.cost + b.cost + share * cost::nested_loop(a.rows, b.rows, rows);
        if hashes {
            let by_hash = a.cost + b.cost + cost::hash_join(a.rows * share, b.rows, rows * share);
            if by_hash < cost {
                (method, cost) = (Method::Hash, by_hash);
            }
        }
        if let (Tree::Relation(relation), false) = (&b.tree, conditions.is_empty())
            && let Some(lookup) = self.lookup(*relation, &conditions)?
        {
            let by_lookup = a.cost + share * a.rows * lookup.cost;
            if by_lookup < cost {
                (method, cost) = (Method::Lookup, by_lookup);
            }
        }
        Ok(Price { method, rows, cost })
    }

    fn columns(&self, set: Set) -> Columns {
        members(set).flat_map(|at| self.relations[at].columns.iter().copied()).collect()
    }

    fn single(&self, at: usize) -> Best {
        Best { tree: Tree::Relation(at), rows: self.relations[at].rows, cost: self.relations[at].cost }
    }

    fn is_connected(&self, left: Set, right: Set) -> bool {
        let both = left | right;
        self.conditions.iter().any(|of| of.reads & !both == 0 && of.reads & left != 0 && of.reads & right != 0)
    }

    /// Sets of relations between which there is no condition.
    fn components(&self) -> Vec<Set> {
        let mut found: Vec<Set> = (0..self.relations.len()).map(|at| 1 << at).collect();
        for condition in &self.conditions {
            let (touched, rest): (Vec<Set>, Vec<Set>) = found.into_iter().partition(|set| set & condition.reads != 0);
            found = rest;
            found.extend(touched.into_iter().reduce(|a, b| a | b));
        }
        found.sort_unstable();
        found
    }

    fn cheapest(&self) -> Result<Best> {
        let mut parts = Vec::new();
        for component in self.components() {
            let best = match component.count_ones() as usize <= EXHAUSTIVE {
                true => self.exhaustive(component)?,
                false => self.greedy(component)?,
            };
            parts.push((best, component));
        }
        parts.sort_by(|a, b| a.0.rows.total_cmp(&b.0.rows).then(a.1.cmp(&b.1)));
        // The larger side on the left is read once; the smaller ones are kept.
        let mut parts = parts.into_iter().rev();
        let Some((mut best, mut set)) = parts.next() else { return Ok(self.single(0)) };
        for (other, of) in parts {
            best = self.join((&best, set), (&other, of), 1.0)?;
            set |= of;
        }
        Ok(best)
    }

    fn exhaustive(&self, component: Set) -> Result<Best> {
        let mut known: BTreeMap<Set, Best> = BTreeMap::new();
        let numbers: Vec<usize> = members(component).collect();
        for small in 1_u32..1 << numbers.len() {
            let set = numbers
                .iter()
                .enumerate()
                .filter(|(bit, _)| small >> bit & 1 == 1)
                .fold(0 as Set, |s, (_, at)| s | 1 << at);
            if set.count_ones() == 1 {
                known.insert(set, self.single(set.trailing_zeros() as usize));
                continue;
            }
            let mut best: Option<Best> = None;
            let mut left = (set - 1) & set;
            while left != 0 {
                let right = set & !left;
                if let (Some(a), Some(b)) = (known.get(&left), known.get(&right))
                    && self.is_connected(left, right)
                {
                    let joined = self.join((a, left), (b, right), 1.0)?;
                    if best.as_ref().is_none_or(|best| joined.cost < best.cost) {
                        best = Some(joined);
                    }
                }
                left = (left - 1) & set;
            }
            if let Some(best) = best {
                known.insert(set, best);
            }
        }
        match known.remove(&component) {
            Some(best) => Ok(best),
            // A condition over three relations connects them only together.
            None => self.greedy(component),
        }
    }

    /// The pair that leaves the fewest rows is joined, until there is only one; pairs that a condition connects come first.
    fn greedy(&self, component: Set) -> Result<Best> {
        let mut parts: Vec<Option<(Best, Set)>> =
            members(component).map(|at| Some((self.single(at), 1 << at))).collect();
        // What it is to join two parts stays the same until one of them is joined.
        let mut prices: BTreeMap<(usize, usize), (bool, Price)> = BTreeMap::new();
        let price = |parts: &[Option<(Best, Set)>], a: usize, b: usize| -> Result<Option<(bool, Price)>> {
            let (Some((left, in_left)), Some((right, in_right))) = (&parts[a], &parts[b]) else { return Ok(None) };
            let apart = !self.is_connected(*in_left, *in_right);
            Ok(Some((apart, self.price((left, *in_left), (right, *in_right), 1.0)?)))
        };
        for new in 1..parts.len() {
            for other in 0..new {
                for (a, b) in [(other, new), (new, other)] {
                    prices.extend(price(&parts, a, b)?.map(|found| ((a, b), found)));
                }
            }
        }
        let order = |(x_apart, x): &(bool, Price), (y_apart, y): &(bool, Price)| {
            x_apart.cmp(y_apart).then(x.rows.total_cmp(&y.rows)).then(x.cost.total_cmp(&y.cost))
        };
        while let Some((&(a, b), _)) = prices.iter().min_by(|x, y| order(x.1, y.1)) {
            let (Some(left), Some(right)) = (parts[a].take(), parts[b].take()) else { break };
            let joined = self.join((&left.0, left.1), (&right.0, right.1), 1.0)?;
            prices.retain(|(x, y), _| ![*x, *y].iter().any(|part| *part == a || *part == b));
            let new = parts.len();
            parts.push(Some((joined, left.1 | right.1)));
            for other in 0..new {
                for (a, b) in [(other, new), (new, other)] {
                    prices.extend(price(&parts, a, b)?.map(|found| ((a, b), found)));
                }
            }
        }
        Ok(parts.pop().flatten().map_or_else(|| self.single(0), |(best, _)| best))
    }

    /// One relation after the other, beginning with the one that has the order, so that it stays.
    fn ordered(&mut self, keys: &[SortKey], limit: Option<f64>) -> Result<Option<Best>> {
        let reads: Columns = keys.iter().flat_map(|key| walk::reads(&key.value)).collect();
        let set = self.set_of(&reads);
        if set.count_ones() != 1 {
            return Ok(None);
        }
        let lead = set.trailing_zeros() as usize;
        let all: Set = (0..self.relations.len()).fold(0, |set, at| set | 1 << at);
        let share = limit.map_or(1.0, |limit| (limit / self.rows(all)).min(1.0));
        let wanted = limit.map(|_| (self.relations[lead].rows * share).max(1.0));
        let found = self.physical.ordered(self.relations[lead].logical.clone(), keys, wanted)?;
        let Some((plan, first_cost)) = found else { return Ok(None) };
        self.relations[lead].plan = plan;
        let mut best = Best { tree: Tree::Relation(lead), rows: self.relations[lead].rows, cost: first_cost };
        let mut done = set;
        while done != all {
            let mut next: Option<(bool, Best, usize)> = None;
            for at in members(all & !done) {
                let apart = !self.is_connected(done, 1 << at);
                let joined = self.join((&best, done), (&self.single(at), 1 << at), share)?;
                let better = next.as_ref().is_none_or(|(known_apart, known, _)| {
                    (*known_apart && !apart) || (*known_apart == apart && joined.cost < known.cost)
                });
                if better {
                    next = Some((apart, joined, at));
                }
            }
            let Some((_, joined, at)) = next else { break };
            best = joined;
            done |= 1 << at;
        }
        Ok(Some(best))
    }

    // ----------------------------------------------------------------------------------------------------------- plans

    fn build(mut self, tree: &Tree) -> Result<Plan> {
        let plan = self.build_tree(tree)?;
        // Conditions of less than two relations were pushed down before; should there be any, they go on top, as do those
        // that run plans.
        let late = |condition: &Condition| condition.reads.count_ones() < 2 && !condition.implied;
        let late = self.conditions.iter().filter(|condition| late(condition)).map(|condition| condition.expr.clone());
        let late: Vec<Expr> = late.chain(std::mem::take(&mut self.with_subqueries)).collect();
        Ok(match late.is_empty() {
            true => plan,
            false => Plan::Filter(Box::new(Filter { input: plan, predicate: Expr::all(late) })),
        })
    }

    fn build_tree(&mut self, tree: &Tree) -> Result<Plan> {
        let (left, right, sets, method) = match tree {
            Tree::Relation(at) => return Ok(walk::take(&mut self.relations[*at].plan)),
            Tree::Join { left, right, sets, method } => (left, right, sets, method),
        };
        let conditions = self.between(sets.0, sets.1);
        let left = self.build_tree(left)?;
        if let (Method::Lookup, Tree::Relation(at)) = (method, &**right)
            && let Some(lookup) = self.lookup(*at, &conditions)?
        {
            let apply = Apply { kind: JoinKind::Inner, left, right: lookup.plan, on: Vec::new() };
            return Ok(Plan::Apply(Box::new(apply)));
        }
        let right = self.build_tree(right)?;
        let on = self.expressions(&conditions);
        if *method == Method::Hash {
            return Ok(hash_or_loop(JoinKind::Inner, left, right, on));
        }
        Ok(Plan::Join(Box::new(Join { kind: JoinKind::Inner, left, right, on, strategy: JoinStrategy::NestedLoop })))
    }
}

fn members(set: Set) -> impl Iterator<Item = usize> {
    (0..Set::BITS as usize).filter(move |at| set >> at & 1 == 1)
}

/// The plan with the conditions inside, as far as they go.
pub fn with_conditions(plan: Plan, conditions: Vec<Expr>, physical: &Physical<'_>) -> Result<Plan> {
    pushdown::push(plan, conditions, physical.context)
}
