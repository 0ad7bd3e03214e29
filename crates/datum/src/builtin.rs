//! PostgreSQL 15's own tables of types, functions, operators, casts and aggregates, as data.
//!
//! The files in `data/` are rows of its catalogs of the same names (PostgreSQL Licence); columns as listed at each
//! struct. They are parsed once, on first use.
//!
//! INVARIANT: the rows are whole, whether Atoll can do what they name or not: resolution finds what PostgreSQL would
//! find, and what has no implementation is refused by name.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::LazyLock;

use crate::oid::Oid;

/// A row of pg_type.
#[derive(Debug)]
pub struct Type {
    pub oid: Oid,
    pub name: &'static str,
    pub length: i16,
    pub by_value: bool,
    /// `b`ase, `p`seudo, `r`ange, `m`ultirange.
    pub kind: u8,
    pub category: u8,
    pub preferred: bool,
    pub delimiter: u8,
    pub element: Oid,
    pub array: Oid,
    pub input: &'static str,
    pub output: &'static str,
    pub receive: &'static str,
    pub send: &'static str,
    pub modifier_in: &'static str,
    pub modifier_out: &'static str,
    pub align: u8,
    pub storage: u8,
    pub collation: Oid,
    pub subscript: &'static str,
}

impl Type {
    /// An array of another type, as PostgreSQL tells it: one that is subscripted by `array_subscript_handler`.
    pub fn is_array(&self) -> bool {
        self.subscript == "array_subscript_handler"
    }
}

/// A row of pg_proc.
#[derive(Debug)]
pub struct Function {
    pub oid: Oid,
    pub name: &'static str,
    /// `f`unction, `a`ggregate, `w`indow, `p`rocedure.
    pub kind: u8,
    pub strict: bool,
    pub returns_set: bool,
    /// `i`mmutable, `s`table, `v`olatile.
    pub volatility: u8,
    pub defaults: usize,
    pub result: Oid,
    /// Input arguments.
    pub arguments: Vec<Oid>,
    /// As in the file: space separated.
    pub argument_list: &'static str,
    /// Element type of a VARIADIC last argument, or [`oid::ANY`](crate::oid::ANY).
    pub variadic: Oid,
    /// With output arguments: types, modes (`i`, `o`, `b`, `v`, `t`) and names of all.
    pub all_arguments: Vec<Oid>,
    pub modes: Vec<u8>,
    pub names: Vec<&'static str>,
    /// 12 internal, 13 C, 14 SQL.
    pub language: u32,
    pub source: &'static str,
    /// The default expressions of the last arguments, as SQL.
    pub default_text: Option<&'static str>,
}

/// A row of pg_operator.
#[derive(Debug)]
pub struct Operator {
    pub oid: Oid,
    pub name: &'static str,
    /// `b`oth sides or `l`eft (prefix).
    pub kind: u8,
    pub merges: bool,
    pub hashes: bool,
    pub left: Oid,
    pub right: Oid,
    pub result: Oid,
    pub commutator: Oid,
    pub negator: Oid,
    pub function: Oid,
}

/// A row of pg_cast.
#[derive(Debug)]
pub struct Cast {
    pub oid: Oid,
    pub source: Oid,
    pub target: Oid,
    /// None when the bytes are the same (`binary`) or it goes through text (`inout`).
    pub function: Oid,
    /// `i`mplicit, `a`ssignment, `e`xplicit.
    pub context: u8,
    /// `f`unction, `b`inary, `i`nout.
    pub method: u8,
}

/// A row of pg_aggregate.
#[derive(Debug)]
pub struct Aggregate {
    pub function: Oid,
    /// `n`ormal, `o`rdered set, `h`ypothetical set.
    pub kind: u8,
    pub direct_arguments: usize,
}

pub struct Builtin {
    pub types: Vec<Type>,
    pub functions: Vec<Function>,
    pub operators: Vec<Operator>,
    pub casts: Vec<Cast>,
    pub aggregates: Vec<Aggregate>,
    type_by_oid: HashMap<Oid, usize>,
    type_by_name: HashMap<&'static str, usize>,
    function_by_oid: HashMap<Oid, usize>,
    functions_by_name: HashMap<&'static str, Vec<usize>>,
    operator_by_oid: HashMap<Oid, usize>,
    operators_by_name: HashMap<&'static str, Vec<usize>>,
    cast_by_types: HashMap<(Oid, Oid), usize>,
    aggregate_by_oid: HashMap<Oid, usize>,
}

