//! What is certain of a plan's rows: columns that are never NULL, sets of columns that no two rows share.

use std::collections::BTreeMap;

use atoll_datum::Datum;

use super::predicate;
use super::walk::{self, Columns};
use crate::catalog::{ColumnOrdinal, IndexState, Table};
use crate::plan::{Access, ColumnId, Expr, ExprKind, Join, JoinKind, Plan, Scan};

/// Columns that no two rows share values of. An empty set: there is one row at most.
#[derive(Clone, PartialEq, Debug)]
pub struct Key {
    pub columns: Columns,
    /// Rows with a NULL among them may come more than once.
    pub nulls_repeat: bool,
}

/// More are not worth the search.
const KEYS_MAX: usize = 8;

pub fn not_null(plan: &Plan) -> Columns {
    match plan {
        Plan::Scan(scan) => {
            let primary = scan.table.indexes.first().map(|index| &index.keys[..]).unwrap_or_default();
            let is_primary = |ordinal: ColumnOrdinal| primary.iter().any(|key| key.column == ordinal.0);
            let mandatory = |ordinal: ColumnOrdinal| {
                is_primary(ordinal) || scan.table.column(ordinal).is_some_and(|column| column.not_null)
            };
            let columns = scan.columns.iter().filter(|(_, ordinal)| mandatory(*ordinal)).map(|(id, _)| *id);
            let mut found: Columns = columns.chain(scan.key).collect();
            if let Some(filter) = &scan.filter {
                found.extend(predicate::not_null_where(filter, &walk::columns_of(plan)));
            }
            found
        }
        Plan::Filter(filter) => {
            let mut found = not_null(&filter.input);
            found.extend(predicate::not_null_where(&filter.predicate, &walk::columns_of(&filter.input)));
            found
        }
        Plan::Project(project) => {
            let below = not_null(&project.input);
            let columns = project.columns.iter().filter(|(_, expr)| is_not_null(expr, &below));
            columns.map(|(id, _)| *id).collect()
        }
        Plan::Values(values) => {
            let nowhere = Columns::new();
            let known = |place: usize| {
                values.rows.iter().all(|row| row.get(place).is_some_and(|value| is_not_null(value, &nowhere)))
            };
            let columns = values.columns.iter().enumerate().filter(|(place, _)| known(*place));
            columns.map(|(_, (id, _))| *id).collect()
        }
        Plan::Join(join) => joined_not_null(join.kind, &join.left, &join.right, &join.on),
        Plan::Apply(apply) => joined_not_null(apply.kind, &apply.left, &apply.right, &apply.on),
        Plan::Aggregate(aggregate) => {
            let below = not_null(&aggregate.input);
            let everywhere = |place: usize| aggregate.sets.iter().all(|set| set.contains(&place));
            let keys = aggregate.keys.iter().enumerate();
            let keys = keys.filter(|(place, (_, key))| everywhere(*place) && is_not_null(key, &below));
            let counts = aggregate.calls.iter().filter(|(_, call)| call.function.row.name == "count");
            let groupings = aggregate.groupings.iter().map(|(id, _)| *id);
            keys.map(|(_, (id, _))| *id).chain(counts.map(|(id, _)| *id)).chain(groupings).collect()
        }
        Plan::Window(window) => not_null(&window.input),
        Plan::Sort(sort) => not_null(&sort.input),
        Plan::Limit(limit) => not_null(&limit.input),
        Plan::Distinct(distinct) => not_null(&distinct.input),
        Plan::With(with) => not_null(&with.body),
        Plan::SetOperation(operation) => {
            let (left, right) = (not_null(&operation.left), not_null(&operation.right));
            let sides = operation.left.columns().into_iter().zip(operation.right.columns());
            let known = sides.zip(&operation.columns).filter(|((a, b), _)| left.contains(a) && right.contains(b));
            known.map(|(_, (id, _))| *id).collect()
        }
        _ => Columns::new(),
    }
}

fn joined_not_null(kind: JoinKind, left: &Plan, right: &Plan, on: &[Expr]) -> Columns {
    let mut found = Columns::new();
    let matched = |plan: &Plan| {
        let own = walk::columns_of(plan);
        on.iter().flat_map(|expr| predicate::not_null_where(expr, &own)).collect::<Columns>()
    };
    match kind {
        JoinKind::Inner => {
            found.extend(matched(left));
            found.extend(matched(right));
            found.extend(not_null(left));
            found.extend(not_null(right));
        }
        JoinKind::Semi => {
            found.extend(matched(left));
            found.extend(not_null(left));
        }
        JoinKind::Left | JoinKind::Anti => found.extend(not_null(left)),
        JoinKind::Right => found.extend(not_null(right)),
        JoinKind::Full => {}
    }
    found
}

