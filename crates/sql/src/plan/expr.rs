//! A scalar expression after binding: every name is a column, every operator a function, every type known.
//!
//! ```text
//!   a + 1 > $1      Call int8gt ── Call int84pl ── Column #3
//!                        │              └───────── Literal 1
//!                        └── Parameter 0
//! ```
//!
//! INVARIANT: the types of a call's arguments are exactly what its function takes; the binder puts every cast there
//! that PostgreSQL would. Whoever evaluates never converts by itself.
//!
//! INVARIANT: a [`ColumnId`] means one column of one plan node, once in the whole statement. A column that the input of
//! an operator does not have comes from a row further out: that is all there is to correlation.

use std::sync::Arc;

use atoll_datum::builtin;
use atoll_datum::json::populate::Populate;
use atoll_datum::{Datum, EnumType, Oid};

use super::{AggregateCall, Plan, WindowCall};
use crate::types::Type;

/// A column of some plan node, unique in a statement.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ColumnId(pub u32);

#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub ty: Type,
    /// A byte of the statement's text, for errors while evaluating. None for what the text doesn't contain.
    pub at: Option<u32>,
}

#[derive(Clone, Debug)]
pub enum ExprKind {
    Literal(Datum),
    Column(ColumnId),
    /// Counted from 0: `$1` is 0.
    Parameter(usize),
    Call(Box<Call>),
    /// Through text: out of one type and into another, whose modifier is the expression's.
    CastByText(Box<Expr>),
    /// The same bytes under another type: `varchar` as `text`, an enum's array as `anyarray`.
    Relabel(Box<Expr>),
    /// Each element of an array by `element`, which reads it as this column.
    CastArray {
        array: Box<Expr>,
        element: Box<Expr>,
        column: ColumnId,
    },
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Is {
        operand: Box<Expr>,
        test: IsTest,
        negated: bool,
    },
    /// `equal` is the equality operator of both sides.
    IsDistinctFrom {
        left: Box<Expr>,
        right: Box<Expr>,
        equal: Function,
        negated: bool,
    },
    /// Branches in order; each condition is a boolean.
    Case {
        branches: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Coalesce(Vec<Expr>),
    /// NULL when `equal` says so, else the left one.
    NullIf {
        left: Box<Expr>,
        right: Box<Expr>,
        equal: Function,
    },
    /// By the default order of their type; NULLs are left out.
    Greatest(Vec<Expr>),
    Least(Vec<Expr>),
    /// `left op ANY (array)`, `left op ALL (array)`; `x IN (1, 2)` over constants too.
    Quantified {
        left: Box<Expr>,
        array: Box<Expr>,
        operator: Function,
        all: bool,
    },
    /// Elements of one type, or arrays of one when `nested`.
    Array {
        elements: Vec<Expr>,
        nested: bool,
    },
    Row(Vec<Expr>),
    /// The same with names: a whole row of a table or subquery.
    NamedRow {
        names: Arc<[Arc<str>]>,
        fields: Vec<Expr>,
    },
    /// A field of a record, counted from 0.
    Field {
        record: Box<Expr>,
        field: usize,
    },
    Subscript {
        array: Box<Expr>,
        subscripts: Vec<Subscript>,
    },
    /// The array with one element or slice replaced: `SET a[1] = x`. A NULL array is an empty one.
    AssignElement {
        array: Box<Expr>,
        subscripts: Vec<Subscript>,
        value: Box<Expr>,
    },
    Subquery(Box<Subquery>),
    /// Only between binding and planning of a query block; [`Plan::Aggregate`] computes them.
    Aggregate(Box<AggregateCall>),
    /// Likewise, [`Plan::Window`].
    Window(Box<WindowCall>),
    /// Only in the select list, and in FROM: gives several rows. [`Plan::ProjectSet`] computes them.
    Set(Box<Call>),
    /// The value for a column that an INSERT or UPDATE calls DEFAULT; never evaluated.
    Default,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsTest {
    Null,
    /// `ROW(...) IS NULL`: every field is. Negated, every field is not.
    RowNull,
    True,
    False,
    Unknown,
}

#[derive(Clone, Debug)]
pub enum Subscript {
    Index(Expr),
    Slice(Option<Expr>, Option<Expr>),
}

#[derive(Clone, Debug)]
pub struct Call {
    pub function: Function,
    pub arguments: Vec<Expr>,
    /// The last argument is an array that stands for the rest.
    pub variadic: bool,
    /// The columns of its record, where the query says them: `FROM json_to_record(...) AS (a int)`.
    pub shape: Option<Fields>,
}

/// Names and types of a record's fields.
pub type Fields = Arc<[(Arc<str>, Type)]>;

impl Call {
    pub fn new(function: Function, arguments: Vec<Expr>) -> Call {
        Call { function, arguments, variadic: false, shape: None }
    }
}

/// What a call calls: a row of pg_proc, and how it is done.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    pub row: &'static builtin::Function,
    pub body: Body,
}

#[derive(Clone, Copy)]
pub enum Body {
    /// A pure function of crate `datum`.
    Pure(atoll_datum::function::Scalar),
    /// One that needs the session or the catalog: see [`crate::function`].
    Session(crate::function::SessionFunction),
    Waiting(crate::function::WaitingFunction),
    /// Gives rows.
    Set(atoll_datum::function::Set),
    SessionSet(crate::function::SessionSet),
    /// A pure one whose records have columns that its result type, its first argument or the query says.
    Populate(Populate),
    /// In [`AggregateCall`] and [`WindowCall`].
    Aggregate(atoll_datum::function::AggregateEntry),
    /// `percentile_cont` and its like.
    OrderedSet(atoll_datum::misc::ordered_set::OrderedSet),
    /// `rank(...) WITHIN GROUP`, which tells them by the function's name.
    Hypothetical,
    Window(super::WindowFunction),
}

impl Body {
    pub fn is_set(self) -> bool {
        match self {
            Body::Set(_) | Body::SessionSet(_) => true,
            Body::Populate(populate) => populate.is_set,
            _ => false,
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Body::Pure(_) => "Pure",
            Body::Session(_) => "Session",
            Body::Waiting(_) => "Waiting",
            Body::Set(_) => "Set",
            Body::SessionSet(_) => "SessionSet",
            Body::Populate(_) => "Populate",
            Body::Aggregate(_) => "Aggregate",
            Body::OrderedSet(_) => "OrderedSet",
            Body::Hypothetical => "Hypothetical",
            Body::Window(_) => "Window",
        })
    }
}

