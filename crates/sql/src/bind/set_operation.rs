//! UNION, INTERSECT, EXCEPT, and VALUES.

use atoll_datum::{Error, Oid, Result, oid, sqlstate};
use atoll_syntax::ast::{self, SetOperator};

use super::cast::Context;
use super::common_type::common_modifier;
use super::names::{Item, ItemColumn, ItemKind, Origin, Place, Whole};
use super::query::{Output, constant_of};
use super::target::Target;
use super::{Binder, Bound, located, syntax_error};
use crate::plan::{Expr, Plan, SetOperation, SortKey, Values};
use crate::types::Type;

fn name_of(operator: SetOperator) -> &'static str {
    match operator {
        SetOperator::Union => "UNION",
        SetOperator::Intersect => "INTERSECT",
        SetOperator::Except => "EXCEPT",
    }
}

impl Binder<'_> {
    pub fn set_operation(&mut self, query: &ast::Query, operation: &ast::SetOperation) -> Result<Bound> {
        if let Some(locking) = query.locking.first() {
            return Err(self.lock_refused(locking, "UNION/INTERSECT/EXCEPT"));
        }
        let bound = self.set_branches(operation)?;
        let bound = self.settle_unknown(bound)?;
        self.order_output(query, bound)
    }

    fn set_branches(&mut self, operation: &ast::SetOperation) -> Result<Bound> {
        let left = self.set_side(&operation.left)?;
        let right = self.set_side(&operation.right)?;
        self.combine(operation, left, right)
    }

    fn set_side(&mut self, side: &ast::Query) -> Result<Bound> {
        match &side.body {
            ast::QueryBody::SetOperation(inner)
                if side.with.is_none()
                    && side.order_by.is_empty()
                    && side.limit.is_none()
                    && side.offset.is_none()
                    && side.locking.is_empty() =>
            {
                self.set_branches(inner)
            }
            _ => self.query(side),
        }
    }

    /// Column by column of one type.
    pub fn combine(&mut self, operation: &ast::SetOperation, mut left: Bound, mut right: Bound) -> Result<Bound> {
        let name = name_of(operation.operator);
        if left.output.len() != right.output.len() {
            let at = first_place(&operation.right);
            return Err(syntax_error(format!("each {name} query must have the same number of columns"), at));
        }
        let mut wanted = Vec::with_capacity(left.output.len());
        let place = first_place(&operation.right).0;
        for (column, other) in left.output.iter().zip(&right.output) {
            let sides =
                [self.output_value(&left.plan, column, None), self.output_value(&right.plan, other, Some(place))];
            let ty = self.common_type_of(&[&sides[0], &sides[1]], name)?;
            let modifier = common_modifier(ty, &[column.ty, other.ty]);
            wanted.push(Type::with_modifier(ty, modifier));
            for side in sides {
                self.coerce_to_common(side, ty, name)?;
            }
        }
        // A modifier that only one side has is not converted to, only forgotten.
        for side in [&mut left, &mut right] {
            let kept = keep_modifiers(&wanted, side);
            self.coerce_output(side, &kept, Context::Implicit)?;
        }
        if !(operation.operator == SetOperator::Union && operation.all) {
            for ty in &wanted {
                self.check_groupable(&Expr::null(*ty))?;
            }
        }
        let mut columns = Vec::with_capacity(wanted.len());
        let mut output = Vec::with_capacity(wanted.len());
        for (column, ty) in left.output.iter().zip(&wanted) {
            let id = self.new_column(Origin::Internal);
            if let Some(shape) = self.shapes.get(&column.id).cloned() {
                self.shapes.insert(id, shape);
            }
            columns.push((id, *ty));
            output.push(Output { name: column.name.clone(), id, ty: *ty, table: Oid::NONE, attribute: 0 });
        }
        let operation = SetOperation {
            operator: operation.operator,
            all: operation.all,
            left: left.plan,
            right: right.plan,
            columns,
        };
        Ok(Bound { plan: Plan::SetOperation(Box::new(operation)), output })
    }

    /// The column, or the literal that it is; at its own place if it has one.
    fn output_value(&self, plan: &Plan, column: &Output, at: Option<u32>) -> Expr {
        let constant = if column.ty.oid == oid::UNKNOWN { constant_of(plan, column.id) } else { None };
        constant.unwrap_or_else(|| {
            let written = value_place(plan, column.id).or(at);
            Expr { at: written, ..Expr::column(column.id, column.ty) }
        })
    }

    /// ORDER BY, OFFSET and LIMIT of a set operation or VALUES: only its output columns can be named.
    pub fn order_output(&mut self, query: &ast::Query, bound: Bound) -> Result<Bound> {
        let Bound { mut plan, output } = bound;
        if !query.order_by.is_empty() {
            let number = self.block().number;
            let columns = output.iter().map(|column| {
                let name = column.name.as_str().into();
                ItemColumn { name, id: column.id, ty: column.ty }
            });
            let item = Item {
                name: None,
                relation: None,
                columns: columns.collect(),
                younger: Vec::new(),
                relation_visible: false,
                columns_visible: true,
                lateral_only: false,
                lateral_ok: true,
                whole: Whole::Row(oid::RECORD),
                table: None,
                tableoid: None,
                read: None,
                key: None,
                nullable: false,
                kind: ItemKind::Join,
            };
            for column in &item.columns {
                self.origins[column.id.0 as usize] = Origin::Variable {
                    block: number,
                    relation: None,
                    name: column.name.clone(),
                    read: None,
                    table: Oid::NONE,
                    attribute: 0,
                };
            }
            let mut targets: Vec<Target> = Vec::with_capacity(output.len());
            for column in &output {
                let expr = Expr::column(column.id, column.ty);
                targets.push(Target { name: column.name.clone(), ..Target::nameless(column.id, expr) });
            }
            self.block().items = vec![item];
            let count = targets.len();
            let sorted = self.order_by(&query.order_by, &mut targets)?;
            if let Some(junk) = targets.get(count) {
                let message = "invalid UNION/INTERSECT/EXCEPT ORDER BY clause";
                let error = Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message)
                    .detail("Only result column names can be used, not expressions or functions.")
                    .hint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.");
                return Err(located(error, junk.expr.at));
            }
            self.block().items.clear();
            let keys: Vec<SortKey> = super::order::sort_keys(&sorted, &targets);
            plan = self.sorted(plan, keys.clone());
            plan = self.limit(query, plan, &keys)?;
        } else {
            plan = self.limit(query, plan, &[])?;
        }
        Ok(Bound { plan, output })
    }

    // ----------------------------------------------------------------------------------------------------------- VALUES

    pub fn values(&mut self, query: &ast::Query, rows: &[Vec<ast::Expr>]) -> Result<Bound> {
        if let Some(locking) = query.locking.first() {
            return Err(self.lock_refused(locking, "VALUES"));
        }
        let mut bound: Vec<Vec<Expr>> = Vec::with_capacity(rows.len());
        for row in rows {
            bound.push(self.at_place(Place::Values, |binder| binder.expand_all(row))?);
        }
        check_lengths(rows, &bound)?;
        let bound = self.values_of_rows(bound)?;
        let ordered = self.order_output(query, bound)?;
        Ok(ordered)
    }

    /// Rows of one length; each column is given one type.
    fn values_of_rows(&mut self, rows: Vec<Vec<Expr>>) -> Result<Bound> {
        let width = rows.first().map_or(0, Vec::len);
        let count = rows.len();
        let mut columns: Vec<Vec<Expr>> = (0..width).map(|_| Vec::with_capacity(count)).collect();
        for row in rows {
            for (column, value) in columns.iter_mut().zip(row) {
                column.push(value);
            }
        }
        let mut types = Vec::with_capacity(width);
        let mut unified = Vec::with_capacity(width);
        for column in columns {
            // All unknown: whoever reads them decides.
            if count == 1 && column[0].ty.oid == oid::UNKNOWN {
                types.push(Type::UNKNOWN);
                unified.push(column);
                continue;
            }
            let (column, ty) = self.unify(column, "VALUES")?;
            types.push(ty);
            unified.push(column);
        }
        let mut rows: Vec<Vec<Expr>> = (0..count).map(|_| Vec::with_capacity(width)).collect();
        for column in unified {
            for (row, value) in rows.iter_mut().zip(column) {
                row.push(value);
            }
        }
        let mut ids = Vec::with_capacity(width);
        let mut output = Vec::with_capacity(width);
        for (place, ty) in types.into_iter().enumerate() {
            let id = self.new_column(Origin::Internal);
            ids.push((id, ty));
            let name = format!("column{}", place + 1);
            output.push(Output { name, id, ty, table: Oid::NONE, attribute: 0 });
        }
        // Calls that give several rows make more of the one row.
        if self.block().has_sets && rows.len() == 1 {
            let row = rows.remove(0);
            let mut targets: Vec<Target> = Vec::with_capacity(width);
            for (value, (id, _)) in row.into_iter().zip(&ids) {
                targets.push(Target::nameless(*id, value));
            }
            let plan = self.project_sets(Plan::one_row(), &mut targets);
            let columns = targets.into_iter().map(|target| (target.id, target.expr)).collect();
            let plan = Plan::Project(Box::new(crate::plan::Project { input: plan, columns }));
            return Ok(Bound { plan, output });
        }
        Ok(Bound { plan: Plan::Values(Values { columns: ids, rows }), output })
    }
}

