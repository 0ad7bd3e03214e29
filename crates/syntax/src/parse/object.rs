//! What all kinds of objects have in common: DROP, COMMENT, RENAME, OWNER TO, SET SCHEMA.

use atoll_datum::Result;

use super::Parser;
use crate::ast::*;
use crate::keyword::Keyword as K;
use crate::lexer::Kind;

impl Parser<'_> {
    /// The words of a kind of object.
    pub(super) fn object_kind(&mut self) -> Result<ObjectKind> {
        use ObjectKind::*;
        let Some(keyword) = self.keyword() else {
            return Err(self.unexpected());
        };
        let (kind, rest): (_, &[K]) = match keyword {
            K::Access => (AccessMethod, &[K::Method]),
            K::Aggregate => (Aggregate, &[]),
            K::Cast => (Cast, &[]),
            K::Collation => (Collation, &[]),
            K::Column => (Column, &[]),
            K::Constraint => (Constraint, &[]),
            K::Conversion => (Conversion, &[]),
            K::Database => (Database, &[]),
            K::Domain => (Domain, &[]),
            K::Event => (EventTrigger, &[K::Trigger]),
            K::Extension => (Extension, &[]),
            K::Foreign if self.is_ahead(1, K::Data) => (ForeignDataWrapper, &[K::Data, K::Wrapper]),
            K::Foreign => (ForeignTable, &[K::Table]),
            K::Function => (Function, &[]),
            K::Index => (Index, &[]),
            K::Procedural => (Language, &[K::Language]),
            K::Language => (Language, &[]),
            K::Large => (LargeObject, &[K::Object]),
            K::Materialized => (MaterializedView, &[K::View]),
            K::Operator if self.is_ahead(1, K::Class) => (OperatorClass, &[K::Class]),
            K::Operator if self.is_ahead(1, K::Family) => (OperatorFamily, &[K::Family]),
            K::Operator => (Operator, &[]),
            K::Policy => (Policy, &[]),
            K::Procedure => (Procedure, &[]),
            K::Publication => (Publication, &[]),
            K::Role => (Role, &[]),
            K::Routine => (Routine, &[]),
            K::Rule => (Rule, &[]),
            K::Schema => (Schema, &[]),
            K::Sequence => (Sequence, &[]),
            K::Server => (Server, &[]),
            K::Statistics => (Statistics, &[]),
            K::Subscription => (Subscription, &[]),
            K::Table => (Table, &[]),
            K::Tablespace => (Tablespace, &[]),
            K::Text => {
                self.advance();
                self.expect(K::Search)?;
                let kind = match self.keyword() {
                    Some(K::Configuration) => TextSearchConfiguration,
                    Some(K::Dictionary) => TextSearchDictionary,
                    Some(K::Parser) => TextSearchParser,
                    Some(K::Template) => TextSearchTemplate,
                    _ => return Err(self.unexpected()),
                };
                (kind, &[])
            }
            K::Transform => (Transform, &[]),
            K::Trigger => (Trigger, &[]),
            K::Type => (Type, &[]),
            K::View => (View, &[]),
            _ => return Err(self.unexpected()),
        };
        self.advance();
        self.expect_all(rest)?;
        Ok(kind)
    }

    /// What tells an object of this kind from the others, behind the words of the kind.
    pub(super) fn object_of(&mut self, kind: ObjectKind) -> Result<ObjectName> {
        use ObjectKind::*;
        let at = self.at();
        let (name, rest) = match kind {
            AccessMethod | Database | EventTrigger | Extension | ForeignDataWrapper | Language | Publication | Role
            | Schema | Server | Subscription | Tablespace => (vec![self.name()?], ObjectNameRest::None),
            Function | Procedure | Routine => {
                // Without parameters any name will do.
                let name = match self.kind_ahead(1) {
                    Kind::Symbol(b'(' | b'.') => self.function_name()?,
                    _ if Self::is_word(self.kind()) => vec![self.take_name()],
                    _ => return Err(self.unexpected()),
                };
                let rest = if self.is_symbol(b'(') {
                    ObjectNameRest::Parameters(self.parameter_list()?)
                } else {
                    ObjectNameRest::None
                };
                (name, rest)
            }
            Aggregate => (self.function_name()?, self.aggregate_parameters()?),
            Operator => {
                let operator = self.qualified_operator()?;
                let mut name = operator.schema;
                name.push(Name { text: operator.symbol, at: operator.at });
                (name, self.operands()?)
            }
            OperatorClass | OperatorFamily => {
                let name = self.qualified_name()?;
                self.expect(K::Using)?;
                (name, ObjectNameRest::Using(self.name()?))
            }
            Cast => {
                let (from, to) = self.parenthesized(|parser| {
                    let from = parser.type_name()?;
                    parser.expect(K::As)?;
                    Ok((from, parser.type_name()?))
                })?;
                (Vec::new(), ObjectNameRest::Cast(Box::new(from), Box::new(to)))
            }
            Transform => {
                self.expect(K::For)?;
                let names = self.type_name()?.names;
                self.expect(K::Language)?;
                (names, ObjectNameRest::Using(self.name()?))
            }
            Trigger | Rule | Policy => {
                let name = vec![self.name()?];
                self.expect(K::On)?;
                (name, ObjectNameRest::On(self.qualified_name()?))
            }
            LargeObject => {
                let number = self.number()?;
                (vec![Name { text: number, at }], ObjectNameRest::None)
            }
            Type | Domain => (self.type_name()?.names, ObjectNameRest::None),
            _ => (self.qualified_name()?, ObjectNameRest::None),
        };
        Ok(ObjectName { kind, name, rest, at })
    }

    fn parameter_list(&mut self) -> Result<Vec<FunctionParameter>> {
        self.parenthesized(
            |parser| {
                if parser.is_symbol(b')') { Ok(Vec::new()) } else { parser.list(Self::function_parameter) }
            },
        )
    }

    fn aggregate_parameters(&mut self) -> Result<ObjectNameRest> {
        self.parenthesized(|parser| {
            if parser.eat_symbol(b'*') {
                return Ok(ObjectNameRest::Aggregate { direct: Vec::new(), ordered: None });
            }
            let direct = if parser.is(K::Order) { Vec::new() } else { parser.list(Self::function_parameter)? };
            let ordered = if parser.eat(K::Order) {
                parser.expect(K::By)?;
                Some(parser.list(Self::function_parameter)?)
            } else {
                None
            };
            Ok(ObjectNameRest::Aggregate { direct, ordered })
        })
    }

    fn operands(&mut self) -> Result<ObjectNameRest> {
        let operand = |parser: &mut Self| {
            if parser.eat(K::None) { Ok(None) } else { parser.type_name().map(|name| Some(Box::new(name))) }
        };
        self.parenthesized(|parser| {
            let left = operand(parser)?;
            if parser.is_symbol(b')') {
                let hint = "Use NONE to denote the missing argument of a unary operator.";
                return Err(parser.error(parser.at(), "missing argument").hint(hint));
            }
            parser.expect_symbol(b',')?;
            Ok(ObjectNameRest::Operands(left, operand(parser)?))
        })
    }

    // DROP

    pub(super) fn drop(&mut self) -> Result<Statement> {
        let at = self.at();
        self.expect(K::Drop)?;
        match self.keyword() {
            Some(K::Database) => {
                self.advance();
                return self.drop_database();
            }
            Some(K::User) if self.is_ahead(1, K::Mapping) => {
                return self.unsupported_statement("DROP USER MAPPING", at);
            }
            Some(K::Role | K::User | K::Group) => {
                self.advance();
                return self.drop_role();
            }
            Some(K::Owned) => return self.drop_owned(),
            // These are parts of something else, or have no DROP.
            Some(K::Column | K::Constraint | K::Large) => return Err(self.unexpected()),
            _ => {}
        }
        let kind = self.object_kind()?;
        let concurrently = kind == ObjectKind::Index && self.eat(K::Concurrently);
        let if_exists = match kind {
            // What follows can't be called IF.
            ObjectKind::Cast | ObjectKind::Transform => {
                self.optional(K::If, |parser| parser.expect(K::Exists))?.is_some()
            }
            _ => self.if_exists(),
        };
        let is_single = matches!(
            kind,
            ObjectKind::Cast
                | ObjectKind::Transform
                | ObjectKind::Trigger
                | ObjectKind::Rule
                | ObjectKind::Policy
                | ObjectKind::OperatorClass
                | ObjectKind::OperatorFamily
                | ObjectKind::Subscription
                | ObjectKind::Tablespace
        );
        let objects = if is_single { vec![self.object_of(kind)?] } else { self.list(|parser| parser.object_of(kind))? };
        let behavior = if kind == ObjectKind::Tablespace { DropBehavior::Restrict } else { self.drop_behavior() };
        Ok(Statement::Drop(Drop { objects, if_exists, concurrently, behavior }))
    }

    // COMMENT

    pub(super) fn comment(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Comment, K::On])?;
        let mut kind = self.object_kind()?;
        let object = if kind == ObjectKind::Constraint {
            let at = self.at();
            let name = vec![self.name()?];
            self.expect(K::On)?;
            // A table may be called so.
            if self.is(K::Domain) && Self::is_column_name(self.kind_ahead(1)) && !self.is_ahead(1, K::Is) {
                self.advance();
                kind = ObjectKind::DomainConstraint;
            }
            ObjectName { kind, name, rest: ObjectNameRest::On(self.qualified_name()?), at }
        } else {
            self.object_of(kind)?
        };
        self.expect(K::Is)?;
        let text = if self.eat(K::Null) { None } else { Some(self.string()?) };
        Ok(Statement::Comment(Box::new(Comment { object, text })))
    }

    // ALTER of what has no statement of its own

    /// Behind ALTER; the current token is a kind of object.
    pub(super) fn alter_object(&mut self, at: At) -> Result<Statement> {
        let first = self.position;
        let kind = self.object_kind()?;
        let what = format!("ALTER {}", self.words_from(first));
        match kind {
            ObjectKind::Column | ObjectKind::Constraint | ObjectKind::Cast | ObjectKind::Transform => {
                self.position = first;
                Err(self.unexpected())
            }
            ObjectKind::Extension => {
                let object = self.object_of(kind)?;
                self.alter_object_rest(object, &what, at)
            }
            ObjectKind::Statistics => {
                self.if_exists();
                let object = self.object_of(kind)?;
                self.alter_object_rest(object, &what, at)
            }
            ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::Policy => {
                let if_exists = kind == ObjectKind::Policy && self.if_exists();
                let object = self.object_of(kind)?;
                if if_exists && self.eat(K::Rename) {
                    self.expect(K::To)?;
                    let to = self.name()?;
                    let behavior = DropBehavior::Restrict;
                    return Ok(Statement::Rename(Box::new(Rename { object, of: None, if_exists, to, behavior })));
                }
                self.alter_object_rest(object, &what, at)
            }
            _ => {
                let object = self.object_of(kind)?;
                self.alter_object_rest(object, &what, at)
            }
        }
    }

    /// The words that were read since then, as a message names them.
    pub(super) fn words_from(&self, first: usize) -> String {
        let words: Vec<String> = self.tokens.list[first..self.position]
            .iter()
            .map(|&token| self.tokens.source(token).to_ascii_uppercase())
            .collect();
        words.join(" ")
    }

    /// RENAME TO, OWNER TO, SET SCHEMA; anything else is `what`, which Atoll has not.
    pub(super) fn alter_object_rest(&mut self, object: ObjectName, what: &str, at: At) -> Result<Statement> {
        if self.eat(K::Rename) {
            self.expect(K::To)?;
            let to = self.name()?;
            let behavior = DropBehavior::Restrict;
            return Ok(Statement::Rename(Box::new(Rename { object, of: None, if_exists: false, to, behavior })));
        }
        if self.eat(K::Owner) {
            self.expect(K::To)?;
            return Ok(Statement::SetOwner(Box::new(SetOwner { object, owner: self.role_name()? })));
        }
        let has_no_other = matches!(
            object.kind,
            ObjectKind::AccessMethod
                | ObjectKind::Aggregate
                | ObjectKind::Conversion
                | ObjectKind::Domain
                | ObjectKind::Language
                | ObjectKind::LargeObject
                | ObjectKind::Rule
                | ObjectKind::Schema
                | ObjectKind::Type
        );
        if self.is(K::Set) && (has_no_other || self.is_ahead(1, K::Schema)) {
            self.advance();
            self.expect(K::Schema)?;
            let schema = self.name()?;
            return Ok(Statement::SetSchema(Box::new(SetSchema { object, if_exists: false, schema })));
        }
        let is_end = matches!(self.kind(), Kind::End | Kind::Symbol(b';'));
        if has_no_other || (is_end && object.kind != ObjectKind::Policy) {
            return Err(self.unexpected());
        }
        self.unsupported_statement(what, at)
    }
}
