//! Everything that has a value.

use super::{At, Name, OrderBy, QualifiedName, Query, TypeName, WindowSpec};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expr {
    pub kind: ExprKind,
    /// Where the expression begins, parentheses around it not counted. Errors about an operator point at the
    /// operator, which has its own position.
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ExprKind {
    Literal(Literal),
    /// `$1`.
    Parameter(u32),
    /// `a`, `t.a`, `s.t.a`, `c.s.t.a`: whether it is a column, a row or a parameter of a function is the binder's to say.
    Column(QualifiedName),
    /// `*` (no qualifier), `t.*`.
    Star(Vec<Name>),
    /// `(e).a`, `(e).*`, `e[1]`, `a[1].b[2:3]`. `a.b` is a column, `(a).b` a field of one.
    Indirection(Box<Expr>, Vec<Indirection>),
    /// Two or more; `a AND b AND c` is one, `a AND (b AND c)` is two.
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Unary(Box<Unary>),
    Binary(Box<Binary>),
    Is(Box<Is>),
    IsDistinctFrom(Box<IsDistinctFrom>),
    Between(Box<Between>),
    Like(Box<Like>),
    In(Box<In>),
    Quantified(Box<Quantified>),
    Call(Box<Call>),
    Cast(Box<Cast>),
    Collate(Box<Collate>),
    Case(Box<Case>),
    Coalesce(Vec<Expr>),
    NullIf(Box<(Expr, Expr)>),
    Greatest(Vec<Expr>),
    Least(Vec<Expr>),
    Row(Row),
    Array(Vec<Expr>),
    ArrayQuery(Box<Query>),
    Exists(Box<Query>),
    Subquery(Box<Query>),
    /// `CURRENT_DATE` and the others that are called without parentheses.
    Value(ValueFunction),
    Grouping(Vec<Expr>),
    /// `DEFAULT`: the grammar allows it anywhere, its meaning only some places.
    Default,
    /// `WHERE CURRENT OF cursor`, the whole condition of an UPDATE or DELETE.
    CurrentOf(Name),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Literal {
    Null,
    Boolean(bool),
    Integer(i32),
    /// Any other number, as it was written, with the minus sign that stood before it: the binder says whether it is
    /// an integer, a bigint or a numeric.
    Number(Box<str>),
    /// Of type unknown.
    String(Box<str>),
    /// `b'01'`: nobody has checked the digits yet.
    Bits(Box<str>),
    /// `x'1f'`: nobody has checked the digits yet.
    HexBits(Box<str>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Indirection {
    Field(Name),
    Star,
    Index(Expr),
    Slice(Option<Expr>, Option<Expr>),
}

/// `+`, `pg_catalog.+` (written `OPERATOR(pg_catalog.+)`). `!=` arrives as `<>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operator {
    pub schema: Vec<Name>,
    pub symbol: Box<str>,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unary {
    pub operator: Operator,
    pub operand: Expr,
}

/// Comparisons included; rows on both sides are [`ExprKind::Row`]s.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Binary {
    pub operator: Operator,
    pub left: Expr,
    pub right: Expr,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Is {
    pub operand: Expr,
    pub test: IsTest,
    pub negated: bool,
    /// Of `IS`.
    pub at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IsTest {
    Null,
    True,
    False,
    Unknown,
    Normalized(NormalForm),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NormalForm {
    #[default]
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IsDistinctFrom {
    pub left: Expr,
    pub right: Expr,
    pub negated: bool,
    /// Of `IS`.
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Between {
    pub operand: Expr,
    pub low: Expr,
    pub high: Expr,
    pub symmetric: bool,
    pub negated: bool,
    /// Of `BETWEEN` or of the `NOT` before it.
    pub at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LikeKind {
    /// Operator `~~`, negated `!~~`.
    Like,
    /// Operator `~~*`, negated `!~~*`.
    ILike,
    /// Operator `~` or `!~` on the pattern turned into a regular expression.
    SimilarTo,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Like {
    pub kind: LikeKind,
    pub operand: Expr,
    pub pattern: Expr,
    pub escape: Option<Expr>,
    pub negated: bool,
    /// Of `LIKE`, `ILIKE`, `SIMILAR` or of the `NOT` before them.
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct In {
    pub operand: Expr,
    pub set: InSet,
    pub negated: bool,
    /// Of `IN` or of the `NOT` before it.
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum InSet {
    List(Vec<Expr>),
    Query(Box<Query>),
}

/// `x = ANY (...)`, `x <> ALL (...)`. `LIKE ANY` arrives as operator `~~`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Quantified {
    pub operator: Operator,
    pub quantifier: Quantifier,
    pub left: Expr,
    pub right: QuantifiedSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// Also `SOME`.
    Any,
    All,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QuantifiedSet {
    Array(Expr),
    Query(Box<Query>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    pub name: QualifiedName,
    pub arguments: Vec<Argument>,
    /// `f(*)`, which has no other arguments.
    pub star: bool,
    pub distinct: bool,
    /// The last argument is an array of the rest.
    pub variadic: bool,
    /// Inside the parentheses, or after `WITHIN GROUP`.
    pub order_by: Vec<OrderBy>,
    pub within_group: bool,
    pub filter: Option<Expr>,
    pub over: Option<Over>,
    pub syntax: CallSyntax,
}

/// How a call was written, which only its printed form and some messages need: the meaning is in name and arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CallSyntax {
    #[default]
    Plain,
    /// SQL's own: `EXTRACT(f FROM x)`, `x AT TIME ZONE z`, `TRIM(...)`, `(a, b) OVERLAPS (c, d)` and their like.
    Sql,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Argument {
    /// Of `name => value` and `name := value`.
    pub name: Option<Name>,
    pub value: Expr,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Over {
    Window(Name),
    Spec(Box<WindowSpec>),
}

/// `CAST(x AS t)`, `x::t`, `t 'x'`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cast {
    pub operand: Expr,
    pub to: TypeName,
    /// Of `::`, of `CAST`, or of the type before a literal.
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Collate {
    pub operand: Expr,
    pub collation: QualifiedName,
    /// Of `COLLATE`.
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Case {
    pub operand: Option<Expr>,
    pub branches: Vec<CaseBranch>,
    pub otherwise: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CaseBranch {
    pub when: Expr,
    pub then: Expr,
    /// Of `WHEN`.
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    pub fields: Vec<Expr>,
    /// `ROW(a, b)` rather than `(a, b)`.
    pub explicit: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueFunction {
    CurrentDate,
    CurrentTime(Option<i32>),
    CurrentTimestamp(Option<i32>),
    LocalTime(Option<i32>),
    LocalTimestamp(Option<i32>),
    CurrentRole,
    CurrentUser,
    User,
    SessionUser,
    CurrentCatalog,
    CurrentSchema,
}