/// Whether the expression is never NULL in rows in which these columns are not.
pub fn is_not_null(expr: &Expr, known: &Columns) -> bool {
    match &expr.kind {
        ExprKind::Literal(value) => !value.is_null(),
        ExprKind::Column(id) => known.contains(id),
        ExprKind::Relabel(operand) => is_not_null(operand, known),
        ExprKind::Coalesce(parts) => parts.iter().any(|part| is_not_null(part, known)),
        ExprKind::Is { .. } | ExprKind::IsDistinctFrom { .. } | ExprKind::Array { .. } | ExprKind::Row(_) => true,
        ExprKind::And(parts) | ExprKind::Or(parts) => parts.iter().all(|part| is_not_null(part, known)),
        ExprKind::Not(operand) => is_not_null(operand, known),
        // Comparisons of values are never NULL; other strict functions may be.
        ExprKind::Call(call) => {
            predicate::comparator(&call.function).is_some() && call.arguments.iter().all(|a| is_not_null(a, known))
        }
        _ => false,
    }
}

/// Columns that have one value in all rows, or come from further out: `column = constant`.
fn fixed(filter: &Expr, own: &Columns) -> Columns {
    let parts = match &filter.kind {
        ExprKind::And(parts) => &parts[..],
        _ => std::slice::from_ref(filter),
    };
    let mut found = Columns::new();
    for (a, b) in parts.iter().filter_map(predicate::equality) {
        for (column, value) in [(a, b), (b, a)] {
            if let Some(id) = walk::unlabelled(column).as_column()
                && own.contains(&id)
                && !walk::touches(value, own)
                && !walk::is_volatile(value)
            {
                found.insert(id);
            }
        }
    }
    found
}

fn without(keys: Vec<Key>, fixed: &Columns) -> Vec<Key> {
    let less = |key: Key| Key { columns: key.columns.difference(fixed).copied().collect(), ..key };
    tidy(keys.into_iter().map(less).collect())
}

fn tidy(mut keys: Vec<Key>) -> Vec<Key> {
    keys.sort_by_key(|key| (key.columns.len(), key.nulls_repeat));
    let mut kept: Vec<Key> = Vec::new();
    for key in keys {
        let covered = |other: &Key| other.columns.is_subset(&key.columns) && (!other.nulls_repeat || key.nulls_repeat);
        if kept.len() < KEYS_MAX && !kept.iter().any(covered) {
            kept.push(key);
        }
    }
    kept
}

/// The unique keys of a table as far as its scanned columns show them.
fn scan_keys(scan: &Scan) -> Vec<Key> {
    if matches!(scan.access, Access::Empty) {
        return vec![Key { columns: Columns::new(), nulls_repeat: false }];
    }
    let id_of = |ordinal: u32| scan.columns.iter().find(|(_, known)| known.0 == ordinal).map(|(id, _)| *id);
    let mut keys = Vec::new();
    for (place, index) in scan.table.indexes.iter().enumerate() {
        let primary = place == 0;
        let usable = index.state == IndexState::Public as i32 && index.predicate.is_none() && !index.deferrable;
        if !(primary || (index.unique && usable)) {
            continue;
        }
        let columns: Option<Columns> = index.keys.iter().map(|key| id_of(key.column)).collect();
        let mandatory = |ordinal: u32| is_mandatory(&scan.table, ordinal);
        let nulls_repeat = !primary && !index.nulls_not_distinct && !index.keys.iter().all(|key| mandatory(key.column));
        keys.extend(columns.map(|columns| Key { columns, nulls_repeat }));
    }
    keys.extend(scan.key.map(|key| Key { columns: Columns::from([key]), nulls_repeat: false }));
    keys
}

fn is_mandatory(table: &Table, ordinal: u32) -> bool {
    table.column(ColumnOrdinal(ordinal)).is_some_and(|column| column.not_null)
}

