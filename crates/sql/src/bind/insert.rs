//! INSERT: its columns, its rows, and what takes the place of DEFAULT.

use std::collections::BTreeSet;

use atoll_datum::{Error, Result, oid, sqlstate};
use atoll_syntax::ast::{self, ExprKind as Ast, Overriding};

use super::cast::{Context, can_coerce};
use super::names::{Origin, Place};
use super::set_operation::check_lengths;
use super::view::{Named, Target};
use super::{Binder, Bound, located, syntax_error};
use crate::catalog::{Column, ColumnOrdinal, Table};
use crate::plan::{ColumnId, CommandKind, Expr, Insert, Plan, Project, Values};
use crate::types::Type;

/// What values are for: a column, or a part of one that is an array.
#[derive(Clone)]
struct Aim<'a> {
    named: Named,
    /// Of the values.
    ty: Type,
    part: Option<&'a ast::Assignee>,
}

impl Aim<'_> {
    fn column(&self) -> &Column {
        &self.named.column
    }
}

/// A part of a column, with the number of that in the table.
type Part<'a> = (ColumnOrdinal, &'a ast::Assignee);

/// Rows for some columns of the table.
struct Source {
    plan: Plan,
    columns: Vec<ColumnOrdinal>,
    /// The same as what is named numbers them.
    named: BTreeSet<ColumnOrdinal>,
}

impl Source {
    fn new(plan: Plan, columns: &[Aim<'_>]) -> Source {
        Source {
            plan,
            columns: columns.iter().map(|aim| aim.column().ordinal()).collect(),
            named: columns.iter().map(|aim| aim.named.ordinal).collect(),
        }
    }
}

impl Binder<'_> {
    pub fn insert(&mut self, written: &ast::Insert) -> Result<Bound> {
        self.push_block();
        let wraps = self.with_clause(written.with.as_deref())?;
        let target = self.change_target(&written.table, CommandKind::Insert)?;
        let name = written.alias.as_ref().map_or(target.named.name.as_str(), |alias| alias.as_str()).to_owned();
        self.add_known_table(&target.named, &name);
        let columns = self.insert_columns(&target, written)?;
        let parts: Vec<Part> = columns.iter().filter_map(|aim| Some((aim.column().ordinal(), aim.part?))).collect();
        let source = self.insert_source(&target, written, columns)?;
        let Source { plan, columns: inserted, named } = self.with_parts(&target.table, source, &parts)?;
        let defaults = self.missing_values(&target, &named)?;
        self.note_inserted(&target, named);
        let on_conflict = match &written.on_conflict {
            Some(conflict) => Some(self.on_conflict(&target, &name, conflict)?),
            None => None,
        };
        let (rules, returning, output) = self.changed_row(&target, &name, true, &written.returning)?;
        self.pop_block();
        let table = target.table;
        let insert = Insert { table, source: plan, columns: inserted, defaults, rules, on_conflict, returning };
        let plan = self.wrap_with(wraps, Plan::Insert(Box::new(insert)));
        Ok(Bound { plan, output })
    }

