//! From a tree to a text that has the same tree: for the definitions of views, defaults and checks that the catalog
//! keeps, and for tests.
//!
//! - this file: names, strings, settings, types
//! - `expression`, `query`
//! - `statement`, `table`, `definition`, `object`
//!
//! INVARIANT: whatever the parser has made, printed and parsed again, is equal. Operands are put in parentheses unless
//! they can't be misread, as PostgreSQL prints them; names are quoted unless they can't be taken for anything else.
//!
//! What it deliberately does not do: layout. A statement is one line.

mod definition;
mod expression;
mod object;
mod query;
mod statement;
mod table;

use std::fmt::Write;

use crate::ast::*;
use crate::keyword::{Class, Keyword};

pub fn statement(statement: &Statement) -> String {
    print(|printer| printer.statement(statement))
}

pub fn query(query: &Query) -> String {
    print(|printer| printer.query(query))
}

pub fn expression(expr: &Expr) -> String {
    print(|printer| printer.expr(expr))
}

pub fn type_name(type_name: &TypeName) -> String {
    print(|printer| printer.type_name(type_name))
}

/// A name as it must be written to be read as it is: with quotes only if it needs them.
pub fn identifier(name: &str) -> String {
    print(|printer| printer.identifier(name))
}

fn print(content: impl FnOnce(&mut Printer)) -> String {
    let mut printer = Printer { out: String::new() };
    content(&mut printer);
    printer.out
}

struct Printer {
    out: String,
}

impl Printer {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn number(&mut self, number: impl std::fmt::Display) {
        // Writing to a string can't fail.
        let _ = write!(self.out, "{number}");
    }

    /// The text, if the condition holds.
    fn put_if(&mut self, condition: bool, text: &str) {
        if condition {
            self.put(text);
        }
    }

    /// Items with commas between.
    fn list<T>(&mut self, items: &[T], item: impl FnMut(&mut Self, &T)) {
        self.separated(", ", items, item);
    }

    fn separated<T>(&mut self, separator: &str, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        for (index, value) in items.iter().enumerate() {
            self.put_if(index > 0, separator);
            item(self, value);
        }
    }

    fn parenthesized<T>(&mut self, items: &[T], item: impl FnMut(&mut Self, &T)) {
        self.put("(");
        self.list(items, item);
        self.put(")");
    }

    /// `prefix` and the items, unless there are none.
    fn list_after<T>(&mut self, prefix: &str, items: &[T], item: impl FnMut(&mut Self, &T)) {
        if !items.is_empty() {
            self.put(prefix);
            self.list(items, item);
        }
    }

    fn parenthesized_after<T>(&mut self, prefix: &str, items: &[T], item: impl FnMut(&mut Self, &T)) {
        if !items.is_empty() {
            self.put(prefix);
            self.parenthesized(items, item);
        }
    }

    /// `prefix` and the value, if there is one.
    fn after<T>(&mut self, prefix: &str, value: Option<&T>, item: impl FnOnce(&mut Self, &T)) {
        if let Some(value) = value {
            self.put(prefix);
            item(self, value);
        }
    }

    // Names

    fn identifier(&mut self, name: &str) {
        let is_plain = name
            .bytes()
            .enumerate()
            .all(|(index, byte)| byte.is_ascii_lowercase() || byte == b'_' || (index > 0 && byte.is_ascii_digit()));
        let is_word = Keyword::find(name).is_some_and(|keyword| keyword.class() != Class::Unreserved);
        if is_plain && !is_word && !name.is_empty() {
            return self.put(name);
        }
        self.quoted(name);
    }

    fn quoted(&mut self, name: &str) {
        self.put("\"");
        self.put(&name.replace('"', "\"\""));
        self.put("\"");
    }

    fn name(&mut self, name: &Name) {
        self.identifier(&name.text);
    }

    fn qualified_name(&mut self, names: &QualifiedName) {
        self.separated(".", names, Self::name);
    }

    fn names_after(&mut self, prefix: &str, names: &[Name]) {
        self.parenthesized_after(prefix, names, Self::name);
    }

    fn table_name(&mut self, table: &TableName) {
        self.put_if(table.only, "ONLY ");
        self.qualified_name(&table.name);
    }

    fn alias(&mut self, alias: Option<&Alias>) {
        self.after(" AS ", alias, |printer, alias| {
            printer.name(&alias.name);
            printer.names_after(" ", &alias.columns);
        });
    }

    fn string(&mut self, text: &str) {
        self.put("'");
        self.put(&text.replace('\'', "''"));
        self.put("'");
    }

    fn operator(&mut self, operator: &Operator) {
        if operator.schema.is_empty() {
            return self.put(&operator.symbol);
        }
        self.put("OPERATOR(");
        for name in &operator.schema {
            self.name(name);
            self.put(".");
        }
        self.put(&operator.symbol);
        self.put(")");
    }

