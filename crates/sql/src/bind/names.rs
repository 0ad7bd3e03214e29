//! Query blocks: what FROM has made visible, and how a name finds its column.
//!
//! ```text
//!   SELECT a.x, y FROM t a JOIN u USING (k), LATERAL (SELECT a.z) s
//!
//!   Block 0   items: a (k x z)    hidden from unqualified names by the join
//!             │      u (k y)      hidden likewise
//!             │      join (k x z y), nameless
//!             └ Block 1, while s is bound: sees the items of block 0
//! ```
//!
//! INVARIANT: a column that FROM makes has an [`Origin::Variable`] with the number of its block; what a subquery reads
//! from further out is found by that, and grouping checks rely on it.

use std::sync::Arc;

use atoll_datum::{Datum, Error, Oid, Result, oid, sqlstate};
use atoll_syntax::ast::{self, At, Name};

use super::row::Shape;
use super::with::CommonTable;
use super::{Binder, aggregate};
use crate::catalog::{ColumnOrdinal, Table};
use crate::plan::{ColumnId, ColumnName, Expr, ExprKind};
use crate::types::Type;

/// Where a column comes from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// Made between operators; no expression that was written names it.
    Internal,
    Variable {
        block: u32,
        relation: Option<Arc<str>>,
        name: Arc<str>,
        /// Which of the statement's [`RelationUse`](crate::plan::RelationUse)s reading it belongs to.
        read: Option<(usize, ColumnOrdinal)>,
        table: Oid,
        attribute: i16,
    },
    Aggregate {
        block: u32,
    },
    Window {
        block: u32,
    },
}

impl Origin {
    pub fn into_name(self) -> Option<ColumnName> {
        match self {
            Origin::Variable { relation, name, .. } => Some(ColumnName { relation, name }),
            _ => None,
        }
    }
}

/// Where an expression stands: what is allowed there, and how messages call it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Nothing special, or nothing known.
    Other,
    JoinOn,
    FromSubquery,
    FromFunction,
    Where,
    Having,
    Filter,
    WindowPartition,
    WindowOrder,
    WindowRange,
    WindowRows,
    WindowGroups,
    Select,
    UpdateSource,
    GroupBy,
    OrderBy,
    DistinctOn,
    Limit,
    Offset,
    Returning,
    Values,
    SingleValues,
    Check,
    Default,
    IndexExpression,
    IndexPredicate,
    Generated,
    Transform,
    CopyFilter,
    AsOf,
}

impl Place {
    pub fn text(self) -> &'static str {
        match self {
            Place::Other => "expression",
            Place::JoinOn => "JOIN/ON",
            Place::FromSubquery => "sub-SELECT in FROM",
            Place::FromFunction => "function in FROM",
            Place::Where => "WHERE",
            Place::Having => "HAVING",
            Place::Filter => "FILTER",
            Place::WindowPartition => "window PARTITION BY",
            Place::WindowOrder => "window ORDER BY",
            Place::WindowRange => "window RANGE",
            Place::WindowRows => "window ROWS",
            Place::WindowGroups => "window GROUPS",
            Place::Select => "SELECT",
            Place::UpdateSource => "UPDATE",
            Place::GroupBy => "GROUP BY",
            Place::OrderBy => "ORDER BY",
            Place::DistinctOn => "DISTINCT ON",
            Place::Limit => "LIMIT",
            Place::Offset => "OFFSET",
            Place::Returning => "RETURNING",
            Place::Values | Place::SingleValues => "VALUES",
            Place::Check => "check constraints",
            Place::Default => "DEFAULT expressions",
            Place::IndexExpression => "index expressions",
            Place::IndexPredicate => "index predicates",
            Place::Generated => "column generation expressions",
            Place::Transform => "transform expressions",
            Place::CopyFilter => "COPY FROM WHERE conditions",
            Place::AsOf => "AS OF SYSTEM TIME",
        }
    }

    /// As "aggregate functions are not allowed in ..." ends.
    pub fn forbids_text(self) -> &'static str {
        match self {
            Place::JoinOn => "JOIN conditions",
            Place::FromFunction => "functions in FROM",
            Place::FromSubquery => "FROM clause of their own query level",
            place => place.text(),
        }
    }

    /// As "cannot use subquery in ..." ends, where it can't.
    pub fn subquery_text(self) -> Option<&'static str> {
        match self {
            Place::Check => Some("check constraint"),
            Place::Default => Some("DEFAULT expression"),
            Place::IndexExpression => Some("index expression"),
            Place::IndexPredicate => Some("index predicate"),
            Place::Generated => Some("column generation expression"),
            Place::Transform => Some("transform expression"),
            Place::CopyFilter => Some("COPY FROM WHERE condition"),
            Place::AsOf => Some("AS OF SYSTEM TIME"),
            _ => None,
        }
    }
}

