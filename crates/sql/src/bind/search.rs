//! SEARCH and CYCLE of WITH RECURSIVE: columns that tell where in the search a row was met (PostgreSQL's chapter 7.8.2).
//!
//! Both parts of the query are given them, as one would write it by hand:
//!
//! ```text
//!   CYCLE id SET mark USING path
//!
//!   SELECT ...     ,  false                                ,  ARRAY[ROW(id)]
//!   UNION
//!   SELECT new.... ,  ROW(new.id) = ANY (table.path)       ,  table.path || ROW(new.id)
//!                     FROM table ... WHERE NOT table.mark
//! ```
//!
//! The columns of the row before come out of the step's own SELECT, which is asked to carry them on ([`Carry`]); what
//! is made of them stands in a projection above. Who reads the table from within a query, the step among them, may name
//! the columns, but `*` has them only in the query that the WITH belongs to: PostgreSQL has it so.

use std::sync::Arc;

use atoll_datum::builtin::builtin;
use atoll_datum::{Datum, Error, Oid, Result, oid, sqlstate};
use atoll_syntax::ast::{self, At, Name, QueryBody};

use super::names::{ItemColumn, Origin};
use super::operator::builtin_symbol;
use super::order::pass;
use super::query::Output;
use super::row::Shape;
use super::target::Target;
use super::with::CommonColumn;
use super::{Binder, Bound, syntax_error};
use crate::plan::{Expr, ExprKind, Plan, Project};
use crate::types::Type;

/// What one common table keeps track of.
pub(super) struct Tracks {
    search: Option<Search>,
    cycle: Option<Cycle>,
}

struct Search {
    breadth_first: bool,
    name: Arc<str>,
    keys: Keys,
}

struct Cycle {
    mark: Arc<str>,
    path: Arc<str>,
    ty: Type,
    met: Expr,
    new: Expr,
    keys: Keys,
}

/// Columns of the table, by name and place.
struct Keys(Vec<(Arc<str>, usize)>);

/// What the step's SELECT has to hand on besides its own columns: all that the table keeps track of.
#[derive(Clone)]
pub(super) struct Carry {
    /// The table, for messages.
    table: String,
    /// Rows that were met before lead nowhere: which column says so, and with which value.
    mark: Option<(usize, Expr)>,
}

