//! Identifiers, numbers, strings, settings: what every statement is made of.

use atoll_datum::Result;

use super::Parser;
use crate::ast::{Alias, At, DropBehavior, Name, Operator, QualifiedName, Setting, SettingValue, TableName};
use crate::keyword::{Class, Keyword as K};
use crate::lexer::Kind;

impl Parser<'_> {
    /// Takes the current token as a name, whatever it is.
    pub(super) fn take_name(&mut self) -> Name {
        let token = self.advance();
        Name { text: self.tokens.name(token), at: At(token.start) }
    }

    fn is_name(kind: Kind, allowed: impl Fn(Class) -> bool) -> bool {
        match kind {
            Kind::Identifier | Kind::QuotedIdentifier => true,
            Kind::Keyword(keyword) => allowed(keyword.class()),
            _ => false,
        }
    }

    pub(super) fn is_column_name(kind: Kind) -> bool {
        Self::is_name(kind, |class| matches!(class, Class::Unreserved | Class::ColumnName))
    }

    pub(super) fn is_type_name(kind: Kind) -> bool {
        Self::is_name(kind, |class| matches!(class, Class::Unreserved | Class::TypeFunctionName))
    }

    pub(super) fn is_label(kind: Kind) -> bool {
        Self::is_name(kind, |_| true)
    }

    /// A name that is no label and no reserved word.
    pub(super) fn is_word(kind: Kind) -> bool {
        Self::is_name(kind, |class| class != Class::Reserved)
    }

    /// PostgreSQL's ColId: a column, a table, most other things.
    pub(super) fn name(&mut self) -> Result<Name> {
        if Self::is_column_name(self.kind()) { Ok(self.take_name()) } else { Err(self.unexpected()) }
    }

    /// PostgreSQL's ColLabel: behind AS or a dot.
    pub(super) fn label(&mut self) -> Result<Name> {
        if Self::is_label(self.kind()) { Ok(self.take_name()) } else { Err(self.unexpected()) }
    }

    /// PostgreSQL's type_function_name.
    pub(super) fn type_function_name(&mut self) -> Result<Name> {
        if Self::is_type_name(self.kind()) { Ok(self.take_name()) } else { Err(self.unexpected()) }
    }

    /// PostgreSQL's NonReservedWord.
    pub(super) fn word(&mut self) -> Result<Name> {
        if Self::is_word(self.kind()) { Ok(self.take_name()) } else { Err(self.unexpected()) }
    }

    /// Behind a first name: `.b.c`.
    pub(super) fn attributes(&mut self, names: &mut Vec<Name>) -> Result<()> {
        while self.eat_symbol(b'.') {
            names.push(self.label()?);
        }
        Ok(())
    }

    /// PostgreSQL's any_name and qualified_name.
    pub(super) fn qualified_name(&mut self) -> Result<QualifiedName> {
        let mut names = vec![self.name()?];
        self.attributes(&mut names)?;
        Ok(names)
    }

    /// PostgreSQL's func_name: what only tables and columns are called needs a qualifier, what only types and functions
    /// are called can't have one.
    pub(super) fn function_name(&mut self) -> Result<QualifiedName> {
        let kind = self.kind();
        if !Self::is_word(kind) {
            return Err(self.unexpected());
        }
        let mut names = vec![self.take_name()];
        if Self::is_column_name(kind) {
            self.attributes(&mut names)?;
        }
        if names.len() == 1 && !Self::is_type_name(kind) {
            return Err(self.unexpected());
        }
        Ok(names)
    }

    pub(super) fn names(&mut self) -> Result<Vec<Name>> {
        self.list(Self::name)
    }

    pub(super) fn parenthesized_names(&mut self) -> Result<Vec<Name>> {
        self.parenthesized_list(Self::name)
    }

    /// `(a, b)`, or nothing.
    pub(super) fn optional_names(&mut self) -> Result<Vec<Name>> {
        if self.is_symbol(b'(') { self.parenthesized_names() } else { Ok(Vec::new()) }
    }

    /// `[ONLY] t [*]`, `ONLY (t)`.
    pub(super) fn table_name(&mut self) -> Result<TableName> {
        if self.eat(K::Only) {
            let name =
                if self.is_symbol(b'(') { self.parenthesized(Self::qualified_name)? } else { self.qualified_name()? };
            return Ok(TableName { name, only: true });
        }
        let name = self.qualified_name()?;
        self.eat_symbol(b'*');
        Ok(TableName { name, only: false })
    }

    /// `[AS] alias [(columns)]`; what follows a table in FROM.
    pub(super) fn alias(&mut self) -> Result<Option<Alias>> {
        let named = self.eat(K::As);
        if !named && !Self::is_column_name(self.kind()) {
            return Ok(None);
        }
        Ok(Some(Alias { name: self.name()?, columns: self.optional_names()? }))
    }

    pub(super) fn if_exists(&mut self) -> bool {
        self.eat_all(&[K::If, K::Exists])
    }

    pub(super) fn if_not_exists(&mut self) -> Result<bool> {
        if self.is(K::If) && self.is_ahead(1, K::Not) {
            self.advance();
            self.expect_all(&[K::Not, K::Exists])?;
            return Ok(true);
        }
        Ok(false)
    }

    pub(super) fn or_replace(&mut self) -> Result<bool> {
        Ok(self.optional(K::Or, |parser| parser.expect(K::Replace))?.is_some())
    }

    pub(super) fn drop_behavior(&mut self) -> DropBehavior {
        if self.eat(K::Cascade) {
            return DropBehavior::Cascade;
        }
        self.eat(K::Restrict);
        DropBehavior::Restrict
    }

    pub(super) fn string(&mut self) -> Result<Box<str>> {
        if self.kind() != Kind::String {
            return Err(self.unexpected());
        }
        let token = self.advance();
        Ok(self.tokens.string(token).into())
    }

    /// An integer of 32 bits without a sign.
    pub(super) fn integer(&mut self) -> Result<i32> {
        let value = match self.kind() {
            Kind::Integer => self.tokens.source(self.token()).parse().ok(),
            _ => None,
        };
        match value {
            Some(value) => {
                self.advance();
                Ok(value)
            }
            None => Err(self.unexpected()),
        }
    }

    pub(super) fn signed_integer(&mut self) -> Result<i32> {
        let negative = self.eat_symbol(b'-');
        if !negative {
            self.eat_symbol(b'+');
        }
        let value = self.integer()?;
        Ok(if negative { -value } else { value })
    }

    /// Any number, with its sign.
    pub(super) fn number(&mut self) -> Result<Box<str>> {
        let negative = self.eat_symbol(b'-');
        if !negative {
            self.eat_symbol(b'+');
        }
        if !matches!(self.kind(), Kind::Integer | Kind::Number) {
            return Err(self.unexpected());
        }
        let token = self.advance();
        let digits = self.tokens.source(token);
        Ok(if negative { format!("-{digits}").into() } else { digits.into() })
    }

    pub(super) fn is_number(&self) -> bool {
        match self.kind() {
            Kind::Integer | Kind::Number => true,
            Kind::Symbol(b'+' | b'-') => matches!(self.kind_ahead(1), Kind::Integer | Kind::Number),
            _ => false,
        }
    }

    /// The symbol of any operator token, or nothing: `+`, `<=`, `||`.
    pub(super) fn operator_symbol(&self) -> Option<&str> {
        match self.kind() {
            Kind::NotEquals => Some("<>"),
            Kind::Operator | Kind::LessEquals | Kind::GreaterEquals => Some(self.tokens.source(self.token())),
            Kind::Symbol(b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'<' | b'>' | b'=') => {
                Some(self.tokens.source(self.token()))
            }
            _ => None,
        }
    }

    pub(super) fn plain_operator(&mut self) -> Result<Operator> {
        let at = self.at();
        let Some(symbol) = self.operator_symbol() else {
            return Err(self.unexpected());
        };
        let symbol = symbol.into();
        self.advance();
        Ok(Operator { schema: Vec::new(), symbol, at })
    }

    /// `schema.+`, without the OPERATOR and the parentheses around.
    pub(super) fn qualified_operator(&mut self) -> Result<Operator> {
        let at = self.at();
        let mut schema = Vec::new();
        while Self::is_column_name(self.kind()) {
            schema.push(self.name()?);
            self.expect_symbol(b'.')?;
        }
        let operator = self.plain_operator()?;
        Ok(Operator { schema, at, ..operator })
    }

    /// `OPERATOR(schema.+)`.
    pub(super) fn operator_call(&mut self) -> Result<Operator> {
        let at = self.at();
        self.expect(K::Operator)?;
        let operator = self.parenthesized(Self::qualified_operator)?;
        Ok(Operator { at, ..operator })
    }

    /// `WITH (a = 1, b, toast.c = off)`: the list with its parentheses.
    pub(super) fn storage_options(&mut self) -> Result<Vec<Setting>> {
        self.parenthesized_list(|parser| {
            let mut name = parser.label()?;
            let mut namespace = None;
            if parser.eat_symbol(b'.') {
                namespace = Some(name);
                name = parser.label()?;
            }
            let value = if parser.eat_symbol(b'=') { Some(parser.definition_value()?) } else { None };
            Ok(Setting { namespace, name, value })
        })
    }

    /// `(a = 1, b)` with a plain name, as CREATE TYPE and its like have it.
    pub(super) fn definition(&mut self) -> Result<Vec<Setting>> {
        self.parenthesized_list(|parser| {
            let name = parser.label()?;
            let value = if parser.eat_symbol(b'=') { Some(parser.definition_value()?) } else { None };
            Ok(Setting { namespace: None, name, value })
        })
    }

    fn definition_value(&mut self) -> Result<SettingValue> {
        if self.is_number() {
            return Ok(SettingValue::Number(self.number()?));
        }
        match self.kind() {
            Kind::String => Ok(SettingValue::Text(self.string()?)),
            Kind::Keyword(keyword) if keyword.class() == Class::Reserved => {
                self.advance();
                Ok(SettingValue::Text(keyword.text().into()))
            }
            Kind::Keyword(K::None) => {
                self.advance();
                Ok(SettingValue::Text(K::None.text().into()))
            }
            _ if self.operator_symbol().is_some() => Ok(SettingValue::Text(self.plain_operator()?.symbol)),
            Kind::Keyword(K::Operator) if self.is_symbol_ahead(1, b'(') => {
                Ok(SettingValue::Text(self.operator_call()?.symbol))
            }
            _ => {
                let type_name = self.type_name()?;
                let names: Vec<&str> = type_name.names.iter().map(Name::as_str).collect();
                Ok(SettingValue::Text(names.join(".").into()))
            }
        }
    }

    /// `(name [value], ...)` of EXPLAIN, VACUUM and their like.
    pub(super) fn option_list(&mut self) -> Result<Vec<Setting>> {
        self.parenthesized_list(|parser| {
            let name = if parser.is_any(&[K::Analyze, K::Analyse]) {
                let at = parser.at();
                parser.advance();
                Name::new(K::Analyze.text(), at)
            } else {
                parser.word()?
            };
            let value = match parser.kind() {
                Kind::Symbol(b',' | b')') => None,
                Kind::Symbol(b'+' | b'-') | Kind::Integer | Kind::Number => {
                    Some(SettingValue::Number(parser.number()?))
                }
                _ => Some(parser.word_or_boolean()?),
            };
            Ok(Setting { namespace: None, name, value })
        })
    }

    /// The same of COPY, whose options may have lists.
    pub(super) fn copy_option_list(&mut self) -> Result<Vec<Setting>> {
        self.parenthesized_list(|parser| {
            let name = parser.label()?;
            let value = match parser.kind() {
                Kind::Symbol(b',' | b')') => None,
                Kind::Symbol(b'+' | b'-') | Kind::Integer | Kind::Number => {
                    Some(SettingValue::Number(parser.number()?))
                }
                Kind::Symbol(b'*') => {
                    parser.advance();
                    Some(SettingValue::Star)
                }
                Kind::Symbol(b'(') => Some(SettingValue::List(parser.parenthesized_list(Self::word_or_boolean)?)),
                _ => Some(parser.word_or_boolean()?),
            };
            Ok(Setting { namespace: None, name, value })
        })
    }

    /// PostgreSQL's opt_boolean_or_string.
    pub(super) fn word_or_boolean(&mut self) -> Result<SettingValue> {
        match self.kind() {
            Kind::String => Ok(SettingValue::Text(self.string()?)),
            Kind::Keyword(K::True | K::False | K::On) => Ok(SettingValue::Text(self.take_name().text)),
            _ => Ok(SettingValue::Text(self.word()?.text)),
        }
    }

    /// A setting that was written in another way than `name value`.
    pub(super) fn setting(&self, at: At, name: &str, value: Option<SettingValue>) -> Setting {
        Setting { namespace: None, name: Name::new(name, at), value }
    }
}