/// One SELECT, or one statement that changes a table.
pub(super) struct Block {
    pub number: u32,
    pub items: Vec<Item>,
    /// Names of all of FROM so far, whether visible from here or not: for hints. With the table's own name.
    pub known: Vec<Known>,
    pub ctes: Vec<CommonTable>,
    pub place: Place,
    /// A LATERAL item is being bound: items that only it may see are seen.
    pub lateral: bool,
    pub aggregates: Vec<(ColumnId, crate::plan::AggregateCall)>,
    pub groupings: Vec<aggregate::Grouping>,
    pub windows: Vec<(ColumnId, crate::plan::WindowCall)>,
    /// The WINDOW clause as written; bound where it is used.
    pub named_windows: Arc<[ast::NamedWindow]>,
    pub has_sets: bool,
    /// FROM has the recursive table whose definition this is part of.
    pub reads_itself: bool,
    /// Scans give keys, for FOR UPDATE.
    pub keys: bool,
    /// This is the step of a table with SEARCH or CYCLE.
    pub carry: Option<super::search::Carry>,
    /// The columns that it must hand on, once FROM has that table.
    pub carried: Vec<ItemColumn>,
    /// What items in FROM have besides what `*` stands for.
    pub hidden: Vec<Item>,
}

pub(super) struct Known {
    pub name: String,
    pub table: Option<String>,
    pub columns: Vec<String>,
}

/// Something in FROM.
#[derive(Clone)]
pub(super) struct Item {
    /// None for a join without an alias.
    pub name: Option<String>,
    /// The table, unless an alias hides its name. `schema.table.column` finds it by this.
    pub relation: Option<Oid>,
    pub columns: Vec<ItemColumn>,
    /// Columns that are younger than the view whose query this is: part of the whole row, but without a name.
    pub younger: Vec<ItemColumn>,
    pub relation_visible: bool,
    pub columns_visible: bool,
    /// Seen by LATERAL only, until FROM is complete.
    pub lateral_only: bool,
    /// Not false but for the wrong side of an outer join.
    pub lateral_ok: bool,
    pub whole: Whole,
    pub table: Option<Arc<Table>>,
    /// What its column `tableoid` says; of tables, the system's among them.
    pub tableoid: Option<Oid>,
    /// Where reading no column in particular is noted.
    pub read: Option<usize>,
    /// The scan's key and, if the item is a plain table, its scan can be locked.
    pub key: Option<ColumnId>,
    /// An outer join may put NULLs in the place of its rows.
    pub nullable: bool,
    /// For FOR UPDATE: what kind of item it is, in the words of the refusal.
    pub kind: ItemKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ItemKind {
    Table,
    View,
    Subquery,
    Join,
    Function,
    Values,
    Common,
    System,
}

#[derive(Clone, Debug)]
pub(super) struct ItemColumn {
    pub name: Arc<str>,
    pub id: ColumnId,
    pub ty: Type,
}

/// What the item's name means as an expression.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whole {
    /// A record of its columns.
    Row(Oid),
    /// Its one column: a function that returns no rows of its own.
    Scalar,
    /// A spare column with the record; NULL where an outer join found no row.
    Spare(ColumnId, Oid),
}

