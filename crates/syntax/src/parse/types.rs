//! Names of types, SQL's own spellings included.

use atoll_datum::{Error, Result, sqlstate};

use super::Parser;
use crate::ast::{At, Expr, ExprKind, IntervalFields, Literal, Name, TypeName};
use crate::keyword::Keyword as K;
use crate::lexer::Kind;

impl Parser<'_> {
    pub(super) fn type_name(&mut self) -> Result<TypeName> {
        let at = self.at();
        let setof = self.eat(K::Setof);
        let mut type_name = self.simple_type_name()?;
        type_name.setof = setof;
        type_name.at = at;
        if self.eat(K::Array) {
            let size = if self.eat_symbol(b'[') {
                let size = self.integer()?;
                self.expect_symbol(b']')?;
                Some(size)
            } else {
                None
            };
            type_name.array_dims.push(size);
            return Ok(type_name);
        }
        while self.eat_symbol(b'[') {
            let size = if self.is_symbol(b']') { None } else { Some(self.integer()?) };
            self.expect_symbol(b']')?;
            type_name.array_dims.push(size);
        }
        Ok(type_name)
    }

    /// Without SETOF and brackets.
    pub(super) fn simple_type_name(&mut self) -> Result<TypeName> {
        match self.keyword() {
            Some(K::Interval) => self.interval_type(),
            Some(keyword) if self.is_sql_type(keyword) => self.sql_type(),
            _ => self.generic_type(),
        }
    }

    /// A type that the grammar knows by its words, INTERVAL aside. DOUBLE is a name like others unless PRECISION follows.
    pub(super) fn is_sql_type(&self, keyword: K) -> bool {
        match keyword {
            K::Double => self.is_ahead(1, K::Precision),
            K::Bigint | K::Bit | K::Boolean | K::Char | K::Character | K::Dec | K::Decimal | K::Float | K::Int => true,
            K::Integer | K::National | K::Nchar | K::Numeric | K::Real | K::Smallint => true,
            K::Time | K::Timestamp | K::Varchar => true,
            _ => false,
        }
    }

    fn generic_type(&mut self) -> Result<TypeName> {
        let at = self.at();
        let mut names = vec![self.type_function_name()?];
        self.attributes(&mut names)?;
        let modifiers = self.optional_modifiers()?;
        Ok(TypeName { modifiers, ..plain_type(names, at) })
    }

    /// PostgreSQL's func_type: also `table.column%TYPE`.
    pub(super) fn function_type(&mut self) -> Result<TypeName> {
        let setof = usize::from(self.is(K::Setof));
        let mut ahead = setof + 1;
        while self.is_symbol_ahead(ahead, b'.') && Self::is_label(self.kind_ahead(ahead + 1)) {
            ahead += 2;
        }
        let is_percent_type =
            ahead > setof + 1 && self.is_symbol_ahead(ahead, b'%') && self.is_ahead(ahead + 1, K::Type);
        if !is_percent_type {
            return self.type_name();
        }
        let at = self.at();
        let setof = self.eat(K::Setof);
        let mut names = vec![self.type_function_name()?];
        self.attributes(&mut names)?;
        self.advance();
        self.advance();
        Ok(TypeName { percent_type: true, setof, ..plain_type(names, at) })
    }

    fn optional_modifiers(&mut self) -> Result<Vec<Expr>> {
        if self.is_symbol(b'(') { self.parenthesized_list(Self::expr) } else { Ok(Vec::new()) }
    }

    /// One of the types that [`Parser::is_sql_type`] knows; the current token is its first word.
    pub(super) fn sql_type(&mut self) -> Result<TypeName> {
        let at = self.at();
        let Some(keyword) = self.keyword() else {
            return Err(self.unexpected());
        };
        self.advance();
        let (name, modifiers) = match keyword {
            K::Int | K::Integer => ("int4", Vec::new()),
            K::Smallint => ("int2", Vec::new()),
            K::Bigint => ("int8", Vec::new()),
            K::Real => ("float4", Vec::new()),
            K::Boolean => ("bool", Vec::new()),
            K::Double => {
                self.expect(K::Precision)?;
                ("float8", Vec::new())
            }
            K::Float => (self.float_precision()?, Vec::new()),
            K::Dec | K::Decimal | K::Numeric => ("numeric", self.optional_modifiers()?),
            K::Bit => {
                let varying = self.eat(K::Varying);
                let modifiers = self.optional_modifiers()?;
                match varying {
                    true => ("varbit", modifiers),
                    false => ("bit", or_one(modifiers, at)),
                }
            }
            K::Time | K::Timestamp => {
                let modifiers = self.optional_precision()?;
                (time_type(keyword, self.with_time_zone()?), modifiers)
            }
            _ => self.character_type(keyword, at)?,
        };
        Ok(TypeName { modifiers, ..system_type(name, at) })
    }

    fn character_type(&mut self, keyword: K, at: At) -> Result<(&'static str, Vec<Expr>)> {
        let varying = match keyword {
            K::Varchar => true,
            K::National => {
                if !self.eat(K::Character) {
                    self.expect(K::Char)?;
                }
                self.eat(K::Varying)
            }
            _ => self.eat(K::Varying),
        };
        let modifiers = self.optional_precision()?;
        Ok(match varying {
            true => ("varchar", modifiers),
            false => ("bpchar", or_one(modifiers, at)),
        })
    }

    fn float_precision(&mut self) -> Result<&'static str> {
        if !self.eat_symbol(b'(') {
            return Ok("float8");
        }
        let at = self.at();
        let bits = self.integer()?;
        let out_of_range = |message: &str| Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).at(at.offset()));
        self.expect_symbol(b')')?;
        match bits {
            ..=0 => out_of_range("precision for type float must be at least 1 bit"),
            1..=24 => Ok("float4"),
            25..=53 => Ok("float8"),
            _ => out_of_range("precision for type float must be less than 54 bits"),
        }
    }

    /// `(n)` with a plain integer, or nothing.
    fn optional_precision(&mut self) -> Result<Vec<Expr>> {
        if !self.is_symbol(b'(') {
            return Ok(Vec::new());
        }
        self.parenthesized(|parser| {
            let at = parser.at();
            Ok(vec![integer(parser.integer()?, at)])
        })
    }

    fn with_time_zone(&mut self) -> Result<bool> {
        if self.is(K::With) && self.is_ahead(1, K::Time) {
            self.advance();
            self.expect_all(&[K::Time, K::Zone])?;
            return Ok(true);
        }
        if self.eat(K::Without) {
            self.expect_all(&[K::Time, K::Zone])?;
        }
        Ok(false)
    }

    fn interval_type(&mut self) -> Result<TypeName> {
        let at = self.at();
        self.expect(K::Interval)?;
        let mut type_name = system_type("interval", at);
        if self.is_symbol(b'(') {
            type_name.modifiers = self.optional_precision()?;
        } else {
            (type_name.interval, type_name.modifiers) = self.interval_fields()?;
        }
        Ok(type_name)
    }

    /// `YEAR TO MONTH`, `SECOND(3)`, or nothing.
    pub(super) fn interval_fields(&mut self) -> Result<(Option<IntervalFields>, Vec<Expr>)> {
        use IntervalFields::*;
        let field = match self.keyword() {
            Some(K::Year) => Year,
            Some(K::Month) => Month,
            Some(K::Day) => Day,
            Some(K::Hour) => Hour,
            Some(K::Minute) => Minute,
            Some(K::Second) => Second,
            _ => return Ok((None, Vec::new())),
        };
        self.advance();
        let field = match field {
            Second | Month => field,
            _ if !self.eat(K::To) => field,
            first => {
                let last = match (first, self.keyword()) {
                    (Year, Some(K::Month)) => YearToMonth,
                    (Day, Some(K::Hour)) => DayToHour,
                    (Day, Some(K::Minute)) => DayToMinute,
                    (Day, Some(K::Second)) => DayToSecond,
                    (Hour, Some(K::Minute)) => HourToMinute,
                    (Hour, Some(K::Second)) => HourToSecond,
                    (Minute, Some(K::Second)) => MinuteToSecond,
                    _ => return Err(self.unexpected()),
                };
                self.advance();
                last
            }
        };
        let modifiers = match field {
            Second | DayToSecond | HourToSecond | MinuteToSecond => self.optional_precision()?,
            _ => Vec::new(),
        };
        Ok((Some(field), modifiers))
    }
}