impl Binder<'_> {
    /// Looks at the clauses of a common table that has these columns. None if there are none.
    pub fn tracks(
        &mut self,
        table: &ast::CommonTable,
        operation: &ast::SetOperation,
        columns: &[CommonColumn],
    ) -> Result<Option<Tracks>> {
        if table.search.is_none() && table.cycle.is_none() {
            return Ok(None);
        }
        if matches!(operation.left.body, QueryBody::SetOperation(_)) {
            let message = "with a SEARCH or CYCLE clause, the left side of the UNION must be a SELECT";
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message));
        }
        if matches!(operation.right.body, QueryBody::SetOperation(_)) {
            let message = "with a SEARCH or CYCLE clause, the right side of the UNION must be a SELECT";
            return Err(Error::new(sqlstate::SYNTAX_ERROR, message));
        }
        let search = table.search.as_ref().map(|search| searched(search, columns)).transpose()?;
        let cycle = table.cycle.as_ref().map(|cycle| self.cycle(cycle, columns)).transpose()?;
        if let (Some(written), Some(search), Some(cycle)) = (&table.search, &search, &cycle) {
            let same = |what: &str| {
                let message = format!("search sequence column name and cycle {what} column name are the same");
                Err(syntax_error(message, written.at))
            };
            if search.name == cycle.mark {
                return same("mark");
            }
            if search.name == cycle.path {
                return same("path");
            }
        }
        Ok(Some(Tracks { search, cycle }))
    }

    fn cycle(&mut self, written: &ast::Cycle, columns: &[CommonColumn]) -> Result<Cycle> {
        let at = written.at;
        let keys = Keys::find(&written.columns, columns, "cycle", at)?;
        for (_, place) in &keys.0 {
            self.check_groupable(&Expr::null(columns[*place].ty))?;
        }
        let (met, new) = match &written.values {
            Some((met, new)) => (self.expr(met)?, self.expr(new)?),
            None => {
                let truth = |value: bool| Expr::literal(Datum::Bool(value), Type::BOOL);
                (truth(true), truth(false))
            }
        };
        let (mut values, ty) = self.unify(vec![met, new], "CYCLE")?;
        self.check_groupable(&Expr::null(ty))?;
        let (Some(new), Some(met)) = (values.pop(), values.pop()) else {
            return Err(Error::internal("CYCLE has two values"));
        };
        for (name, what) in [(&written.mark, "mark"), (&written.path, "path")] {
            refuse_used(name, columns, &format!("cycle {what}"), at)?;
        }
        if written.mark.text == written.path.text {
            return Err(syntax_error("cycle mark column name and cycle path column name are the same", at));
        }
        let (mark, path) = (written.mark.as_str().into(), written.path.as_str().into());
        Ok(Cycle { mark, path, ty, met, new, keys })
    }

    // ----------------------------------------------------------------------------------------------------- both parts

    /// The non-recursive part with the columns of a row that nothing led to.
    pub fn track_first(&mut self, tracks: &Tracks, bound: Bound) -> Bound {
        let row = |keys: &Keys| keys.row(&bound.output);
        let mut made: Vec<Expr> = Vec::new();
        if let Some(search) = &tracks.search {
            made.push(match search.breadth_first {
                true => search.with_depth(Expr::literal(Datum::Int8(0), Type::INT8), &bound.output),
                false => array_of(row(&search.keys)),
            });
        }
        if let Some(cycle) = &tracks.cycle {
            made.extend([cycle.new.clone(), array_of(row(&cycle.keys))]);
        }
        self.with_made(bound, made)
    }

    /// The step, of which the table's columns and behind them those that it carries on are the output.
    pub fn track_step(&mut self, tracks: &Tracks, mut bound: Bound) -> Result<Bound> {
        let carried = bound.output.split_off(bound.output.len() - tracks.hidden().len());
        let mut before = carried.iter().map(|column| Expr::column(column.id, column.ty));
        let mut next = || before.next().ok_or_else(|| Error::internal("a column of the search was not handed on"));
        let mut made: Vec<Expr> = Vec::new();
        if let Some(search) = &tracks.search {
            let before = next()?;
            made.push(match search.breadth_first {
                true => {
                    let depth = ExprKind::Field { record: Box::new(before), field: 0 };
                    let depth = self.pure_call("int8inc", vec![Expr::new(depth, Type::INT8)], Type::INT8)?;
                    search.with_depth(depth, &bound.output)
                }
                false => self.append(before, search.keys.row(&bound.output))?,
            });
        }
        if let Some(cycle) = &tracks.cycle {
            let (_, path) = (next()?, next()?);
            let row = cycle.keys.row(&bound.output);
            let equal = builtin().functions_named("record_eq").next();
            let operator = self.implementation(equal.ok_or_else(|| Error::internal("record_eq is not in pg_proc"))?)?;
            let left = Box::new(row.clone());
            let kind = ExprKind::Quantified { left, array: Box::new(path.clone()), operator, all: false };
            let met = Expr::new(kind, Type::BOOL);
            let branches = vec![(met, cycle.met.clone())];
            let otherwise = Some(Box::new(cycle.new.clone()));
            made.push(Expr::new(ExprKind::Case { branches, otherwise }, cycle.ty));
            made.push(self.append(path, row)?);
        }
        Ok(self.with_made(bound, made))
    }

    fn with_made(&mut self, bound: Bound, made: Vec<Expr>) -> Bound {
        let Bound { plan, mut output } = bound;
        let mut columns = pass(output.iter().map(|column| (column.id, column.ty)));
        for value in made {
            let id = self.new_column(Origin::Internal);
            if let Some(shape) = self.shape(&value).filter(|_| value.ty.oid == oid::RECORD) {
                self.shapes.insert(id, shape);
            }
            output.push(Output { name: String::new(), id, ty: value.ty, table: Oid::NONE, attribute: 0 });
            columns.push((id, value));
        }
        Bound { plan: Plan::Project(Box::new(Project { input: plan, columns })), output }
    }

    fn append(&mut self, rows: Expr, row: Expr) -> Result<Expr> {
        self.pure_call("array_cat", vec![rows, array_of(row)], oid::RECORDARRAY.into())
    }

    fn pure_call(&mut self, name: &str, arguments: Vec<Expr>, ty: Type) -> Result<Expr> {
        let missing = || Error::internal(format!("{name} is not in pg_proc"));
        let row = builtin().functions_named(name).next().ok_or_else(missing)?;
        self.call(row, arguments, ty, None)
    }

    // ------------------------------------------------------------------------------------------------- within the step

    /// What the step's SELECT must add to its columns and to its conditions; all of FROM has been bound.
    pub fn carried(&mut self, carry: &Carry, select: &ast::Select) -> Result<(Vec<Target>, Option<Expr>)> {
        let columns = self.block().carried.clone();
        if columns.is_empty() {
            let message = format!(
                "with a SEARCH or CYCLE clause, the recursive reference to WITH query \"{}\" must be at the top level \
                 of its right-hand SELECT",
                carry.table
            );
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message));
        }
        let refused = |what: &str| Error::unsupported(format!("{what} in a recursive query with SEARCH or CYCLE"));
        if select.distinct.is_some() {
            return Err(refused("DISTINCT"));
        }
        if !select.group_by.is_empty() || select.having.is_some() {
            return Err(refused("GROUP BY or HAVING"));
        }
        let column = |column: &ItemColumn| Expr::column(column.id, column.ty);
        let filter = match &carry.mark {
            None => None,
            Some((place, met)) if met.as_literal().is_some_and(Datum::is_true) => {
                Some(Expr::new(ExprKind::Not(Box::new(column(&columns[*place]))), Type::BOOL))
            }
            Some((place, met)) => {
                Some(self.apply_operator(&builtin_symbol("<>", At(0)), column(&columns[*place]), met.clone())?)
            }
        };
        let targets = columns.iter().map(|one| self.new_target(one.name.to_string(), column(one))).collect();
        Ok((targets, filter))
    }
}