    /// The columns that values are for, in the order of the values; all if none are named.
    fn insert_columns<'w>(&mut self, target: &Target, written: &'w ast::Insert) -> Result<Vec<Aim<'w>>> {
        if written.columns.is_empty() {
            let whole = |named: Named| Aim { ty: named.column.ty(), named, part: None };
            return Ok(target.columns().map(whole).collect());
        }
        let mut columns: Vec<Aim<'w>> = Vec::with_capacity(written.columns.len());
        for assignee in &written.columns {
            let at = assignee.column.at.offset();
            let part = Some(assignee).filter(|assignee| !assignee.path.is_empty());
            let named = self.assigned_column(target, &assignee.column)?;
            let other = |before: &Aim| before.named.ordinal == named.ordinal;
            if columns.iter().any(|before| other(before) && (part.is_none() || before.part.is_none())) {
                let message = format!("column \"{}\" specified more than once", named.column.name);
                return Err(Error::new(sqlstate::DUPLICATE_COLUMN, message).at(at));
            }
            let ty = part.map_or(Ok(named.column.ty()), |part| self.part_type(part, &named.column))?;
            columns.push(Aim { named, ty, part });
        }
        Ok(columns)
    }

    fn insert_source(&mut self, target: &Target, written: &ast::Insert, columns: Vec<Aim<'_>>) -> Result<Source> {
        let Some(query) = &written.source else {
            return Ok(Source::new(Plan::one_row(), &[]));
        };
        let plain = query.with.is_none()
            && query.order_by.is_empty()
            && query.limit.is_none()
            && query.offset.is_none()
            && query.locking.is_empty();
        match &query.body {
            ast::QueryBody::Values(rows) if plain => self.insert_values(target, written, columns, rows),
            _ => self.insert_query(target, written, columns, query),
        }
    }

    fn insert_values(
        &mut self,
        target: &Target,
        written: &ast::Insert,
        mut columns: Vec<Aim<'_>>,
        rows: &[Vec<ast::Expr>],
    ) -> Result<Source> {
        let place = if rows.len() == 1 { Place::SingleValues } else { Place::Values };
        // DEFAULT has no type of its own until the column is known.
        let mut bound: Vec<Vec<Expr>> = Vec::with_capacity(rows.len());
        let mut is_default: Vec<Vec<bool>> = Vec::with_capacity(rows.len());
        for row in rows {
            let mut values = Vec::with_capacity(row.len());
            let mut marks = Vec::with_capacity(row.len());
            for value in row {
                if matches!(value.kind, Ast::Default) {
                    values.push(Expr { at: Some(value.at.0), ..Expr::null(oid::UNKNOWN) });
                    marks.push(true);
                    continue;
                }
                let expanded = self.at_place(place, |binder| binder.expand_all(std::slice::from_ref(value)))?;
                marks.resize(marks.len() + expanded.len(), false);
                values.extend(expanded);
            }
            bound.push(values);
            is_default.push(marks);
        }
        check_lengths(rows, &bound)?;
        let width = bound.first().map_or(0, Vec::len);
        check_width(written, &columns, width, |place| bound[0][place].at)?;
        columns.truncate(width);
        target.check_written(columns.iter().map(|aim| &aim.named))?;

        let mut kept = Vec::with_capacity(columns.len());
        for (place, aim) in columns.iter().enumerate() {
            let column = aim.column();
            let default = (0..is_default.len()).find(|row| is_default[*row][place]);
            if let (Some(row), Some(_)) = (default, aim.part) {
                let message = "cannot set an array element to DEFAULT";
                return Err(located(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message), bound[row][place].at));
            }
            let all_default = is_default.iter().all(|row| row[place]);
            let overridden = written.overriding == Some(Overriding::UserValue) && column.identity.is_some();
            if !all_default && !overridden {
                refuse_value(target.stored_column(column), written.overriding)?;
            }
            kept.push(!all_default && !overridden);
        }
        let mut converted: Vec<Vec<Expr>> = Vec::with_capacity(bound.len());
        for (row, marks) in bound.into_iter().zip(&is_default) {
            let mut values = Vec::with_capacity(row.len());
            for (place, value) in row.into_iter().enumerate().filter(|(place, _)| kept[*place]) {
                let aim = &columns[place];
                values.push(match marks[place] {
                    true => self.default_value(aim.column())?,
                    false => self.aimed_value(value, aim)?,
                });
            }
            converted.push(values);
        }
        let columns: Vec<Aim> = columns.into_iter().zip(&kept).filter(|(_, kept)| **kept).map(|(aim, _)| aim).collect();
        let ids: Vec<_> = columns.iter().map(|aim| (self.new_column(Origin::Internal), aim.ty)).collect();
        if self.block().has_sets && converted.len() == 1 {
            let row = converted.remove(0);
            let plan = self.set_row(row, &ids.iter().map(|(id, _)| *id).collect::<Vec<_>>());
            return Ok(Source::new(plan, &columns));
        }
        Ok(Source::new(Plan::Values(Values { columns: ids, rows: converted }), &columns))
    }

    /// One row of values among which calls give several.
    fn set_row(&mut self, row: Vec<Expr>, ids: &[ColumnId]) -> Plan {
        let target = |(expr, id): (Expr, &ColumnId)| super::target::Target::nameless(*id, expr);
        let mut targets: Vec<_> = row.into_iter().zip(ids).map(target).collect();
        let input = self.project_sets(Plan::one_row(), &mut targets);
        let columns = targets.into_iter().map(|target| (target.id, target.expr)).collect();
        Plan::Project(Box::new(Project { input, columns }))
    }

    fn insert_query(
        &mut self,
        target: &Target,
        written: &ast::Insert,
        mut columns: Vec<Aim<'_>>,
        query: &ast::Query,
    ) -> Result<Source> {
        let mut bound = self.query(query)?;
        let place_of = |place: usize| match &query.body {
            ast::QueryBody::Select(select) => select.targets.get(place).map(|target| target.value.at.0),
            _ => None,
        };
        check_width(written, &columns, bound.output.len(), place_of)?;
        columns.truncate(bound.output.len());
        target.check_written(columns.iter().map(|aim| &aim.named))?;
        let mut wanted = Vec::with_capacity(columns.len());
        let overridden =
            |aim: &Aim| written.overriding == Some(Overriding::UserValue) && aim.column().identity.is_some();
        for (place, (aim, output)) in columns.iter().zip(&bound.output).enumerate() {
            if overridden(aim) {
                wanted.push(if output.ty.oid == oid::UNKNOWN { aim.ty } else { output.ty });
                continue;
            }
            refuse_value(target.stored_column(aim.column()), written.overriding)?;
            if !can_coerce(self.catalog, &[output.ty.oid], &[aim.ty.oid], Context::Assignment) {
                let mut value = Expr::column(output.id, output.ty);
                value.at = place_of(place);
                self.aimed_value(value, aim)?;
            }
            wanted.push(aim.ty);
        }
        self.coerce_output(&mut bound, &wanted, Context::Assignment)?;
        if columns.iter().any(overridden) {
            let kept = columns.iter().zip(&bound.output).filter(|(aim, _)| !overridden(aim));
            let kept = super::order::pass(kept.map(|(_, output)| (output.id, output.ty)));
            bound.plan = Plan::Project(Box::new(Project { input: bound.plan, columns: kept }));
            columns.retain(|aim| !overridden(aim));
        }
        Ok(Source::new(bound.plan, &columns))
    }

    fn aimed_value(&mut self, value: Expr, aim: &Aim<'_>) -> Result<Expr> {
        match aim.part {
            None => self.stored_value(value, &aim.column().name, aim.ty),
            Some(part) => self.part_value(value, part, aim.ty),
        }
    }

    /// Makes arrays of values that are for parts of them, one after the other, beginning with NULL.
    fn with_parts(&mut self, table: &Table, source: Source, parts: &[Part<'_>]) -> Result<Source> {
        if parts.is_empty() {
            return Ok(source);
        }
        let mut made: Vec<(ColumnOrdinal, Expr)> = Vec::with_capacity(source.columns.len());
        let mut parts = parts.iter().peekable();
        for ((id, ty), ordinal) in source.plan.column_types().into_iter().zip(&source.columns) {
            let value = Expr::column(id, ty);
            let column = table.column(*ordinal).ok_or_else(|| Error::internal("a column that the table has not"))?;
            let Some((_, part)) = parts.next_if(|(of, _)| of == ordinal) else {
                made.push((*ordinal, value));
                continue;
            };
            let before = made.iter().position(|(other, _)| other == ordinal).map(|place| made.swap_remove(place).1);
            let value = self.with_part(before.unwrap_or_else(|| Expr::null(column.ty())), part, value)?;
            made.push((*ordinal, value));
        }
        let columns = made.iter().map(|(ordinal, _)| *ordinal).collect();
        let values = made.into_iter().map(|(_, value)| (self.new_column(Origin::Internal), value)).collect();
        let plan = Plan::Project(Box::new(Project { input: source.plan, columns: values }));
        Ok(Source { plan, columns, named: source.named })
    }
}