pub fn unique_keys(plan: &Plan) -> Vec<Key> {
    let one_row = || vec![Key { columns: Columns::new(), nulls_repeat: false }];
    match plan {
        Plan::Values(values) if values.rows.len() <= 1 => one_row(),
        Plan::Scan(scan) => {
            let own = walk::columns_of(plan);
            let fixed = scan.filter.as_ref().map(|filter| fixed(filter, &own)).unwrap_or_default();
            without(scan_keys(scan), &fixed)
        }
        Plan::Filter(filter) => {
            let fixed = fixed(&filter.predicate, &walk::columns_of(&filter.input));
            without(unique_keys(&filter.input), &fixed)
        }
        Plan::Project(project) => {
            let mut passed: BTreeMap<ColumnId, ColumnId> = BTreeMap::new();
            for (id, expr) in &project.columns {
                if let Some(from) = walk::unlabelled(expr).as_column() {
                    passed.entry(from).or_insert(*id);
                }
            }
            let renamed = |key: Key| {
                let columns: Option<Columns> = key.columns.iter().map(|id| passed.get(id).copied()).collect();
                columns.map(|columns| Key { columns, ..key })
            };
            unique_keys(&project.input).into_iter().filter_map(renamed).collect()
        }
        Plan::Aggregate(aggregate) => match &aggregate.sets[..] {
            [set] => {
                let columns = set.iter().map(|place| aggregate.keys[*place].0).collect();
                vec![Key { columns, nulls_repeat: false }]
            }
            _ => Vec::new(),
        },
        Plan::Distinct(distinct) => {
            let mut keys = unique_keys(&distinct.input);
            let columns: Option<Columns> = match &distinct.on {
                None => Some(walk::columns_of(plan)),
                Some(on) => on.iter().map(Expr::as_column).collect(),
            };
            keys.extend(columns.map(|columns| Key { columns, nulls_repeat: false }));
            tidy(keys)
        }
        Plan::Limit(limit) => match limit.count.as_ref().and_then(Expr::as_literal) {
            Some(Datum::Int8(0 | 1)) if limit.ties.is_none() => one_row(),
            _ => unique_keys(&limit.input),
        },
        Plan::Sort(sort) => unique_keys(&sort.input),
        Plan::Window(window) => unique_keys(&window.input),
        Plan::With(with) => unique_keys(&with.body),
        Plan::Join(join) => joined_keys(join),
        Plan::Apply(apply) => match apply.kind {
            JoinKind::Semi | JoinKind::Anti => unique_keys(&apply.left),
            _ if is_single(&apply.right) => unique_keys(&apply.left),
            _ => Vec::new(),
        },
        Plan::SetOperation(operation) if !operation.all => {
            vec![Key { columns: operation.columns.iter().map(|(id, _)| *id).collect(), nulls_repeat: false }]
        }
        _ => Vec::new(),
    }
}

/// Whether there is one row at most.
pub fn is_single(plan: &Plan) -> bool {
    unique_keys(plan).iter().any(|key| key.columns.is_empty())
}

fn joined_keys(join: &Join) -> Vec<Key> {
    if matches!(join.kind, JoinKind::Semi | JoinKind::Anti) {
        return unique_keys(&join.left);
    }
    let (left, right) = (unique_keys(&join.left), unique_keys(&join.right));
    let right_single = matches_once(&join.left, &join.right, &join.on);
    let left_single = matches_once(&join.right, &join.left, &join.on);
    // The other side's columns may be NULL in rows of an outer join, in no more than one way.
    let mut keys = Vec::new();
    if right_single && matches!(join.kind, JoinKind::Inner | JoinKind::Left) {
        keys.extend(left.clone());
    }
    if left_single && matches!(join.kind, JoinKind::Inner | JoinKind::Right) {
        keys.extend(right.clone());
    }
    if join.kind == JoinKind::Inner {
        for (a, b) in left.iter().flat_map(|a| right.iter().map(move |b| (a, b))) {
            let columns = a.columns.union(&b.columns).copied().collect();
            keys.push(Key { columns, nulls_repeat: a.nulls_repeat || b.nulls_repeat });
        }
    }
    tidy(keys)
}

/// Whether a row of `left` meets at most one of `right`.
pub fn matches_once(left: &Plan, right: &Plan, on: &[Expr]) -> bool {
    let (left, own) = (walk::columns_of(left), walk::columns_of(right));
    let mut bound = Columns::new();
    for (a, b) in on.iter().filter_map(predicate::equality) {
        for (column, value) in [(a, b), (b, a)] {
            if let Some(id) = walk::unlabelled(column).as_column()
                && own.contains(&id)
                && !walk::touches(value, &own)
                && (walk::touches(value, &left) || !walk::is_volatile(value))
            {
                bound.insert(id);
            }
        }
    }
    unique_keys(right).iter().any(|key| key.columns.is_subset(&bound))
}
