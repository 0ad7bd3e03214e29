//! The name of a type as a statement writes it.

use super::{At, Expr, QualifiedName};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TypeName {
    /// SQL's own spellings are qualified: `integer` is `pg_catalog.int4`; `int4` is just `int4`.
    pub names: QualifiedName,
    /// `numeric(10, 2)`: any expression as far as the grammar goes. `char` and `bit` without a length have `1` here.
    pub modifiers: Vec<Expr>,
    /// One for each `[n]` or `[]`.
    pub array_dims: Vec<Option<i32>>,
    pub setof: bool,
    /// Only of `pg_catalog.interval`; a precision of seconds is in `modifiers`.
    pub interval: Option<IntervalFields>,
    /// `table.column%TYPE`.
    pub percent_type: bool,
    pub at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntervalFields {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    YearToMonth,
    DayToHour,
    DayToMinute,
    DayToSecond,
    HourToMinute,
    HourToSecond,
    MinuteToSecond,
}