fn check_width(
    written: &ast::Insert,
    columns: &[Aim<'_>],
    width: usize,
    place: impl Fn(usize) -> Option<u32>,
) -> Result<()> {
    if width > columns.len() {
        let at = place(columns.len()).map_or(written.at, ast::At);
        return Err(syntax_error("INSERT has more expressions than target columns", at));
    }
    if !written.columns.is_empty() && width < columns.len() {
        let at = written.columns[width].column.at;
        return Err(syntax_error("INSERT has more target columns than expressions", at));
    }
    Ok(())
}

/// Columns that take no values from statements.
pub(super) fn refuse_value(column: &Column, overriding: Option<Overriding>) -> Result<()> {
    let name = &column.name;
    let message = format!("cannot insert a non-DEFAULT value into column \"{name}\"");
    let error = Error::new(sqlstate::GENERATED_ALWAYS, message);
    if column.generated.is_some() {
        return Err(error.detail(format!("Column \"{name}\" is a generated column.")));
    }
    if column.identity.as_deref() == Some("a") && overriding.is_none() {
        let detail = format!("Column \"{name}\" is an identity column defined as GENERATED ALWAYS.");
        return Err(error.detail(detail).hint("Use OVERRIDING SYSTEM VALUE to override."));
    }
    Ok(())
}