static BUILTIN: LazyLock<Builtin> = LazyLock::new(Builtin::parse);

pub fn builtin() -> &'static Builtin {
    &BUILTIN
}

impl Builtin {
    pub fn type_by_oid(&self, oid: Oid) -> Option<&Type> {
        self.type_by_oid.get(&oid).map(|at| &self.types[*at])
    }

    /// By the name in pg_type: `int4`, not `integer`.
    pub fn type_by_name(&self, name: &str) -> Option<&Type> {
        self.type_by_name.get(name).map(|at| &self.types[*at])
    }

    pub fn function(&self, oid: Oid) -> Option<&Function> {
        self.function_by_oid.get(&oid).map(|at| &self.functions[*at])
    }

    pub fn functions_named(&self, name: &str) -> impl Iterator<Item = &Function> {
        self.functions_by_name.get(name).into_iter().flatten().map(|at| &self.functions[*at])
    }

    pub fn operator(&self, oid: Oid) -> Option<&Operator> {
        self.operator_by_oid.get(&oid).map(|at| &self.operators[*at])
    }

    pub fn operators_named(&self, name: &str) -> impl Iterator<Item = &Operator> {
        self.operators_by_name.get(name).into_iter().flatten().map(|at| &self.operators[*at])
    }

    pub fn cast(&self, source: Oid, target: Oid) -> Option<&Cast> {
        self.cast_by_types.get(&(source, target)).map(|at| &self.casts[*at])
    }

    pub fn aggregate(&self, function: Oid) -> Option<&Aggregate> {
        self.aggregate_by_oid.get(&function).map(|at| &self.aggregates[*at])
    }

    fn parse() -> Builtin {
        let types: Vec<Type> = rows(include_str!("../data/pg_type.tsv")).map(parse_type).collect();
        let functions: Vec<Function> = rows(include_str!("../data/pg_proc.tsv")).map(parse_function).collect();
        let operators: Vec<Operator> = rows(include_str!("../data/pg_operator.tsv")).map(parse_operator).collect();
        let casts: Vec<Cast> = rows(include_str!("../data/pg_cast.tsv")).map(parse_cast).collect();
        let aggregates: Vec<Aggregate> = rows(include_str!("../data/pg_aggregate.tsv")).map(parse_aggregate).collect();
        Builtin {
            type_by_oid: index(&types, |row| row.oid),
            type_by_name: index(&types, |row| row.name),
            function_by_oid: index(&functions, |row| row.oid),
            functions_by_name: group(&functions, |row| row.name),
            operator_by_oid: index(&operators, |row| row.oid),
            operators_by_name: group(&operators, |row| row.name),
            cast_by_types: index(&casts, |row| (row.source, row.target)),
            aggregate_by_oid: index(&aggregates, |row| row.function),
            types,
            functions,
            operators,
            casts,
            aggregates,
        }
    }
}

fn index<T, K: std::hash::Hash + Eq>(rows: &[T], key: impl Fn(&T) -> K) -> HashMap<K, usize> {
    rows.iter().enumerate().map(|(at, row)| (key(row), at)).collect()
}

fn group<T>(rows: &[T], key: impl Fn(&T) -> &'static str) -> HashMap<&'static str, Vec<usize>> {
    let mut groups: HashMap<_, Vec<usize>> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        groups.entry(key(row)).or_default().push(at);
    }
    groups
}

/// The fields of one line; the data is ours, so a missing or malformed one is a bug.
struct Fields(std::str::Split<'static, char>);

fn rows(text: &'static str) -> impl Iterator<Item = Fields> {
    text.lines().map(|line| Fields(line.split('\t')))
}

impl Fields {
    fn text(&mut self) -> &'static str {
        self.0.next().expect("a column of the built-in data")
    }

    fn optional(&mut self) -> Option<&'static str> {
        Some(self.text()).filter(|text| *text != "\\N")
    }

    fn number<T: FromStr>(&mut self) -> T {
        self.text().parse().ok().expect("a number of the built-in data")
    }

    fn oid(&mut self) -> Oid {
        Oid(self.number())
    }

    fn letter(&mut self) -> u8 {
        self.text().as_bytes()[0]
    }

    fn bool(&mut self) -> bool {
        self.text() == "t"
    }

    /// `{a,b}`; quotes are taken off.
    fn list(&mut self) -> Vec<&'static str> {
        let Some(text) = self.optional() else { return Vec::new() };
        text.trim_matches(['{', '}']).split(',').map(|item| item.trim_matches('"')).collect()
    }
}