impl Item {
    /// The columns of the whole row.
    pub fn row(&self) -> impl Iterator<Item = &ItemColumn> {
        self.columns.iter().chain(&self.younger)
    }

    pub fn matches_name(&self, name: &str) -> bool {
        self.relation_visible && self.name.as_deref() == Some(name)
    }
}

impl Binder<'_> {
    pub fn push_block(&mut self) -> u32 {
        let number = self.next_block;
        self.next_block += 1;
        self.blocks.push(Block {
            number,
            items: Vec::new(),
            known: Vec::new(),
            ctes: Vec::new(),
            place: Place::Other,
            lateral: false,
            aggregates: Vec::new(),
            groupings: Vec::new(),
            windows: Vec::new(),
            named_windows: Arc::new([]),
            has_sets: false,
            reads_itself: false,
            keys: false,
            carry: None,
            carried: Vec::new(),
            hidden: Vec::new(),
        });
        number
    }

    pub fn pop_block(&mut self) -> Block {
        self.blocks.pop().expect("a block that was pushed")
    }

    pub fn block(&mut self) -> &mut Block {
        self.blocks.last_mut().expect("expressions are bound within a block")
    }

    pub fn place(&self) -> Place {
        self.blocks.last().map_or(Place::Other, |block| block.place)
    }

    /// Binds something that stands in another place.
    pub fn at_place<T>(&mut self, place: Place, bind: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before = std::mem::replace(&mut self.block().place, place);
        let bound = bind(self);
        self.block().place = before;
        bound
    }

    pub fn origin(&self, column: ColumnId) -> &Origin {
        &self.origins[column.0 as usize]
    }

    /// How many blocks further out than the innermost the block with this number is.
    pub fn level_of_block(&self, number: u32) -> Option<usize> {
        self.blocks.iter().rev().position(|block| block.number == number)
    }

    /// What a column expression is made of, and a note that it is read.
    pub fn read_column(&mut self, column: &ItemColumn, at: At) -> Expr {
        self.note_read(column.id);
        Expr::column(column.id, column.ty).at(at.0)
    }

    pub fn note_read(&mut self, column: ColumnId) {
        if !self.noting {
            return;
        }
        if let Some(used) = self.spare.get_mut(&column) {
            *used = true;
        }
        if let Origin::Variable { read: Some((place, ordinal)), .. } = self.origins[column.0 as usize] {
            self.uses[place].select.get_or_insert_default().insert(ordinal);
        }
    }

    // ------------------------------------------------------------------------------------------------ column by name

    /// `a`, `t.a`, `s.t.a`, `c.s.t.a`; also `t` and `s.t` for whole rows.
    pub fn column_reference(&mut self, names: &[Name], at: At) -> Result<Expr> {
        if self.place() == Place::Default {
            let message = "cannot use column reference in DEFAULT expression";
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(at.offset()));
        }
        match names {
            [name] => {
                if let Some(column) = self.unqualified_column(name.as_str(), at)? {
                    return Ok(column);
                }
                if let Some(item) = self.find_item(None, name.as_str(), at)? {
                    return self.whole_row(&item, at);
                }
                Err(self.missing_column(None, name.as_str(), at))
            }
            [table, name] => self.qualified_column(None, table, name, at),
            [schema, table, name] => self.qualified_column(Some(schema), table, name, at),
            [database, schema, table, name] => {
                if self
                    .catalog
                    .databases
                    .get(&self.scope.session.database)
                    .is_none_or(|of| of.name != database.as_str())
                {
                    let text = dotted(names);
                    let message = format!("cross-database references are not implemented: {text}");
                    return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(at.offset()));
                }
                self.qualified_column(Some(schema), table, name, at)
            }
            _ => {
                let message = format!("improper qualified name (too many dotted names): {}", dotted(names));
                Err(super::syntax_error(message, at))
            }
        }
    }

    fn qualified_column(&mut self, schema: Option<&Name>, table: &Name, name: &Name, at: At) -> Result<Expr> {
        let Some(item) = self.find_item(schema, table.as_str(), at)? else {
            return Err(self.missing_item(schema, table.as_str(), at));
        };
        let mut found = item.columns.iter().filter(|column| *column.name == *name.text);
        if let Some(column) = found.next() {
            if found.next().is_some() {
                return Err(ambiguous(name.as_str(), at));
            }
            return Ok(self.read_column(&column.clone(), at));
        }
        let hidden = self.blocks.iter().rev().flat_map(|block| &block.hidden);
        let mut hidden = hidden.filter(|of| of.name == item.name).flat_map(|of| &of.columns);
        if let Some(column) = hidden.find(|column| *column.name == *name.text).cloned() {
            return Ok(self.read_column(&column, at));
        }
        if let Some(expr) = self.system_column(&item, name.as_str(), at)? {
            return Ok(expr);
        }
        // A function of one argument may be written as a field of its row.
        if let Some(expr) = self.function_of_row(&item, name, at)? {
            return Ok(expr);
        }
        Err(self.missing_column(Some(table.as_str()), name.as_str(), at))
    }

    /// Looks from the innermost block outwards; the first that has the name decides.
    fn unqualified_column(&mut self, name: &str, at: At) -> Result<Option<Expr>> {
        let (mut column, mut table) = (None, None);
        for block in self.blocks.iter().rev() {
            let items = block.items.iter().chain(&block.hidden);
            for item in items.filter(|item| item.columns_visible && (!item.lateral_only || block.lateral)) {
                for found in item.columns.iter().filter(|column| *column.name == *name) {
                    check_lateral(item, at)?;
                    if column.replace(found.clone()).is_some() {
                        return Err(ambiguous(name, at));
                    }
                }
                if SYSTEM_COLUMNS.contains(&name) && item.tableoid.is_some() && table.replace(item.clone()).is_some() {
                    return Err(ambiguous(name, at));
                }
            }
            if column.is_some() || table.is_some() {
                break;
            }
        }
        match (column, table) {
            (Some(column), _) => {
                self.note_item(&column, at);
                Ok(Some(self.read_column(&column, at)))
            }
            (None, Some(item)) => self.system_column(&item, name, at),
            (None, None) => Ok(None),
        }
    }

    /// Remembers by which item's name the column could be called as well.
    fn note_item(&mut self, column: &ItemColumn, at: At) {
        if !self.views.is_empty() || !self.noting {
            return;
        }
        let is_it = |of: &&ItemColumn| of.id == column.id && of.name == column.name;
        let holds = |item: &&Item| item.relation_visible && item.columns.iter().any(|of| is_it(&of));
        let mut items = self.blocks.iter().rev().flat_map(|block| &block.items);
        let name = items.find(holds).and_then(|item| item.name.clone());
        // Nothing else has this name, neither here nor further in, where it would be found first.
        let own = |block: &&Block| block.items.iter().any(|item| holds(&item));
        let name = name.filter(|name| {
            let Some(place) = self.blocks.iter().rposition(|block| own(&block)) else { return false };
            self.blocks[place..].iter().flat_map(|block| &block.items).filter(|item| item.matches_name(name)).count()
                == 1
        });
        let noted = self.written.columns.entry(at.0).or_insert_with(|| name.clone());
        if *noted != name {
            *noted = None;
        }
    }

    /// `tableoid`; the others say where PostgreSQL keeps a row, which Atoll has no answer to.
    fn system_column(&mut self, item: &Item, name: &str, at: At) -> Result<Option<Expr>> {
        if !SYSTEM_COLUMNS.contains(&name) {
            return Ok(None);
        }
        let Some(table) = item.tableoid else { return Ok(None) };
        if name != "tableoid" {
            return Err(Error::unsupported(format!("system column {name}")).at(at.offset()));
        }
        let Some(id) = item.tableoid_column() else {
            return Ok(Some(Expr::literal(Datum::Oid(table), oid::OID).at(at.0)));
        };
        self.note_read(id);
        Ok(Some(Expr::column(id, oid::OID).at(at.0)))
    }

    /// The item that a qualifier means.
    pub fn find_item(&mut self, schema: Option<&Name>, name: &str, at: At) -> Result<Option<Item>> {
        let relation = match schema {
            None => None,
            Some(schema) => {
                let of = self.catalog.schema_named(self.scope.session.database, schema.as_str());
                match of.and_then(|schema| super::relation::in_schema(self.scope, schema, name)) {
                    Some(found) => Some(found.oid()),
                    None => return Ok(None),
                }
            }
        };
        for block in self.blocks.iter().rev() {
            let mut found: Option<&Item> = None;
            for item in &block.items {
                let matches = match relation {
                    None => item.matches_name(name),
                    Some(relation) => item.relation_visible && item.relation == Some(relation),
                };
                if !matches || (item.lateral_only && !block.lateral) {
                    continue;
                }
                if found.is_some() {
                    let message = format!("table reference \"{name}\" is ambiguous");
                    return Err(Error::new(sqlstate::AMBIGUOUS_ALIAS, message).at(at.offset()));
                }
                check_lateral(item, at)?;
                found = Some(item);
            }
            if let Some(item) = found {
                return Ok(Some(item.clone()));
            }
        }
        Ok(None)
    }

    /// `t` where a value is expected.
    pub fn whole_row(&mut self, item: &Item, at: At) -> Result<Expr> {
        if let (Whole::Scalar, [column, ..]) = (item.whole, item.columns.as_slice()) {
            return Ok(self.read_column(column, at));
        }
        for column in item.row() {
            self.note_read(column.id);
        }
        Ok(match item.whole {
            Whole::Spare(id, ty) => {
                self.note_read(id);
                Expr::column(id, ty).at(at.0)
            }
            Whole::Row(ty) => record_of(item, ty).at(at.0),
            Whole::Scalar => return Err(Error::internal("a scalar without a column")),
        })
    }

    pub fn shape_of_item(&self, item: &Item) -> Shape {
        let field = |column: &ItemColumn| (column.name.clone(), column.ty);
        Shape { fields: item.row().map(field).collect() }
    }

    // ---------------------------------------------------------------------------------------------------- not found

    pub fn missing_item(&self, schema: Option<&Name>, name: &str, at: At) -> Error {
        let is_there = schema.is_none_or(|schema| {
            let of = self.catalog.schema_named(self.scope.session.database, schema.as_str());
            of.is_some_and(|schema| super::relation::in_schema(self.scope, schema, name).is_some())
        });
        for known in self.blocks.iter().rev().flat_map(|block| &block.known) {
            if is_there && known.name != name && known.table.as_deref() == Some(name) {
                let message = format!("invalid reference to FROM-clause entry for table \"{name}\"");
                let hint = format!("Perhaps you meant to reference the table alias \"{}\".", known.name);
                return Error::new(sqlstate::UNDEFINED_TABLE, message).hint(hint).at(at.offset());
            }
            if known.name == name {
                let message = format!("invalid reference to FROM-clause entry for table \"{name}\"");
                let hint = format!(
                    "There is an entry for table \"{name}\", but it cannot be referenced from this part of the query."
                );
                return Error::new(sqlstate::UNDEFINED_TABLE, message).hint(hint).at(at.offset());
            }
        }
        let message = format!("missing FROM-clause entry for table \"{name}\"");
        Error::new(sqlstate::UNDEFINED_TABLE, message).at(at.offset())
    }

    pub fn missing_column(&self, table: Option<&str>, name: &str, at: At) -> Error {
        let text = table.map_or(format!("\"{name}\""), |table| format!("{table}.{name}"));
        let error = Error::new(sqlstate::UNDEFINED_COLUMN, format!("column {text} does not exist")).at(at.offset());
        match self.similar_column(table, name) {
            Some(Similar::Hidden(table)) => error.hint(format!(
                "There is a column named \"{name}\" in table \"{table}\", but it cannot be referenced from this part of \
                 the query."
            )),
            Some(Similar::One(one)) => error.hint(format!("Perhaps you meant to reference the column \"{one}\".")),
            Some(Similar::Two(one, two)) => {
                error.hint(format!("Perhaps you meant to reference the column \"{one}\" or the column \"{two}\"."))
            }
            None => error,
        }
    }

    /// The one or two columns that are spelled most like it.
    fn similar_column(&self, table: Option<&str>, name: &str) -> Option<Similar> {
        const DISTANCE_MAX: usize = 3;
        let (mut best, mut found) = (DISTANCE_MAX + 1, Vec::new());
        for known in self.blocks.iter().rev().flat_map(|block| &block.known) {
            let penalty = table.map_or(0, |table| levenshtein(table, &known.name));
            for column in &known.columns {
                if column == name && penalty == 0 {
                    return Some(Similar::Hidden(known.name.clone()));
                }
                let own = levenshtein(column, name);
                if penalty > best || own > name.len() / 2 {
                    continue;
                }
                let distance = own + penalty;
                if distance < best {
                    best = distance;
                    found.clear();
                } else if distance > best {
                    continue;
                } else if found.len() == 2 {
                    // Too many are equally near: only a nearer one is worth a word.
                    best = distance.saturating_sub(1);
                    found.clear();
                    continue;
                }
                found.push(format!("{}.{column}", known.name));
            }
        }
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (Some(one), None) => Some(Similar::One(one)),
            (Some(one), Some(two)) => Some(Similar::Two(one, two)),
            _ => None,
        }
    }
}