#[derive(Clone, Debug)]
pub struct Subquery {
    pub kind: SubqueryKind,
    pub plan: Plan,
}

#[derive(Clone, Debug)]
pub enum SubqueryKind {
    Exists,
    /// The one column of at most one row (21000 otherwise), NULL for none.
    Scalar,
    /// All rows' one column as an array.
    Array,
    /// `left op ANY (query)`, ALL; also IN and NOT IN. `compare` reads the left side's values and the subquery's
    /// columns (by their [`ColumnId`]s) and is a boolean for one row of the subquery.
    Quantified {
        compare: Box<Expr>,
        all: bool,
    },
    /// One row as a record, for `(a, b) = (SELECT ...)`.
    Row,
}

/// A user's enum type travels with the literal that needs it.
pub type EnumRef = Arc<EnumType>;

impl Expr {
    pub fn new(kind: ExprKind, ty: impl Into<Type>) -> Expr {
        Expr { kind, ty: ty.into(), at: None }
    }

    pub fn at(mut self, at: u32) -> Expr {
        self.at = Some(at);
        self
    }

    pub fn column(id: ColumnId, ty: impl Into<Type>) -> Expr {
        Expr::new(ExprKind::Column(id), ty)
    }

    pub fn literal(value: Datum, ty: impl Into<Type>) -> Expr {
        Expr::new(ExprKind::Literal(value), ty)
    }

    pub fn null(ty: impl Into<Type>) -> Expr {
        Expr::literal(Datum::Null, ty)
    }