pub(super) fn check_lengths(rows: &[Vec<ast::Expr>], bound: &[Vec<Expr>]) -> Result<()> {
    let width = bound.first().map_or(0, Vec::len);
    if let Some(place) = bound.iter().position(|row| row.len() != width) {
        let at = rows[place].first().map_or(ast::At(0), |value| value.at);
        return Err(syntax_error("VALUES lists must all be the same length", at));
    }
    Ok(())
}

fn keep_modifiers(wanted: &[Type], bound: &Bound) -> Vec<Type> {
    let keep = |(wanted, column): (&Type, &Output)| if wanted.oid == column.ty.oid { column.ty } else { *wanted };
    wanted.iter().zip(&bound.output).map(keep).collect()
}

/// Where the first column of a query is written.
fn first_place(query: &ast::Query) -> ast::At {
    match &query.body {
        ast::QueryBody::Select(select) => select.targets.first().map_or(query.at, |target| target.value.at),
        ast::QueryBody::Values(rows) => rows.first().and_then(|row| row.first()).map_or(query.at, |value| value.at),
        ast::QueryBody::SetOperation(operation) => first_place(&operation.left),
    }
}

/// Where the expression behind an output column is written.
pub(super) fn value_place(plan: &Plan, id: crate::plan::ColumnId) -> Option<u32> {
    match plan {
        Plan::Project(project) => project.columns.iter().find(|(column, _)| *column == id)?.1.at,
        Plan::ProjectSet(project) => project.columns.iter().find(|(column, _)| *column == id)?.1.at,
        Plan::Values(values) => {
            let place = values.columns.iter().position(|(column, _)| *column == id)?;
            values.rows.first()?.get(place)?.at
        }
        Plan::Sort(sort) => value_place(&sort.input, id),
        Plan::Limit(limit) => value_place(&limit.input, id),
        Plan::Distinct(distinct) => value_place(&distinct.input, id),
        Plan::SetOperation(operation) => {
            let place = operation.columns.iter().position(|(column, _)| *column == id)?;
            value_place(&operation.left, *operation.left.columns().get(place)?)
        }
        _ => None,
    }
}