fn oids<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Oid> {
    texts.map(|text| Oid(text.parse().expect("an oid of the built-in data"))).collect()
}

fn parse_type(mut row: Fields) -> Type {
    let (oid, name, length, by_value, kind) = (row.oid(), row.text(), row.number(), row.bool(), row.letter());
    let (category, preferred, delimiter, _relation) = (row.letter(), row.bool(), row.letter(), row.text());
    let (subscript, element, array) = (row.text(), row.oid(), row.oid());
    let (input, output, receive, send) = (row.text(), row.text(), row.text(), row.text());
    let (modifier_in, modifier_out, align, storage) = (row.text(), row.text(), row.letter(), row.letter());
    let collation = row.oid();
    Type {
        oid,
        name,
        length,
        by_value,
        kind,
        category,
        preferred,
        delimiter,
        element,
        array,
        input,
        output,
        receive,
        send,
        modifier_in,
        modifier_out,
        align,
        storage,
        collation,
        subscript,
    }
}

fn parse_function(mut row: Fields) -> Function {
    let (oid, name, kind, strict, returns_set) = (row.oid(), row.text(), row.letter(), row.bool(), row.bool());
    let (volatility, _arguments, defaults, result) = (row.letter(), row.text(), row.number(), row.oid());
    let (argument_list, variadic) = (row.text(), row.oid());
    let (all_arguments, modes, names) = (row.list(), row.list(), row.list());
    let (language, source, default_text) = (row.number(), row.text(), row.optional());
    Function {
        oid,
        name,
        kind,
        strict,
        returns_set,
        volatility,
        defaults,
        result,
        arguments: oids(argument_list.split_ascii_whitespace()),
        argument_list,
        variadic,
        all_arguments: oids(all_arguments.into_iter()),
        modes: modes.iter().map(|mode| mode.as_bytes()[0]).collect(),
        names,
        language,
        source,
        default_text,
    }
}

fn parse_operator(mut row: Fields) -> Operator {
    Operator {
        oid: row.oid(),
        name: row.text(),
        kind: row.letter(),
        merges: row.bool(),
        hashes: row.bool(),
        left: row.oid(),
        right: row.oid(),
        result: row.oid(),
        commutator: row.oid(),
        negator: row.oid(),
        function: row.oid(),
    }
}

fn parse_cast(mut row: Fields) -> Cast {
    Cast {
        oid: row.oid(),
        source: row.oid(),
        target: row.oid(),
        function: row.oid(),
        context: row.letter(),
        method: row.letter(),
    }
}

fn parse_aggregate(mut row: Fields) -> Aggregate {
    Aggregate { function: row.oid(), kind: row.letter(), direct_arguments: row.number() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oid;

    #[test]
    fn rows_are_found_by_what_they_are_asked_for() {
        let builtin = builtin();
        assert_eq!(builtin.type_by_oid(oid::INT4).map(|row| (row.name, row.array)), Some(("int4", oid::INT4_ARRAY)));
        assert!(builtin.type_by_name("_int4").is_some_and(|row| row.is_array() && row.element == oid::INT4));
        assert!(!builtin.type_by_name("name").is_some_and(Type::is_array));
        let plus = builtin.operators_named("+").find(|row| (row.left, row.right) == (oid::INT4, oid::INT4));
        assert_eq!(plus.and_then(|row| builtin.function(row.function)).map(|row| row.source), Some("int4pl"));
        assert!(builtin.cast(oid::INT4, oid::INT8).is_some_and(|row| row.context == b'i'));
        assert!(builtin.functions_named("generate_series").all(|row| row.returns_set));
        assert!(builtin.functions_named("make_interval").any(|row| row.defaults == 7 && row.names[0] == "years"));
    }
}