    pub fn as_literal(&self) -> Option<&Datum> {
        match &self.kind {
            ExprKind::Literal(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_column(&self) -> Option<ColumnId> {
        match &self.kind {
            ExprKind::Column(id) => Some(*id),
            _ => None,
        }
    }

    /// Conditions joined by AND, one by one.
    pub fn conjuncts(self) -> Vec<Expr> {
        match self.kind {
            ExprKind::And(parts) => parts.into_iter().flat_map(Expr::conjuncts).collect(),
            _ => vec![self],
        }
    }

    /// All conditions together; true if there are none.
    pub fn all(mut conditions: Vec<Expr>) -> Expr {
        match conditions.len() {
            0 => Expr::literal(Datum::Bool(true), Type::BOOL),
            1 => conditions.remove(0),
            _ => Expr::new(ExprKind::And(conditions), Type::BOOL),
        }
    }

    /// The expressions directly below, subqueries' plans left out.
    pub fn children(&self) -> Vec<&Expr> {
        use ExprKind::*;
        match &self.kind {
            Literal(_) | Column(_) | Parameter(_) | Default => Vec::new(),
            Call(call) | Set(call) => call.arguments.iter().collect(),
            CastByText(operand) | Relabel(operand) | Not(operand) => vec![operand],
            CastArray { array, element, .. } => vec![array, element],
            And(parts) | Or(parts) | Coalesce(parts) | Greatest(parts) | Least(parts) | Row(parts) => {
                parts.iter().collect()
            }
            Array { elements, .. } => elements.iter().collect(),
            NamedRow { fields, .. } => fields.iter().collect(),
            AssignElement { array, subscripts, value } => {
                let mut children = vec![&**array, &**value];
                for subscript in subscripts {
                    match subscript {
                        self::Subscript::Index(index) => children.push(index),
                        self::Subscript::Slice(from, to) => children.extend(from.iter().chain(to)),
                    }
                }
                children
            }
            Is { operand, .. } => vec![operand],
            IsDistinctFrom { left, right, .. } | NullIf { left, right, .. } => vec![left, right],
            Case { branches, otherwise } => {
                branches.iter().flat_map(|(when, then)| [when, then]).chain(otherwise.as_deref()).collect()
            }
            Quantified { left, array, .. } => vec![left, array],
            Field { record, .. } => vec![record],
            Subscript { array, subscripts } => {
                let mut children = vec![&**array];
                for subscript in subscripts {
                    match subscript {
                        self::Subscript::Index(index) => children.push(index),
                        self::Subscript::Slice(from, to) => children.extend(from.iter().chain(to)),
                    }
                }
                children
            }
            Subquery(subquery) => match &subquery.kind {
                SubqueryKind::Quantified { compare, .. } => vec![compare],
                _ => Vec::new(),
            },
            Aggregate(call) => call.expressions().collect(),
            Window(call) => call.expressions().collect(),
        }
    }

    /// The same, to be changed.
    pub fn children_mut(&mut self) -> Vec<&mut Expr> {
        use ExprKind::*;
        match &mut self.kind {
            Literal(_) | Column(_) | Parameter(_) | Default => Vec::new(),
            Call(call) | Set(call) => call.arguments.iter_mut().collect(),
            CastByText(operand) | Relabel(operand) | Not(operand) => vec![operand],
            CastArray { array, element, .. } => vec![array, element],
            And(parts) | Or(parts) | Coalesce(parts) | Greatest(parts) | Least(parts) | Row(parts) => {
                parts.iter_mut().collect()
            }
            Array { elements, .. } => elements.iter_mut().collect(),
            NamedRow { fields, .. } => fields.iter_mut().collect(),
            AssignElement { array, subscripts, value } => {
                let mut children = vec![&mut **array, &mut **value];
                for subscript in subscripts {
                    match subscript {
                        self::Subscript::Index(index) => children.push(index),
                        self::Subscript::Slice(from, to) => children.extend(from.iter_mut().chain(to)),
                    }
                }
                children
            }
            Is { operand, .. } => vec![operand],
            IsDistinctFrom { left, right, .. } | NullIf { left, right, .. } => vec![left, right],
            Case { branches, otherwise } => {
                branches.iter_mut().flat_map(|(when, then)| [when, then]).chain(otherwise.as_deref_mut()).collect()
            }
            Quantified { left, array, .. } => vec![left, array],
            Field { record, .. } => vec![record],
            Subscript { array, subscripts } => {
                let mut children = vec![&mut **array];
                for subscript in subscripts {
                    match subscript {
                        self::Subscript::Index(index) => children.push(index),
                        self::Subscript::Slice(from, to) => children.extend(from.iter_mut().chain(to)),
                    }
                }
                children
            }
            Subquery(subquery) => match &mut subquery.kind {
                SubqueryKind::Quantified { compare, .. } => vec![compare],
                _ => Vec::new(),
            },
            Aggregate(call) => call.expressions_mut().collect(),
            Window(call) => call.expressions_mut().collect(),
        }
    }

    /// Whether this or anything below is so; does not look into the plans of subqueries.
    pub fn any(&self, test: &mut dyn FnMut(&Expr) -> bool) -> bool {
        test(self) || self.children().into_iter().any(|child| child.any(test))
    }

    /// Bottom up: children first.
    pub fn rewrite(&mut self, change: &mut dyn FnMut(&mut Expr)) {
        for child in self.children_mut() {
            child.rewrite(change);
        }
        change(self);
    }

    pub fn has_subquery(&self) -> bool {
        self.any(&mut |expr| matches!(expr.kind, ExprKind::Subquery(_)))
    }

    pub fn is_volatile(&self) -> bool {
        self.any(&mut |expr| match &expr.kind {
            ExprKind::Call(call) | ExprKind::Set(call) => call.function.row.volatility == b'v',
            _ => false,
        })
    }

    /// Columns read, those that subqueries read from outside included.
    pub fn columns(&self, out: &mut std::collections::BTreeSet<ColumnId>) {
        match &self.kind {
            ExprKind::Column(id) => drop(out.insert(*id)),
            ExprKind::CastArray { array, element, column } => {
                array.columns(out);
                let mut inner = std::collections::BTreeSet::new();
                element.columns(&mut inner);
                inner.remove(column);
                out.extend(inner);
            }
            ExprKind::Subquery(subquery) => {
                let mut inner = subquery.plan.outer_columns();
                if let SubqueryKind::Quantified { compare, .. } = &subquery.kind {
                    let mut compared = std::collections::BTreeSet::new();
                    compare.columns(&mut compared);
                    let made = subquery.plan.columns();
                    inner.extend(compared.into_iter().filter(|id| !made.contains(id)));
                }
                out.extend(inner);
            }
            _ => self.children().into_iter().for_each(|child| child.columns(out)),
        }
    }
}

/// The form (text, binary) of a type: of the built-in ones directly, of users' through the catalog.
pub fn is_builtin(oid: Oid) -> bool {
    oid.0 < crate::catalog::FIRST_USER_OID
}