fn time_type(keyword: K, zone: bool) -> &'static str {
    match (keyword, zone) {
        (K::Time, false) => "time",
        (K::Time, true) => "timetz",
        (_, false) => "timestamp",
        (_, true) => "timestamptz",
    }
}

pub(super) fn integer(value: i32, at: At) -> Expr {
    Expr { kind: ExprKind::Literal(Literal::Integer(value)), at }
}

/// `char` is `char(1)`, and `bit` is `bit(1)`.
fn or_one(modifiers: Vec<Expr>, at: At) -> Vec<Expr> {
    if modifiers.is_empty() { vec![integer(1, at)] } else { modifiers }
}

pub(super) fn plain_type(names: Vec<Name>, at: At) -> TypeName {
    TypeName {
        names,
        modifiers: Vec::new(),
        array_dims: Vec::new(),
        setof: false,
        interval: None,
        percent_type: false,
        at,
    }
}

pub(super) fn system_type(name: &str, at: At) -> TypeName {
    plain_type(system_name(name, at), at)
}

pub(super) fn system_name(name: &str, at: At) -> Vec<Name> {
    vec![Name::new("pg_catalog", at), Name::new(name, at)]
}

/// `Kind` of a literal that may follow the name of a type.
pub(super) fn is_string(kind: Kind) -> bool {
    kind == Kind::String
}
