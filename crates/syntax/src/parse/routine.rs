//! Types, domains, functions.

use atoll_datum::Result;

use super::Parser;
use crate::ast::*;
use crate::keyword::Keyword as K;
use crate::lexer::Kind;

impl Parser<'_> {
    // Types and domains

    /// Behind CREATE TYPE.
    pub(super) fn create_type(&mut self, at: At) -> Result<Statement> {
        let name = self.qualified_name()?;
        let kind = if self.eat(K::As) {
            if self.eat(K::Enum) {
                CreateTypeKind::Enum(self.parenthesized(|parser| {
                    if parser.is_symbol(b')') { Ok(Vec::new()) } else { parser.list(Self::string) }
                })?)
            } else if self.eat(K::Range) {
                CreateTypeKind::Range(self.definition()?)
            } else {
                CreateTypeKind::Composite(self.parenthesized(|parser| {
                    if parser.is_symbol(b')') { Ok(Vec::new()) } else { parser.list(Self::attribute_definition) }
                })?)
            }
        } else if self.is_symbol(b'(') {
            self.definition()?;
            return Ok(Statement::Unsupported { what: "CREATE TYPE of a base type".into(), at });
        } else {
            CreateTypeKind::Shell
        };
        Ok(Statement::CreateType(Box::new(CreateType { name, kind })))
    }

    /// Behind ALTER TYPE.
    pub(super) fn alter_type(&mut self, at: At) -> Result<Statement> {
        let name = self.qualified_name()?;
        if self.is(K::Add) && self.is_ahead(1, K::Value) {
            self.advance();
            self.advance();
            let if_not_exists = self.if_not_exists()?;
            let value = self.string()?;
            let neighbor = if self.eat(K::Before) {
                Some(EnumNeighbor::Before(self.string()?))
            } else if self.eat(K::After) {
                Some(EnumNeighbor::After(self.string()?))
            } else {
                None
            };
            let action = AlterEnumAction::AddValue { value, if_not_exists, neighbor };
            return Ok(Statement::AlterEnum(AlterEnum { name, action }));
        }
        if self.is(K::Rename) && self.is_ahead(1, K::Value) {
            self.advance();
            self.advance();
            let from = self.string()?;
            self.expect(K::To)?;
            let action = AlterEnumAction::RenameValue { from, to: self.string()? };
            return Ok(Statement::AlterEnum(AlterEnum { name, action }));
        }
        if self.is(K::Rename) && self.is_ahead(1, K::Attribute) {
            self.advance();
            self.advance();
            let attribute_at = self.at();
            let attribute = vec![self.name()?];
            self.expect(K::To)?;
            let to = self.name()?;
            let behavior = self.drop_behavior();
            let object = ObjectName {
                kind: ObjectKind::Attribute,
                name: attribute,
                rest: ObjectNameRest::None,
                at: attribute_at,
            };
            let of = Some((ObjectKind::Type, TableName { name, only: false }));
            return Ok(Statement::Rename(Box::new(Rename { object, of, if_exists: false, to, behavior })));
        }
        if self.is_any(&[K::Add, K::Drop, K::Alter]) {
            let actions = self.list(Self::alter_type_action)?;
            return Ok(Statement::AlterType(Box::new(AlterType { name, actions })));
        }
        if self.is(K::Set) && self.is_symbol_ahead(1, b'(') {
            return self.unsupported_statement("ALTER TYPE ... SET", at);
        }
        self.alter_object_rest(Self::relation_object(ObjectKind::Type, name), "ALTER TYPE", at)
    }

    fn alter_type_action(&mut self) -> Result<AlterTypeAction> {
        let keyword = self.keyword();
        if !self.is_any(&[K::Add, K::Drop, K::Alter]) {
            return Err(self.unexpected());
        }
        self.advance();
        self.expect(K::Attribute)?;
        match keyword {
            Some(K::Add) => {
                let attribute = self.attribute_definition()?;
                Ok(AlterTypeAction::AddAttribute { attribute, behavior: self.drop_behavior() })
            }
            Some(K::Drop) => {
                let if_exists = self.if_exists();
                let attribute = self.name()?;
                Ok(AlterTypeAction::DropAttribute { attribute, if_exists, behavior: self.drop_behavior() })
            }
            _ => {
                let attribute = self.name()?;
                if self.eat(K::Set) {
                    self.expect(K::Data)?;
                }
                self.expect(K::Type)?;
                let type_name = self.type_name()?;
                let collation = self.optional(K::Collate, Self::qualified_name)?;
                Ok(AlterTypeAction::SetType { attribute, type_name, collation, behavior: self.drop_behavior() })
            }
        }
    }

    /// Behind CREATE DOMAIN.
    pub(super) fn create_domain(&mut self) -> Result<Statement> {
        let name = self.qualified_name()?;
        self.eat(K::As);
        let type_name = self.type_name()?;
        let (collation, constraints) = self.column_qualities()?;
        Ok(Statement::CreateDomain(Box::new(CreateDomain { name, type_name, collation, constraints })))
    }

    /// Behind ALTER DOMAIN.
    pub(super) fn alter_domain(&mut self, at: At) -> Result<Statement> {
        let name = self.qualified_name()?;
        let action = match self.keyword() {
            Some(K::Set) if self.is_ahead(1, K::Default) => {
                self.advance();
                self.advance();
                AlterDomainAction::SetDefault(self.expr()?)
            }
            Some(K::Set) if self.is_ahead(1, K::Not) => {
                self.advance();
                self.expect_all(&[K::Not, K::Null])?;
                AlterDomainAction::SetNotNull
            }
            Some(K::Drop) => {
                self.advance();
                if self.eat(K::Default) {
                    AlterDomainAction::DropDefault
                } else if self.eat(K::Not) {
                    self.expect(K::Null)?;
                    AlterDomainAction::DropNotNull
                } else {
                    self.expect(K::Constraint)?;
                    let if_exists = self.if_exists();
                    let constraint = self.name()?;
                    AlterDomainAction::DropConstraint { constraint, if_exists, behavior: self.drop_behavior() }
                }
            }
            Some(K::Add) => {
                self.advance();
                AlterDomainAction::AddConstraint(self.table_constraint()?)
            }
            Some(K::Validate) => {
                self.advance();
                self.expect(K::Constraint)?;
                AlterDomainAction::ValidateConstraint { constraint: self.name()? }
            }
            Some(K::Rename) if self.is_ahead(1, K::Constraint) => {
                self.advance();
                self.advance();
                let constraint_at = self.at();
                let constraint = vec![self.name()?];
                self.expect(K::To)?;
                let to = self.name()?;
                let object = ObjectName {
                    kind: ObjectKind::DomainConstraint,
                    name: constraint,
                    rest: ObjectNameRest::None,
                    at: constraint_at,
                };
                let of = Some((ObjectKind::Domain, TableName { name, only: false }));
                let behavior = DropBehavior::Restrict;
                return Ok(Statement::Rename(Box::new(Rename { object, of, if_exists: false, to, behavior })));
            }
            _ => {
                let object = Self::relation_object(ObjectKind::Domain, name);
                return self.alter_object_rest(object, "ALTER DOMAIN", at);
            }
        };
        Ok(Statement::AlterDomain(Box::new(AlterDomain { name, action })))
    }

    // Functions

    /// Behind CREATE [OR REPLACE] FUNCTION or PROCEDURE.
    pub(super) fn create_function(&mut self, or_replace: bool, procedure: bool) -> Result<Statement> {
        let name = self.function_name()?;
        let parameters = self.parenthesized(|parser| {
            if parser.is_symbol(b')') {
                return Ok(Vec::new());
            }
            parser.list(|parser| {
                let mut parameter = parser.function_parameter()?;
                if parser.eat(K::Default) || parser.eat_symbol(b'=') {
                    parameter.default = Some(parser.expr()?);
                }
                Ok(parameter)
            })
        })?;
        let returns = if !procedure && self.eat(K::Returns) {
            Some(if self.eat(K::Table) {
                FunctionResult::Table(
                    self.parenthesized_list(|parser| Ok((parser.type_function_name()?, parser.function_type()?)))?,
                )
            } else {
                FunctionResult::Type(self.function_type()?)
            })
        } else {
            None
        };
        let mut options = Vec::new();
        while let Some(option) = self.function_option()? {
            options.push(option);
        }
        if let Some(body) = self.sql_body()? {
            options.push(FunctionOption::SqlBody(body));
        }
        let function = CreateFunction { name, or_replace, procedure, parameters, returns, options };
        Ok(Statement::CreateFunction(Box::new(function)))
    }

    pub(super) fn function_parameter(&mut self) -> Result<FunctionParameter> {
        let mut mode = self.parameter_mode();
        let name = if self.is_parameter_name() { Some(self.take_name()) } else { None };
        if mode == ParameterMode::Default && name.is_some() {
            mode = self.parameter_mode();
        }
        Ok(FunctionParameter { mode, name, type_name: self.function_type()?, default: None })
    }

    fn parameter_mode(&mut self) -> ParameterMode {
        let mode = match self.keyword() {
            Some(K::In) => ParameterMode::In,
            Some(K::Out) => ParameterMode::Out,
            Some(K::Inout) => ParameterMode::InOut,
            Some(K::Variadic) => ParameterMode::Variadic,
            _ => return ParameterMode::Default,
        };
        self.advance();
        if mode == ParameterMode::In && self.eat(K::Out) {
            return ParameterMode::InOut;
        }
        mode
    }

    /// A name is followed by a type or a mode, a type by neither.
    fn is_parameter_name(&self) -> bool {
        Self::is_type_name(self.kind())
            && match self.kind_ahead(1) {
                Kind::Keyword(K::Precision) => !self.is(K::Double),
                Kind::Keyword(K::In | K::Variadic) => true,
                kind => Self::is_word(kind),
            }
    }

    fn function_option(&mut self) -> Result<Option<FunctionOption>> {
        use FunctionOption::*;
        let external = self.is(K::External);
        if external {
            self.advance();
            if !self.is(K::Security) {
                return Err(self.unexpected());
            }
        }
        let option = match self.keyword() {
            Some(K::As) => {
                self.advance();
                let body = self.string()?;
                return Ok(Some(As(body, if self.eat_symbol(b',') { Some(self.string()?) } else { None })));
            }
            Some(K::Language) => {
                self.advance();
                return Ok(Some(Language(match self.kind() {
                    Kind::String => self.string()?,
                    _ => self.word()?.text,
                })));
            }
            Some(K::Transform) => {
                self.advance();
                return Ok(Some(Transform(self.list(|parser| {
                    parser.expect_all(&[K::For, K::Type])?;
                    parser.type_name()
                })?)));
            }
            Some(K::Called) => {
                self.advance();
                self.expect_all(&[K::On, K::Null, K::Input])?;
                return Ok(Some(Strict(false)));
            }
            Some(K::Returns) => {
                self.advance();
                self.expect_all(&[K::Null, K::On, K::Null, K::Input])?;
                return Ok(Some(Strict(true)));
            }
            Some(K::Security) => {
                self.advance();
                let definer = self.eat(K::Definer);
                if !definer {
                    self.expect(K::Invoker)?;
                }
                return Ok(Some(SecurityDefiner(definer)));
            }
            Some(K::Not) => {
                self.advance();
                self.expect(K::Leakproof)?;
                return Ok(Some(Leakproof(false)));
            }
            Some(K::Cost) => {
                self.advance();
                return Ok(Some(Cost(self.number()?)));
            }
            Some(K::Rows) => {
                self.advance();
                return Ok(Some(Rows(self.number()?)));
            }
            Some(K::Support) => {
                self.advance();
                return Ok(Some(Support(self.qualified_name()?)));
            }
            Some(K::Parallel) => {
                self.advance();
                return Ok(Some(Parallel(self.name()?)));
            }
            Some(K::Set | K::Reset) => return Ok(self.setting_change()?.map(Setting)),
            Some(K::Window) => Window,
            Some(K::Strict) => Strict(true),
            Some(K::Immutable) => Immutable,
            Some(K::Stable) => Stable,
            Some(K::Volatile) => Volatile,
            Some(K::Leakproof) => Leakproof(true),
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(option))
    }

    /// `RETURN e` or `BEGIN ATOMIC ... END`, of which only the end is looked for.
    fn sql_body(&mut self) -> Result<Option<Box<str>>> {
        let start = self.at().offset();
        match self.keyword() {
            Some(K::Return) => {
                self.advance();
                self.expr()?;
            }
            Some(K::Begin) => {
                self.advance();
                self.expect(K::Atomic)?;
                self.skip_block()?;
            }
            _ => return Ok(None),
        }
        Ok(Some(self.tokens.text[start..self.end_of_previous().offset()].into()))
    }

    /// To behind the END of a block, past those of the CASEs in it.
    pub(super) fn skip_block(&mut self) -> Result<()> {
        let mut open = 1u32;
        while open > 0 {
            match self.kind() {
                Kind::End | Kind::Bad => return Err(self.unexpected()),
                Kind::Keyword(K::Case) => open += 1,
                Kind::Keyword(K::End) => open -= 1,
                _ => {}
            }
            self.advance();
        }
        Ok(())
    }
}