impl Tracks {
    /// The columns that the clauses add.
    pub fn hidden(&self) -> Vec<CommonColumn> {
        let column = |name: &Arc<str>, ty: Type, shape: Option<Shape>| CommonColumn {
            name: name.clone(),
            ty,
            shape,
            table: Oid::NONE,
            attribute: 0,
        };
        let mut hidden = Vec::new();
        if let Some(search) = &self.search {
            hidden.push(match search.breadth_first {
                true => column(&search.name, Type::RECORD, None),
                false => column(&search.name, oid::RECORDARRAY.into(), None),
            });
        }
        if let Some(cycle) = &self.cycle {
            hidden.extend([column(&cycle.mark, cycle.ty, None), column(&cycle.path, oid::RECORDARRAY.into(), None)]);
        }
        hidden
    }

    pub fn carry(&self, table: &str) -> Carry {
        let mark = self.cycle.as_ref().map(|cycle| (usize::from(self.search.is_some()), cycle.met.clone()));
        Carry { table: table.to_owned(), mark }
    }
}

impl Search {
    fn with_depth(&self, depth: Expr, row: &[Output]) -> Expr {
        let names = std::iter::once("*DEPTH*".into()).chain(self.keys.0.iter().map(|(name, _)| name.clone()));
        let fields = std::iter::once(depth).chain(self.keys.values(row));
        let kind = ExprKind::NamedRow { names: names.collect(), fields: fields.collect() };
        Expr::new(kind, Type::RECORD)
    }
}

impl Keys {
    fn find(written: &[Name], columns: &[CommonColumn], what: &str, at: At) -> Result<Keys> {
        let mut keys: Vec<(Arc<str>, usize)> = Vec::with_capacity(written.len());
        for name in written {
            let Some(place) = columns.iter().position(|column| *column.name == *name.text) else {
                let message = format!("{what} column \"{name}\" not in WITH query column list");
                return Err(syntax_error(message, at));
            };
            if keys.iter().any(|(known, _)| **known == *name.text) {
                let message = format!("{what} column \"{name}\" specified more than once");
                return Err(Error::new(sqlstate::DUPLICATE_COLUMN, message).at(at.offset()));
            }
            keys.push((columns[place].name.clone(), place));
        }
        Ok(Keys(keys))
    }

    fn values<'a>(&'a self, row: &'a [Output]) -> impl Iterator<Item = Expr> + 'a {
        self.0.iter().map(|(_, place)| Expr::column(row[*place].id, row[*place].ty))
    }

    fn row(&self, row: &[Output]) -> Expr {
        let names = self.0.iter().map(|(name, _)| name.clone()).collect();
        Expr::new(ExprKind::NamedRow { names, fields: self.values(row).collect() }, Type::RECORD)
    }
}

fn searched(written: &ast::Search, columns: &[CommonColumn]) -> Result<Search> {
    let keys = Keys::find(&written.columns, columns, "search", written.at)?;
    refuse_used(&written.sequence, columns, "search sequence", written.at)?;
    Ok(Search { breadth_first: written.breadth_first, name: written.sequence.as_str().into(), keys })
}

fn refuse_used(name: &Name, columns: &[CommonColumn], what: &str, at: At) -> Result<()> {
    if columns.iter().any(|column| *column.name == *name.text) {
        let message = format!("{what} column name \"{name}\" already used in WITH query column list");
        return Err(syntax_error(message, at));
    }
    Ok(())
}

fn array_of(row: Expr) -> Expr {
    Expr::new(ExprKind::Array { elements: vec![row], nested: false }, oid::RECORDARRAY)
}
