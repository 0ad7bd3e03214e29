//! ALTER TABLE and the same for indexes, sequences and views.

use atoll_datum::Result;

use super::Parser;
use crate::ast::*;
use crate::keyword::Keyword as K;
use crate::lexer::Kind;

impl Parser<'_> {
    /// Behind ALTER and the words of the kind.
    pub(super) fn alter_relation(&mut self, kind: ObjectKind, at: At) -> Result<Statement> {
        if self.is(K::All) {
            return self.unsupported_statement("ALTER ... ALL IN TABLESPACE", at);
        }
        let if_exists = self.if_exists();
        let is_table = matches!(kind, ObjectKind::Table | ObjectKind::ForeignTable);
        let table = if is_table { self.table_name()? } else { TableName { name: self.qualified_name()?, only: false } };
        match self.keyword() {
            Some(K::Rename) => return self.rename_in_relation(kind, table, if_exists),
            Some(K::Set) if self.is_ahead(1, K::Schema) => {
                self.advance();
                self.advance();
                let object = Self::relation_object(kind, table.name);
                let schema = self.name()?;
                return Ok(Statement::SetSchema(Box::new(SetSchema { object, if_exists, schema })));
            }
            Some(K::Depends | K::No) if self.is(K::Depends) || self.is_ahead(1, K::Depends) => {
                return self.unsupported_statement("ALTER ... DEPENDS ON EXTENSION", at);
            }
            _ if kind == ObjectKind::Sequence && self.is_sequence_option() => {
                let options = self.sequence_options()?;
                let sequence = AlterSequence { name: table.name, if_exists, options };
                return Ok(Statement::AlterSequence(Box::new(sequence)));
            }
            _ => {}
        }
        let actions = match self.keyword() {
            Some(K::Attach) => vec![self.attach(kind)?],
            Some(K::Detach) => vec![self.detach()?],
            _ => self.list(Self::alter_table_action)?,
        };
        Ok(Statement::AlterTable(Box::new(AlterTable { kind, table, if_exists, actions })))
    }

    pub(super) fn relation_object(kind: ObjectKind, name: QualifiedName) -> ObjectName {
        let at = name.first().map_or(At::default(), |name| name.at);
        ObjectName { kind, name, rest: ObjectNameRest::None, at }
    }

    fn rename_in_relation(&mut self, kind: ObjectKind, table: TableName, if_exists: bool) -> Result<Statement> {
        self.expect(K::Rename)?;
        let at = self.at();
        let behavior = DropBehavior::Restrict;
        if self.eat(K::To) {
            let object = Self::relation_object(kind, table.name);
            let to = self.name()?;
            return Ok(Statement::Rename(Box::new(Rename { object, of: None, if_exists, to, behavior })));
        }
        // Sequences have no columns to speak of, and those of an index have no names of their own.
        if matches!(kind, ObjectKind::Sequence | ObjectKind::Index) {
            return Err(self.unexpected());
        }
        let part = if kind == ObjectKind::Table && self.eat(K::Constraint) {
            ObjectKind::Constraint
        } else {
            self.eat(K::Column);
            ObjectKind::Column
        };
        let name = vec![self.name()?];
        self.expect(K::To)?;
        let to = self.name()?;
        let object = ObjectName { kind: part, name, rest: ObjectNameRest::None, at };
        Ok(Statement::Rename(Box::new(Rename { object, of: Some((kind, table)), if_exists, to, behavior })))
    }

    fn attach(&mut self, kind: ObjectKind) -> Result<AlterTableAction> {
        self.advance();
        self.expect(K::Partition)?;
        let partition = self.qualified_name()?;
        if kind == ObjectKind::Index {
            return Ok(AlterTableAction::AttachIndex(partition));
        }
        Ok(AlterTableAction::AttachPartition { partition, bound: self.partition_bound()? })
    }

    fn detach(&mut self) -> Result<AlterTableAction> {
        self.advance();
        self.expect(K::Partition)?;
        let partition = self.qualified_name()?;
        let concurrently = self.eat(K::Concurrently);
        let finalize = !concurrently && self.eat(K::Finalize);
        Ok(AlterTableAction::DetachPartition { partition, concurrently, finalize })
    }

    fn alter_table_action(&mut self) -> Result<AlterTableAction> {
        use AlterTableAction::*;
        let Some(keyword) = self.keyword() else {
            return self.split_at();
        };
        match keyword {
            K::Add => {
                self.advance();
                if self.is_any(&[K::Constraint, K::Check, K::Unique, K::Primary, K::Foreign])
                    || (self.is(K::Exclude) && (self.is_ahead(1, K::Using) || self.is_symbol_ahead(1, b'(')))
                {
                    return Ok(AddConstraint(self.table_constraint()?));
                }
                self.eat(K::Column);
                let if_not_exists = self.if_not_exists()?;
                Ok(AddColumn { column: self.column_definition()?, if_not_exists })
            }
            K::Drop => {
                self.advance();
                if self.eat(K::Constraint) {
                    let if_exists = self.if_exists();
                    let constraint = self.name()?;
                    return Ok(DropConstraint { constraint, if_exists, behavior: self.drop_behavior() });
                }
                self.eat(K::Column);
                let if_exists = self.if_exists();
                let column = self.name()?;
                Ok(DropColumn { column, if_exists, behavior: self.drop_behavior() })
            }
            K::Alter => {
                self.advance();
                if self.eat(K::Constraint) {
                    let constraint = self.name()?;
                    return Ok(AlterConstraint { constraint, timing: self.constraint_timing()? });
                }
                self.eat(K::Column);
                self.alter_column()
            }
            K::Validate => {
                self.advance();
                self.expect(K::Constraint)?;
                Ok(ValidateConstraint { constraint: self.name()? })
            }
            K::Cluster => {
                self.advance();
                self.expect(K::On)?;
                Ok(ClusterOn(self.name()?))
            }
            K::Enable | K::Disable => self.enable_or_disable(keyword == K::Enable),
            K::Force => {
                self.advance();
                self.expect_all(&[K::Row, K::Level, K::Security])?;
                Ok(RowSecurity(crate::ast::RowSecurity::Force))
            }
            K::No => {
                self.advance();
                if self.eat(K::Force) {
                    self.expect_all(&[K::Row, K::Level, K::Security])?;
                    return Ok(RowSecurity(crate::ast::RowSecurity::NoForce));
                }
                self.expect(K::Inherit)?;
                Ok(NoInherit(self.qualified_name()?))
            }
            K::Inherit => {
                self.advance();
                Ok(Inherit(self.qualified_name()?))
            }
            K::Of => {
                self.advance();
                Ok(OfType(self.qualified_name()?))
            }
            K::Not => {
                self.advance();
                self.expect(K::Of)?;
                Ok(NotOfType)
            }
            K::Owner => {
                self.advance();
                self.expect(K::To)?;
                Ok(SetOwner(self.role_name()?))
            }
            K::Set => {
                self.advance();
                self.set_of_table()
            }
            K::Reset => {
                self.advance();
                Ok(ResetOptions(self.storage_options()?))
            }
            K::Replica => {
                self.advance();
                self.expect(K::Identity)?;
                self.replica_identity()
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Atoll's own; SPLIT is no keyword of PostgreSQL's.
    fn split_at(&mut self) -> Result<AlterTableAction> {
        let is_split =
            self.kind() == Kind::Identifier && self.tokens.source(self.token()).eq_ignore_ascii_case("split");
        if !is_split {
            return Err(self.unexpected());
        }
        self.advance();
        self.expect_all(&[K::At, K::Values])?;
        Ok(AlterTableAction::SplitAt(self.list(|parser| parser.parenthesized(Self::exprs))?))
    }

    fn alter_column(&mut self) -> Result<AlterTableAction> {
        use AlterTableAction::*;
        if self.kind() == Kind::Integer {
            let at = self.at();
            let number = self.integer()?;
            self.expect_all(&[K::Set, K::Statistics])?;
            if !(1..=i32::from(i16::MAX)).contains(&number) {
                let message = format!("column number must be in range from 1 to {}", i16::MAX);
                return Err(
                    atoll_datum::Error::new(atoll_datum::sqlstate::INVALID_PARAMETER_VALUE, message).at(at.offset())
                );
            }
            return Ok(SetStatistics { column: Err(number), target: self.signed_integer()? });
        }
        let column = self.name()?;
        match self.keyword() {
            Some(K::Type) => self.set_type(column),
            Some(K::Reset) => {
                self.advance();
                Ok(ResetColumnOptions { column, options: self.storage_options()? })
            }
            Some(K::Add) => {
                self.advance();
                self.expect(K::Generated)?;
                let always = self.generated_when()?;
                self.expect_all(&[K::As, K::Identity])?;
                let options =
                    if self.is_symbol(b'(') { self.parenthesized(Self::sequence_options)? } else { Vec::new() };
                Ok(AddIdentity { column, always, options })
            }
            Some(K::Drop) => {
                self.advance();
                if self.eat(K::Default) {
                    return Ok(DropDefault { column });
                }
                if self.eat(K::Not) {
                    self.expect(K::Null)?;
                    return Ok(DropNotNull { column });
                }
                let expression = self.eat(K::Expression);
                if !expression {
                    self.expect(K::Identity)?;
                }
                let if_exists = self.optional(K::If, |parser| parser.expect(K::Exists))?.is_some();
                Ok(match expression {
                    true => DropExpression { column, if_exists },
                    false => DropIdentity { column, if_exists },
                })
            }
            Some(K::Restart) => Ok(SetIdentity { column, changes: self.identity_changes()? }),
            Some(K::Set) if self.is_ahead(1, K::Data) => {
                self.advance();
                self.advance();
                self.set_type(column)
            }
            Some(K::Set) => self.set_of_column(column),
            _ => Err(self.unexpected()),
        }
    }

    fn set_type(&mut self, column: Name) -> Result<AlterTableAction> {
        self.expect(K::Type)?;
        let type_name = self.type_name()?;
        let collation = self.optional(K::Collate, Self::qualified_name)?;
        let using = self.optional(K::Using, Self::expr)?;
        Ok(AlterTableAction::SetType { column, type_name, collation, using })
    }

    fn set_of_column(&mut self, column: Name) -> Result<AlterTableAction> {
        use AlterTableAction::*;
        let Kind::Keyword(keyword) = self.kind_ahead(1) else {
            self.advance();
            if self.is_symbol(b'(') {
                return Ok(SetColumnOptions { column, options: self.storage_options()? });
            }
            return Err(self.unexpected());
        };
        if keyword == K::Generated || self.is_sequence_option_keyword(keyword) {
            return Ok(SetIdentity { column, changes: self.identity_changes()? });
        }
        self.advance();
        match keyword {
            K::Default => {
                self.advance();
                Ok(SetDefault { column, value: self.expr()? })
            }
            K::Not => {
                self.advance();
                self.expect(K::Null)?;
                Ok(SetNotNull { column })
            }
            K::Statistics => {
                self.advance();
                Ok(SetStatistics { column: Ok(column), target: self.signed_integer()? })
            }
            K::Storage => {
                self.advance();
                Ok(SetStorage { column, storage: self.name()? })
            }
            K::Compression => {
                self.advance();
                let compression = if self.is(K::Default) { self.take_name() } else { self.name()? };
                Ok(SetCompression { column, compression })
            }
            _ => Err(self.unexpected()),
        }
    }

    fn is_sequence_option_keyword(&self, keyword: K) -> bool {
        matches!(
            keyword,
            K::As
                | K::Cache
                | K::Cycle
                | K::Increment
                | K::Maxvalue
                | K::Minvalue
                | K::No
                | K::Owned
                | K::Sequence
                | K::Start
                | K::Restart
        )
    }

    fn identity_changes(&mut self) -> Result<Vec<IdentityChange>> {
        let mut changes = Vec::new();
        loop {
            if self.eat(K::Restart) {
                let with = self.eat(K::With);
                let value = if with || self.is_number() { Some(self.number()?) } else { None };
                changes.push(IdentityChange::Restart(value));
            } else if self.eat(K::Set) {
                changes.push(if self.eat(K::Generated) {
                    IdentityChange::Generated { always: self.generated_when()? }
                } else {
                    IdentityChange::Option(self.sequence_option()?)
                });
            } else {
                return Ok(changes);
            }
        }
    }

    fn enable_or_disable(&mut self, enable: bool) -> Result<AlterTableAction> {
        self.advance();
        let how = match (enable, self.keyword()) {
            (true, Some(K::Always)) => TriggerEnable::EnableAlways,
            (true, Some(K::Replica)) => TriggerEnable::EnableReplica,
            (true, _) => TriggerEnable::Enable,
            (false, _) => TriggerEnable::Disable,
        };
        if matches!(how, TriggerEnable::EnableAlways | TriggerEnable::EnableReplica) {
            self.advance();
        } else if self.eat(K::Row) {
            self.expect_all(&[K::Level, K::Security])?;
            return Ok(AlterTableAction::RowSecurity(if enable { RowSecurity::Enable } else { RowSecurity::Disable }));
        }
        if self.eat(K::Rule) {
            return Ok(AlterTableAction::Rule { enable: how, rule: self.name()? });
        }
        self.expect(K::Trigger)?;
        let may_be_all = matches!(how, TriggerEnable::Enable | TriggerEnable::Disable);
        let which = if may_be_all && self.eat(K::All) {
            TriggerSelection::All
        } else if may_be_all && self.eat(K::User) {
            TriggerSelection::User
        } else {
            TriggerSelection::Name(self.name()?)
        };
        Ok(AlterTableAction::Trigger { enable: how, which })
    }

    fn set_of_table(&mut self) -> Result<AlterTableAction> {
        use AlterTableAction::*;
        match self.kind() {
            Kind::Symbol(b'(') => Ok(SetOptions(self.storage_options()?)),
            Kind::Keyword(K::Without) => {
                self.advance();
                if self.eat(K::Oids) {
                    return Ok(SetWithoutOids);
                }
                self.expect(K::Cluster)?;
                Ok(SetWithoutCluster)
            }
            Kind::Keyword(K::Logged) => {
                self.advance();
                Ok(SetPersistence(Persistence::Permanent))
            }
            Kind::Keyword(K::Unlogged) => {
                self.advance();
                Ok(SetPersistence(Persistence::Unlogged))
            }
            Kind::Keyword(K::Access) => {
                self.advance();
                self.expect(K::Method)?;
                Ok(SetMethod(self.name()?))
            }
            Kind::Keyword(K::Tablespace) => {
                self.advance();
                let tablespace = self.name()?;
                self.eat(K::Nowait);
                Ok(SetTablespace(tablespace))
            }
            _ => Err(self.unexpected()),
        }
    }

    fn replica_identity(&mut self) -> Result<AlterTableAction> {
        let identity = match self.keyword() {
            Some(K::Nothing) => ReplicaIdentity::Nothing,
            Some(K::Full) => ReplicaIdentity::Full,
            Some(K::Default) => ReplicaIdentity::Default,
            _ => {
                self.expect_all(&[K::Using, K::Index])?;
                return Ok(AlterTableAction::ReplicaIdentity(ReplicaIdentity::Index(self.name()?)));
            }
        };
        self.advance();
        Ok(AlterTableAction::ReplicaIdentity(identity))
    }
}