    fn behavior(&mut self, behavior: DropBehavior) {
        self.put_if(behavior == DropBehavior::Cascade, " CASCADE");
    }

    // Settings

    fn setting_value(&mut self, value: &SettingValue) {
        match value {
            SettingValue::Text(text) => self.string(text),
            SettingValue::Number(number) => self.put(number),
            SettingValue::List(values) => self.parenthesized(values, Self::setting_value),
            SettingValue::Star => self.put("*"),
            SettingValue::Interval(value, type_name) => {
                self.put("INTERVAL");
                let fields = type_name.interval;
                if fields.is_none() {
                    self.modifiers(&type_name.modifiers);
                }
                self.put(" ");
                self.string(value);
                if fields.is_some() {
                    self.interval_fields(type_name);
                }
            }
        }
    }

    /// `name value`, as EXPLAIN has it.
    fn option(&mut self, setting: &Setting) {
        self.name(&setting.name);
        self.after(" ", setting.value.as_ref(), Self::setting_value);
    }

    /// `name = value`, as WITH has it.
    fn storage_option(&mut self, setting: &Setting) {
        if let Some(namespace) = &setting.namespace {
            self.name(namespace);
            self.put(".");
        }
        self.name(&setting.name);
        self.after(" = ", setting.value.as_ref(), Self::setting_value);
    }

    fn storage_options(&mut self, prefix: &str, settings: &[Setting]) {
        self.parenthesized_after(prefix, settings, Self::storage_option);
    }

    // Types

    fn type_name(&mut self, type_name: &TypeName) {
        self.put_if(type_name.setof, "SETOF ");
        if !self.sql_type(type_name) {
            self.qualified_name(&type_name.names);
            self.modifiers(&type_name.modifiers);
        }
        self.put_if(type_name.percent_type, "%TYPE");
        for size in &type_name.array_dims {
            self.put("[");
            if let Some(size) = size {
                self.number(size);
            }
            self.put("]");
        }
    }

    fn modifiers(&mut self, modifiers: &[Expr]) {
        self.parenthesized_after("", modifiers, Self::expr);
    }

    /// In SQL's own words, if it has some that mean exactly this.
    fn sql_type(&mut self, type_name: &TypeName) -> bool {
        let [schema, name] = &type_name.names[..] else {
            return false;
        };
        if schema.as_str() != "pg_catalog" || type_name.percent_type {
            return false;
        }
        let modifiers = &type_name.modifiers[..];
        let is_precision = matches!(modifiers, [] | [Expr { kind: ExprKind::Literal(Literal::Integer(0..)), .. }]);
        let plain = match name.as_str() {
            "int2" => "smallint",
            "int4" => "integer",
            "int8" => "bigint",
            "float4" => "real",
            "float8" => "double precision",
            "bool" => "boolean",
            _ => "",
        };
        if !plain.is_empty() {
            self.put_if(modifiers.is_empty(), plain);
            return modifiers.is_empty();
        }
        let (before, after) = match name.as_str() {
            "numeric" => ("numeric", ""),
            "varbit" => ("bit varying", ""),
            "bit" if !modifiers.is_empty() => ("bit", ""),
            "varchar" if is_precision => ("character varying", ""),
            "bpchar" if is_precision && !modifiers.is_empty() => ("character", ""),
            "time" if is_precision => ("time", " without time zone"),
            "timetz" if is_precision => ("time", " with time zone"),
            "timestamp" if is_precision => ("timestamp", " without time zone"),
            "timestamptz" if is_precision => ("timestamp", " with time zone"),
            "interval" if is_precision && type_name.interval.is_none() => ("interval", ""),
            "interval" if type_name.interval.is_some() => {
                self.put("interval");
                self.interval_fields(type_name);
                return true;
            }
            _ => return false,
        };
        self.put(before);
        self.modifiers(modifiers);
        self.put(after);
        true
    }

    fn interval_fields(&mut self, type_name: &TypeName) {
        use IntervalFields::*;
        self.put(match type_name.interval {
            None => "",
            Some(Year) => " YEAR",
            Some(Month) => " MONTH",
            Some(Day) => " DAY",
            Some(Hour) => " HOUR",
            Some(Minute) => " MINUTE",
            Some(Second) => " SECOND",
            Some(YearToMonth) => " YEAR TO MONTH",
            Some(DayToHour) => " DAY TO HOUR",
            Some(DayToMinute) => " DAY TO MINUTE",
            Some(DayToSecond) => " DAY TO SECOND",
            Some(HourToMinute) => " HOUR TO MINUTE",
            Some(HourToSecond) => " HOUR TO SECOND",
            Some(MinuteToSecond) => " MINUTE TO SECOND",
        });
        self.modifiers(&type_name.modifiers);
    }
}
