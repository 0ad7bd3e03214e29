//! CREATE INDEX, REINDEX, and the columns of an index.

use atoll_datum::{Error, Result, sqlstate};

use super::Parser;
use crate::ast::*;
use crate::keyword::Keyword as K;

impl Parser<'_> {
    /// Behind `CREATE [UNIQUE] INDEX`.
    pub(super) fn create_index(&mut self, unique: bool) -> Result<Statement> {
        let concurrently = self.eat(K::Concurrently);
        let if_not_exists = self.if_not_exists()?;
        let name = if self.is(K::On) && !if_not_exists { None } else { Some(self.name()?) };
        self.expect(K::On)?;
        let table = self.table_name()?;
        let method = self.optional(K::Using, Self::name)?;
        let columns = self.index_columns()?;
        let include = self.optional(K::Include, Self::index_columns)?.unwrap_or_default();
        let nulls_not_distinct = self.nulls_not_distinct()?;
        let options = self.optional(K::With, Self::storage_options)?.unwrap_or_default();
        let tablespace = self.optional(K::Tablespace, Self::name)?;
        let filter = self.optional(K::Where, Self::expr)?;
        Ok(Statement::CreateIndex(Box::new(CreateIndex {
            name,
            table,
            unique,
            concurrently,
            if_not_exists,
            method,
            columns,
            include,
            nulls_not_distinct,
            options,
            tablespace,
            filter,
        })))
    }

    pub(super) fn index_columns(&mut self) -> Result<Vec<IndexColumn>> {
        self.parenthesized_list(Self::index_column)
    }

    pub(super) fn index_column(&mut self) -> Result<IndexColumn> {
        let at = self.at();
        let key = self.index_key()?;
        let collation = self.optional(K::Collate, Self::qualified_name)?;
        let (mut opclass, mut opclass_options) = (None, Vec::new());
        if Self::is_column_name(self.kind()) {
            opclass = Some(self.qualified_name()?);
            if self.is_symbol(b'(') {
                opclass_options = self.storage_options()?;
            }
        }
        let direction = self.direction();
        let nulls = self.nulls_order()?;
        Ok(IndexColumn { key, collation, opclass, opclass_options, direction, nulls, at })
    }

    /// A column, a call, or an expression in parentheses.
    pub(super) fn index_key(&mut self) -> Result<IndexKey> {
        if self.is_symbol(b'(') {
            return Ok(IndexKey::Expr(self.parenthesized(Self::expr)?));
        }
        if self.is_function_in_from() {
            return Ok(IndexKey::Expr(self.function_in_from()?));
        }
        Ok(IndexKey::Column(self.name()?))
    }

    pub(super) fn reindex(&mut self) -> Result<Statement> {
        self.expect(K::Reindex)?;
        let options = if self.is_symbol(b'(') { self.option_list()? } else { Vec::new() };
        let kind = match self.keyword() {
            Some(K::Index) => ObjectKind::Index,
            Some(K::Table) => ObjectKind::Table,
            Some(K::Schema) => ObjectKind::Schema,
            Some(K::Database | K::System) => ObjectKind::Database,
            _ => return Err(self.unexpected()),
        };
        let system = self.is(K::System);
        self.advance();
        let concurrently = self.eat(K::Concurrently);
        let name = match kind {
            ObjectKind::Index | ObjectKind::Table => self.qualified_name()?,
            _ => vec![self.name()?],
        };
        Ok(Statement::Reindex(Reindex { kind, system, name, concurrently, options }))
    }

    // Sequences

    /// Behind CREATE, its persistence, and SEQUENCE.
    pub(super) fn create_sequence(&mut self, persistence: Persistence) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.qualified_name()?;
        let options = if self.is_sequence_option() { self.sequence_options()? } else { Vec::new() };
        Ok(Statement::CreateSequence(Box::new(CreateSequence { name, persistence, if_not_exists, options })))
    }

    pub(super) fn is_sequence_option(&self) -> bool {
        self.is_any(&[
            K::As,
            K::Cache,
            K::Cycle,
            K::Increment,
            K::Maxvalue,
            K::Minvalue,
            K::No,
            K::Owned,
            K::Sequence,
            K::Start,
            K::Restart,
        ])
    }

    /// One or more.
    pub(super) fn sequence_options(&mut self) -> Result<Vec<SequenceOption>> {
        let mut options = vec![self.sequence_option()?];
        while self.is_sequence_option() {
            options.push(self.sequence_option()?);
        }
        Ok(options)
    }

    pub(super) fn sequence_option(&mut self) -> Result<SequenceOption> {
        use SequenceOptionKind::*;
        let at = self.at();
        let keyword = self.keyword().filter(|_| self.is_sequence_option());
        let Some(keyword) = keyword else {
            return Err(self.unexpected());
        };
        self.advance();
        let kind = match keyword {
            K::As => As(self.simple_type_name()?),
            K::Cache => Cache(self.number()?),
            K::Cycle => Cycle(true),
            K::Increment => {
                self.eat(K::By);
                Increment(self.number()?)
            }
            K::Maxvalue => MaxValue(Some(self.number()?)),
            K::Minvalue => MinValue(Some(self.number()?)),
            K::No => {
                let kind = match self.keyword() {
                    Some(K::Maxvalue) => MaxValue(None),
                    Some(K::Minvalue) => MinValue(None),
                    Some(K::Cycle) => Cycle(false),
                    _ => return Err(self.unexpected()),
                };
                self.advance();
                kind
            }
            K::Owned => {
                self.expect(K::By)?;
                OwnedBy(self.qualified_name()?)
            }
            K::Sequence => {
                self.expect(K::Name)?;
                SequenceName(self.qualified_name()?)
            }
            K::Start => {
                self.eat(K::With);
                Start(self.number()?)
            }
            _ => {
                let with = self.eat(K::With);
                Restart(if with || self.is_number() { Some(self.number()?) } else { None })
            }
        };
        Ok(SequenceOption { kind, at })
    }

    pub(super) fn duplicate_option(&self, at: At) -> Error {
        Error::new(sqlstate::SYNTAX_ERROR, "conflicting or redundant options").at(at.offset())
    }
}
