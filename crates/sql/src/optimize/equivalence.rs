//! What follows from equalities: of `a = b` and `b = 5`, `a = 5`.
//!
//! Only columns of one type by its default equality, so that "equal" is transitive.

use std::collections::BTreeMap;

use super::predicate;
use super::walk::{self, Columns};
use crate::plan::{ColumnId, Expr};

/// Sets of columns that are equal in all rows, with constants that they equal.
#[derive(Default, Debug)]
pub struct Classes {
    classes: Vec<Class>,
}

#[derive(Default, Debug)]
pub struct Class {
    /// With the expression by which conditions read them.
    pub members: BTreeMap<ColumnId, Expr>,
    pub constant: Option<Expr>,
}

/// A column, or one under another name of its type.
fn member(expr: &Expr) -> Option<ColumnId> {
    walk::unlabelled(expr).as_column()
}

/// Whether the expression has one value for all rows with columns of their own.
fn is_constant(expr: &Expr, own: &Columns) -> bool {
    walk::can_copy(expr) && !walk::touches(expr, own)
}

impl Classes {
    /// Of conditions over rows with these columns.
    pub fn of(conditions: &[Expr], own: &Columns) -> Classes {
        let mut classes = Classes::default();
        for (a, b) in conditions.iter().filter_map(predicate::equality) {
            if a.ty.oid != b.ty.oid {
                continue;
            }
            match (member(a).filter(|id| own.contains(id)), member(b).filter(|id| own.contains(id))) {
                (Some(x), Some(y)) if x != y => classes.join((x, a), (y, b)),
                (Some(x), None) if is_constant(b, own) => classes.fix((x, a), b),
                (None, Some(y)) if is_constant(a, own) => classes.fix((y, b), a),
                _ => {}
            }
        }
        classes
    }

    pub fn iter(&self) -> impl Iterator<Item = &Class> {
        self.classes.iter()
    }

    pub fn of_column(&self, id: ColumnId) -> Option<&Class> {
        self.classes.iter().find(|class| class.members.contains_key(&id))
    }

    fn place(&mut self, (id, expr): (ColumnId, &Expr)) -> usize {
        let found = self.classes.iter().position(|class| class.members.contains_key(&id));
        found.unwrap_or_else(|| {
            let members = BTreeMap::from([(id, expr.clone())]);
            self.classes.push(Class { members, constant: None });
            self.classes.len() - 1
        })
    }

    fn join(&mut self, a: (ColumnId, &Expr), b: (ColumnId, &Expr)) {
        let (a, b) = (self.place(a), self.place(b));
        if a != b {
            let (keep, gone) = (a.min(b), a.max(b));
            let other = self.classes.remove(gone);
            let class = &mut self.classes[keep];
            class.members.extend(other.members);
            class.constant = class.constant.take().or(other.constant);
        }
    }

    fn fix(&mut self, column: (ColumnId, &Expr), constant: &Expr) {
        let place = self.place(column);
        self.classes[place].constant.get_or_insert_with(|| constant.clone());
    }
}

/// Of the conditions of inner joins over rows with these columns: says of every column that equals a constant, which one. Equalities between such
/// columns say nothing more then, and go.
pub fn complete(conditions: &mut Vec<Expr>, own: &Columns) {
    let classes = Classes::of(conditions, own);
    let mut added = Vec::new();
    for class in classes.iter() {
        let Some(constant) = &class.constant else { continue };
        for (id, expr) in &class.members {
            let known = conditions.iter().filter_map(predicate::equality).any(|(a, b)| {
                let is_it = |column: &Expr, value: &Expr| member(column) == Some(*id) && walk::same(value, constant);
                is_it(a, b) || is_it(b, a)
            });
            if !known && let Some(equal) = predicate::equal(expr.clone(), constant.clone()) {
                added.push(equal);
            }
        }
    }
    if added.is_empty() && !classes.iter().any(|class| class.constant.is_some()) {
        return;
    }
    conditions.extend(added);
    let fixed = |id: ColumnId| {
        let class = classes.of_column(id)?;
        let constant = class.constant.as_ref()?;
        let holds = conditions.iter().filter_map(predicate::equality).any(|(a, b)| {
            let is_it = |column: &Expr, value: &Expr| member(column) == Some(id) && walk::same(value, constant);
            is_it(a, b) || is_it(b, a)
        });
        holds.then_some(constant)
    };
    let redundant: Vec<bool> = conditions
        .iter()
        .map(|condition| match predicate::equality(condition) {
            Some((a, b)) if a.ty.oid == b.ty.oid => match (member(a), member(b)) {
                (Some(x), Some(y)) if x != y => match (fixed(x), fixed(y)) {
                    (Some(p), Some(q)) => walk::same(p, q),
                    _ => false,
                },
                _ => false,
            },
            _ => false,
        })
        .collect();
    let mut redundant = redundant.into_iter();
    conditions.retain(|_| !redundant.next().unwrap_or(false));
}

/// Constants that columns of the right side have in every row that a left row can meet.
pub fn implied_for(known: &[Expr], on: &[Expr], left: &Columns, right: &Columns) -> Vec<Expr> {
    let known = Classes::of(known, left);
    let mut implied: Vec<Expr> = Vec::new();
    for (a, b) in on.iter().filter_map(predicate::equality) {
        for (x, y) in [(a, b), (b, a)] {
            let (Some(from), Some(to)) = (member(x), member(y)) else { continue };
            if x.ty.oid != y.ty.oid || !left.contains(&from) || !right.contains(&to) {
                continue;
            }
            let constant = known.of_column(from).and_then(|class| class.constant.as_ref());
            let equal = constant.and_then(|constant| predicate::equal(y.clone(), constant.clone()));
            implied.extend(equal);
        }
    }
    implied
}