enum Similar {
    /// Exactly this one, where it can't be seen.
    Hidden(String),
    One(String),
    Two(String, String),
}

pub(super) const SYSTEM_COLUMNS: &[&str] = &["tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"];

impl Item {
    /// That of an item whose rows may be missing.
    fn tableoid_column(&self) -> Option<ColumnId> {
        match self.whole {
            // Made together: see `from`.
            Whole::Spare(id, _) => Some(ColumnId(id.0 + 1)),
            _ => None,
        }
    }
}

/// The whole row of an item. That of a table has the table's own names, whatever an alias says.
pub(super) fn record_of(item: &Item, ty: Oid) -> Expr {
    let names: Vec<Arc<str>> = match &item.table {
        Some(table) => table.visible_columns().map(|column| column.name.as_str().into()).collect(),
        None => item.row().map(|column| column.name.clone()).collect(),
    };
    let fields = item.row().map(|column| Expr::column(column.id, column.ty)).collect();
    Expr::new(ExprKind::NamedRow { names: names.into(), fields }, ty)
}

fn check_lateral(item: &Item, at: At) -> Result<()> {
    if item.lateral_only && !item.lateral_ok {
        let name = item.name.as_deref().unwrap_or("unnamed_join");
        let message = format!("invalid reference to FROM-clause entry for table \"{name}\"");
        let detail = "The combining JOIN type must be INNER or LEFT for a LATERAL reference.";
        return Err(Error::new(sqlstate::INVALID_COLUMN_REFERENCE, message).detail(detail).at(at.offset()));
    }
    Ok(())
}

fn ambiguous(name: &str, at: At) -> Error {
    Error::new(sqlstate::AMBIGUOUS_COLUMN, format!("column reference \"{name}\" is ambiguous")).at(at.offset())
}

pub(super) fn dotted(names: &[Name]) -> String {
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(".")
}

fn levenshtein(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// The name a table item goes by.
pub(super) fn item_name(alias: Option<&ast::Alias>, own: &str) -> String {
    alias.map_or(own, |alias| alias.name.as_str()).to_owned()
}
