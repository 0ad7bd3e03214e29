//! CREATE TABLE, its columns and constraints, and CREATE TABLE AS.

use atoll_datum::{Error, Result, sqlstate};

use super::Parser;
use crate::ast::*;
use crate::keyword::Keyword as K;
use crate::lexer::Kind;

/// What stands behind the elements of a table.
#[derive(Default)]
struct TableOptions {
    method: Option<Name>,
    options: Vec<Setting>,
    on_commit: Option<OnCommit>,
    tablespace: Option<Name>,
}

impl Parser<'_> {
    /// Behind CREATE, its persistence, and TABLE.
    pub(super) fn create_table(&mut self, persistence: Persistence) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.qualified_name()?;
        let is_column_list = self.is_symbol(b'(')
            && Self::is_column_name(self.kind_ahead(1))
            && matches!(self.kind_ahead(2), Kind::Symbol(b',' | b')'));
        let is_without_columns = self.is_any(&[K::As, K::With, K::Without, K::Using, K::On, K::Tablespace]);
        if is_column_list || is_without_columns {
            return self.create_table_as(name, persistence, if_not_exists);
        }
        let mut table = CreateTable {
            name,
            persistence,
            if_not_exists,
            elements: Vec::new(),
            of_type: None,
            inherits: Vec::new(),
            partition_of: None,
            partition_by: None,
            method: None,
            options: Vec::new(),
            on_commit: None,
            tablespace: None,
        };
        if self.eat(K::Of) {
            table.of_type = Some(self.qualified_name()?);
            table.elements = self.typed_elements()?;
        } else if self.eat(K::Partition) {
            self.expect(K::Of)?;
            let parent = self.qualified_name()?;
            table.elements = self.typed_elements()?;
            table.partition_of = Some(PartitionOf { parent, bound: self.partition_bound()? });
        } else {
            table.elements = self.parenthesized(|parser| {
                if parser.is_symbol(b')') { Ok(Vec::new()) } else { parser.list(Self::table_element) }
            })?;
            if self.eat(K::Inherits) {
                table.inherits = self.parenthesized_list(Self::qualified_name)?;
            }
        }
        table.partition_by = self.partition_by()?;
        let options = self.table_options()?;
        table.method = options.method;
        table.options = options.options;
        table.on_commit = options.on_commit;
        table.tablespace = options.tablespace;
        Ok(Statement::CreateTable(Box::new(table)))
    }

    fn create_table_as(
        &mut self,
        name: QualifiedName,
        persistence: Persistence,
        if_not_exists: bool,
    ) -> Result<Statement> {
        let columns = self.optional_names()?;
        let TableOptions { method, options, on_commit, tablespace } = self.table_options()?;
        self.expect(K::As)?;
        let source = if self.is(K::Execute) {
            Statement::Execute(self.execute()?)
        } else {
            Statement::Query(Box::new(self.query()?))
        };
        let with_data = self.with_data()?;
        Ok(Statement::CreateTableAs(Box::new(CreateTableAs {
            name,
            materialized_view: false,
            persistence,
            if_not_exists,
            columns,
            method,
            options,
            on_commit,
            tablespace,
            source,
            with_data,
        })))
    }

    pub(super) fn create_materialized_view(&mut self, persistence: Persistence) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.qualified_name()?;
        let columns = self.optional_names()?;
        let method = self.optional(K::Using, Self::name)?;
        let options = self.optional_storage_options()?;
        let tablespace = self.optional(K::Tablespace, Self::name)?;
        self.expect(K::As)?;
        let source = Statement::Query(Box::new(self.query()?));
        let with_data = self.with_data()?;
        Ok(Statement::CreateTableAs(Box::new(CreateTableAs {
            name,
            materialized_view: true,
            persistence,
            if_not_exists,
            columns,
            method,
            options,
            on_commit: None,
            tablespace,
            source,
            with_data,
        })))
    }

    pub(super) fn with_data(&mut self) -> Result<bool> {
        if !self.eat(K::With) {
            return Ok(true);
        }
        let with_data = !self.eat(K::No);
        self.expect(K::Data)?;
        Ok(with_data)
    }

    pub(super) fn optional_storage_options(&mut self) -> Result<Vec<Setting>> {
        Ok(self.optional(K::With, Self::storage_options)?.unwrap_or_default())
    }

    fn table_options(&mut self) -> Result<TableOptions> {
        let mut options = TableOptions { method: self.optional(K::Using, Self::name)?, ..TableOptions::default() };
        if self.eat(K::With) {
            options.options = self.storage_options()?;
        } else if self.eat(K::Without) {
            self.expect(K::Oids)?;
        }
        if self.eat(K::On) {
            self.expect(K::Commit)?;
            options.on_commit = Some(if self.eat(K::Drop) {
                OnCommit::Drop
            } else {
                let delete = self.eat(K::Delete);
                if !delete {
                    self.expect(K::Preserve)?;
                }
                self.expect(K::Rows)?;
                if delete { OnCommit::DeleteRows } else { OnCommit::PreserveRows }
            });
        }
        options.tablespace = self.optional(K::Tablespace, Self::name)?;
        Ok(options)
    }

    // Elements

    fn is_table_constraint(&self) -> bool {
        self.is_any(&[K::Constraint, K::Check, K::Unique, K::Primary, K::Foreign])
            || (self.is(K::Exclude) && (self.is_ahead(1, K::Using) || self.is_symbol_ahead(1, b'(')))
    }

    fn table_element(&mut self) -> Result<TableElement> {
        if self.is_table_constraint() {
            return Ok(TableElement::Constraint(self.table_constraint()?));
        }
        if self.eat(K::Like) {
            return Ok(TableElement::Like(self.like_table()?));
        }
        Ok(TableElement::Column(self.column_definition()?))
    }

    /// Of a table whose columns come from elsewhere.
    fn typed_elements(&mut self) -> Result<Vec<TableElement>> {
        if !self.is_symbol(b'(') {
            return Ok(Vec::new());
        }
        self.parenthesized_list(|parser| {
            if parser.is_table_constraint() {
                return Ok(TableElement::Constraint(parser.table_constraint()?));
            }
            let name = parser.name()?;
            if parser.eat(K::With) {
                parser.expect(K::Options)?;
            }
            let (collation, constraints) = parser.column_qualities()?;
            let column = ColumnDefinition { name, type_name: None, compression: None, collation, constraints };
            Ok(TableElement::Column(column))
        })
    }

    fn like_table(&mut self) -> Result<LikeTable> {
        let table = self.qualified_name()?;
        let mut options = Vec::new();
        loop {
            let including = self.eat(K::Including);
            if !including && !self.eat(K::Excluding) {
                return Ok(LikeTable { table, options });
            }
            let option = match self.keyword() {
                Some(K::Comments) => LikeOption::Comments,
                Some(K::Compression) => LikeOption::Compression,
                Some(K::Constraints) => LikeOption::Constraints,
                Some(K::Defaults) => LikeOption::Defaults,
                Some(K::Identity) => LikeOption::Identity,
                Some(K::Generated) => LikeOption::Generated,
                Some(K::Indexes) => LikeOption::Indexes,
                Some(K::Statistics) => LikeOption::Statistics,
                Some(K::Storage) => LikeOption::Storage,
                Some(K::All) => LikeOption::All,
                _ => return Err(self.unexpected()),
            };
            self.advance();
            options.push((including, option));
        }
    }

    // Columns

    pub(super) fn column_definition(&mut self) -> Result<ColumnDefinition> {
        let name = self.name()?;
        let type_name = Some(self.type_name()?);
        let compression =
            self.optional(
                K::Compression,
                |parser| {
                    if parser.is(K::Default) { Ok(parser.take_name()) } else { parser.name() }
                },
            )?;
        let (collation, constraints) = self.column_qualities()?;
        Ok(ColumnDefinition { name, type_name, compression, collation, constraints })
    }

    /// `name type [COLLATE c]`, of a composite type or of a function's result.
    pub(super) fn attribute_definition(&mut self) -> Result<ColumnDefinition> {
        let name = self.name()?;
        let type_name = Some(self.type_name()?);
        let collation = self.optional(K::Collate, Self::qualified_name)?;
        Ok(ColumnDefinition { name, type_name, compression: None, collation, constraints: Vec::new() })
    }

    /// Constraints and COLLATE in any order, of a column or a domain.
    pub(super) fn column_qualities(&mut self) -> Result<(Option<QualifiedName>, Vec<ColumnConstraint>)> {
        let mut collation = None;
        let mut constraints: Vec<ColumnConstraint> = Vec::new();
        loop {
            let at = self.at();
            if self.eat(K::Collate) {
                if collation.is_some() {
                    return Err(self.error(at, "multiple COLLATE clauses not allowed"));
                }
                collation = Some(self.qualified_name()?);
                continue;
            }
            if let Some(timing) = self.timing_word()? {
                self.attach_timing(constraints.last_mut(), timing, at)?;
                continue;
            }
            match self.column_constraint()? {
                Some(constraint) => constraints.push(constraint),
                None => return Ok((collation, constraints)),
            }
        }
    }

    fn column_constraint(&mut self) -> Result<Option<ColumnConstraint>> {
        let at = self.at();
        let name = self.optional(K::Constraint, Self::name)?;
        let kind = match self.keyword() {
            Some(K::Not) => {
                self.advance();
                self.expect(K::Null)?;
                ColumnConstraintKind::NotNull
            }
            Some(K::Null) => {
                self.advance();
                ColumnConstraintKind::Null
            }
            Some(K::Unique) => {
                self.advance();
                let nulls_not_distinct = self.nulls_not_distinct()?;
                let (options, tablespace) = self.constraint_index_options()?;
                ColumnConstraintKind::Unique { nulls_not_distinct, options, tablespace }
            }
            Some(K::Primary) => {
                self.advance();
                self.expect(K::Key)?;
                let (options, tablespace) = self.constraint_index_options()?;
                ColumnConstraintKind::PrimaryKey { options, tablespace }
            }
            Some(K::Check) => {
                self.advance();
                let condition = self.parenthesized(Self::expr)?;
                let no_inherit = self.eat(K::No);
                if no_inherit {
                    self.expect(K::Inherit)?;
                }
                ColumnConstraintKind::Check { condition, no_inherit }
            }
            Some(K::Default) => {
                self.advance();
                ColumnConstraintKind::Default(self.restricted_expr()?)
            }
            Some(K::Generated) => self.generated()?,
            Some(K::References) => ColumnConstraintKind::References(self.references()?),
            _ if name.is_some() => return Err(self.unexpected()),
            _ => return Ok(None),
        };
        Ok(Some(ColumnConstraint { name, kind, timing: ConstraintTiming::default(), at }))
    }

    fn generated(&mut self) -> Result<ColumnConstraintKind> {
        self.advance();
        let when_at = self.at();
        let always = self.generated_when()?;
        self.expect(K::As)?;
        if self.eat(K::Identity) {
            let options = if self.is_symbol(b'(') { self.parenthesized(Self::sequence_options)? } else { Vec::new() };
            return Ok(ColumnConstraintKind::Identity { always, options });
        }
        let value = self.parenthesized(Self::expr)?;
        self.expect(K::Stored)?;
        if !always {
            return Err(self.error(when_at, "for a generated column, GENERATED ALWAYS must be specified"));
        }
        Ok(ColumnConstraintKind::Generated(value))
    }

    /// ALWAYS or BY DEFAULT.
    pub(super) fn generated_when(&mut self) -> Result<bool> {
        if self.eat(K::Always) {
            return Ok(true);
        }
        self.expect_all(&[K::By, K::Default])?;
        Ok(false)
    }

    pub(super) fn nulls_not_distinct(&mut self) -> Result<bool> {
        if !self.eat(K::Nulls) {
            return Ok(false);
        }
        let not = self.eat(K::Not);
        self.expect(K::Distinct)?;
        Ok(not)
    }

    fn constraint_index_options(&mut self) -> Result<(Vec<Setting>, Option<Name>)> {
        let options = self.optional(K::With, Self::definition)?.unwrap_or_default();
        let tablespace = self.optional(K::Using, |parser| {
            parser.expect_all(&[K::Index, K::Tablespace])?;
            parser.name()
        })?;
        Ok((options, tablespace))
    }

    fn references(&mut self) -> Result<References> {
        self.expect(K::References)?;
        let table = self.qualified_name()?;
        let columns = self.optional_names()?;
        let match_at = self.at();
        let mut match_kind = MatchKind::Simple;
        if self.eat(K::Match) {
            if self.eat(K::Full) {
                match_kind = MatchKind::Full;
            } else if self.eat(K::Partial) {
                return Err(self.unsupported(match_at, "MATCH PARTIAL not yet implemented"));
            } else {
                self.expect(K::Simple)?;
            }
        }
        let (mut on_delete, mut on_update) = (None, None);
        while self.is(K::On) {
            let at = self.at();
            self.advance();
            if on_delete.is_none() && self.eat(K::Delete) {
                on_delete = Some(self.referential_action()?);
            } else if on_update.is_none() && self.eat(K::Update) {
                let action = self.referential_action()?;
                if let ReferentialAction::SetNull(columns) | ReferentialAction::SetDefault(columns) = &action
                    && !columns.is_empty()
                {
                    let word = if matches!(action, ReferentialAction::SetNull(_)) { "NULL" } else { "DEFAULT" };
                    let message = format!("a column list with SET {word} is only supported for ON DELETE actions");
                    return Err(self.unsupported(at, message));
                }
                on_update = Some(action);
            } else {
                return Err(self.unexpected());
            }
        }
        Ok(References {
            table,
            columns,
            match_kind,
            on_delete: on_delete.unwrap_or_default(),
            on_update: on_update.unwrap_or_default(),
        })
    }

    fn referential_action(&mut self) -> Result<ReferentialAction> {
        let keyword = self.keyword();
        let action = match keyword {
            Some(K::No) => {
                self.advance();
                self.expect(K::Action)?;
                ReferentialAction::NoAction
            }
            Some(K::Restrict) => {
                self.advance();
                ReferentialAction::Restrict
            }
            Some(K::Cascade) => {
                self.advance();
                ReferentialAction::Cascade
            }
            _ => {
                self.expect(K::Set)?;
                let null = self.eat(K::Null);
                if !null {
                    self.expect(K::Default)?;
                }
                let columns = self.optional_names()?;
                match null {
                    true => ReferentialAction::SetNull(columns),
                    false => ReferentialAction::SetDefault(columns),
                }
            }
        };
        Ok(action)
    }

    // DEFERRABLE and its like

    /// One of the four clauses, with the words that messages name it by.
    fn timing_word(&mut self) -> Result<Option<(ConstraintTiming, &'static str)>> {
        let mut timing = ConstraintTiming::default();
        let name = if self.eat(K::Deferrable) {
            timing.deferrable = Some(true);
            "DEFERRABLE"
        } else if self.is(K::Not) && self.is_ahead(1, K::Deferrable) {
            self.advance();
            self.advance();
            timing.deferrable = Some(false);
            "NOT DEFERRABLE"
        } else if self.eat(K::Initially) {
            let deferred = self.eat(K::Deferred);
            if !deferred {
                self.expect(K::Immediate)?;
            }
            timing.initially_deferred = Some(deferred);
            if deferred { "INITIALLY DEFERRED" } else { "INITIALLY IMMEDIATE" }
        } else {
            return Ok(None);
        };
        Ok(Some((timing, name)))
    }

    fn attach_timing(
        &self,
        constraint: Option<&mut ColumnConstraint>,
        (timing, name): (ConstraintTiming, &str),
        at: At,
    ) -> Result<()> {
        let constraint = constraint.filter(|constraint| {
            matches!(
                constraint.kind,
                ColumnConstraintKind::Unique { .. }
                    | ColumnConstraintKind::PrimaryKey { .. }
                    | ColumnConstraintKind::References(_)
            )
        });
        let Some(constraint) = constraint else {
            return Err(self.error(at, format!("misplaced {name} clause")));
        };
        if timing.deferrable.is_some() {
            if constraint.timing.deferrable.is_some() {
                return Err(self.error(at, "multiple DEFERRABLE/NOT DEFERRABLE clauses not allowed"));
            }
            constraint.timing.deferrable = timing.deferrable;
        } else {
            if constraint.timing.initially_deferred.is_some() {
                return Err(self.error(at, "multiple INITIALLY IMMEDIATE/DEFERRED clauses not allowed"));
            }
            constraint.timing.initially_deferred = timing.initially_deferred;
        }
        if constraint.timing == (ConstraintTiming { deferrable: Some(false), initially_deferred: Some(true) }) {
            return Err(self.error(at, "constraint declared INITIALLY DEFERRED must be DEFERRABLE"));
        }
        Ok(())
    }

    // Constraints of the table

    pub(super) fn table_constraint(&mut self) -> Result<TableConstraint> {
        let at = self.at();
        let name = self.optional(K::Constraint, Self::name)?;
        let mut no_inherit = false;
        let kind = match self.keyword() {
            Some(K::Check) => {
                self.advance();
                TableConstraintKind::Check { condition: self.parenthesized(Self::expr)?, no_inherit: false }
            }
            Some(K::Unique) => {
                self.advance();
                if self.is(K::Using) {
                    TableConstraintKind::Unique { nulls_not_distinct: false, index: self.constraint_index()? }
                } else {
                    let nulls_not_distinct = self.nulls_not_distinct()?;
                    TableConstraintKind::Unique { nulls_not_distinct, index: self.constraint_index()? }
                }
            }
            Some(K::Primary) => {
                self.advance();
                self.expect(K::Key)?;
                TableConstraintKind::PrimaryKey(self.constraint_index()?)
            }
            Some(K::Foreign) => {
                self.advance();
                self.expect(K::Key)?;
                let columns = self.parenthesized_names()?;
                TableConstraintKind::ForeignKey { columns, references: self.references()? }
            }
            Some(K::Exclude) => {
                self.advance();
                TableConstraintKind::Exclude(Box::new(self.exclude()?))
            }
            _ => return Err(self.unexpected()),
        };
        let what = match kind {
            TableConstraintKind::Check { .. } => "CHECK",
            TableConstraintKind::Unique { .. } => "UNIQUE",
            TableConstraintKind::PrimaryKey(_) => "PRIMARY KEY",
            TableConstraintKind::ForeignKey { .. } => "FOREIGN KEY",
            TableConstraintKind::Exclude(_) => "EXCLUDE",
        };
        let mut not_valid = false;
        let mut timing = ConstraintTiming::default();
        while self.constraint_attribute(&mut timing, &mut not_valid, &mut no_inherit)? {}
        // PostgreSQL gives these no position.
        let refused = |word: &str| {
            Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, format!("{what} constraints cannot be marked {word}")))
        };
        let is_check = what == "CHECK";
        if is_check && (timing.deferrable == Some(true) || timing.initially_deferred == Some(true)) {
            return refused("DEFERRABLE");
        }
        if not_valid && !is_check && what != "FOREIGN KEY" {
            return refused("NOT VALID");
        }
        if no_inherit && !is_check {
            return refused("NO INHERIT");
        }
        let kind = match kind {
            TableConstraintKind::Check { condition, .. } => TableConstraintKind::Check { condition, no_inherit },
            kind => kind,
        };
        Ok(TableConstraint { name, kind, timing, not_valid, at })
    }

    fn constraint_attribute(
        &mut self,
        timing: &mut ConstraintTiming,
        not_valid: &mut bool,
        no_inherit: &mut bool,
    ) -> Result<bool> {
        let at = self.at();
        if self.is(K::Not) && self.is_ahead(1, K::Valid) {
            self.advance();
            self.advance();
            *not_valid = true;
            return Ok(true);
        }
        if self.eat(K::No) {
            self.expect(K::Inherit)?;
            *no_inherit = true;
            return Ok(true);
        }
        if self.is(K::Not) && !self.is_ahead(1, K::Deferrable) {
            self.advance();
            return Err(self.unexpected());
        }
        let Some((word, _)) = self.timing_word()? else {
            return Ok(false);
        };
        let conflict = |old: Option<bool>, new: Option<bool>| new.is_some() && old.is_some() && old != new;
        let deferred = word.initially_deferred == Some(true) && timing.deferrable == Some(false)
            || word.deferrable == Some(false) && timing.initially_deferred == Some(true);
        if deferred {
            return Err(self.error(at, "constraint declared INITIALLY DEFERRED must be DEFERRABLE"));
        }
        if conflict(timing.deferrable, word.deferrable) || conflict(timing.initially_deferred, word.initially_deferred)
        {
            return Err(self.error(at, "conflicting constraint properties"));
        }
        timing.deferrable = word.deferrable.or(timing.deferrable);
        timing.initially_deferred = word.initially_deferred.or(timing.initially_deferred);
        Ok(true)
    }

    /// Of ALTER CONSTRAINT.
    pub(super) fn constraint_timing(&mut self) -> Result<ConstraintTiming> {
        let (mut timing, mut not_valid, mut no_inherit) = (ConstraintTiming::default(), false, false);
        while self.constraint_attribute(&mut timing, &mut not_valid, &mut no_inherit)? {}
        let word = match (not_valid, no_inherit) {
            (true, _) => "NOT VALID",
            (_, true) => "NO INHERIT",
            _ => return Ok(timing),
        };
        let message = format!("FOREIGN KEY constraints cannot be marked {word}");
        Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message))
    }

    fn constraint_index(&mut self) -> Result<ConstraintIndex> {
        if self.eat(K::Using) {
            self.expect(K::Index)?;
            return Ok(ConstraintIndex::Existing(self.name()?));
        }
        let columns = self.parenthesized_names()?;
        let include = self.optional(K::Include, Self::parenthesized_names)?.unwrap_or_default();
        let (options, tablespace) = self.constraint_index_options()?;
        Ok(ConstraintIndex::New { columns, include, options, tablespace })
    }

    fn exclude(&mut self) -> Result<Exclude> {
        let method = self.optional(K::Using, Self::name)?;
        let elements = self.parenthesized_list(|parser| {
            let column = parser.index_column()?;
            parser.expect(K::With)?;
            let operator = if parser.is(K::Operator) { parser.operator_call()? } else { parser.plain_operator()? };
            Ok((column, operator))
        })?;
        let include = self.optional(K::Include, Self::parenthesized_names)?.unwrap_or_default();
        let (options, tablespace) = self.constraint_index_options()?;
        let filter = self.optional(K::Where, |parser| parser.parenthesized(Self::expr))?;
        Ok(Exclude { method, elements, include, options, tablespace, filter })
    }

    // Partitions

    fn partition_by(&mut self) -> Result<Option<PartitionBy>> {
        let at = self.at();
        if !self.eat(K::Partition) {
            return Ok(None);
        }
        self.expect(K::By)?;
        let strategy = self.name()?;
        let columns = self.parenthesized_list(|parser| {
            let key = parser.index_key()?;
            let collation = parser.optional(K::Collate, Self::qualified_name)?;
            let opclass = if Self::is_column_name(parser.kind()) {
                Some(parser.qualified_name()?)
            } else {
                parser.optional(K::Using, Self::qualified_name)?
            };
            Ok(PartitionColumn { key, collation, opclass })
        })?;
        Ok(Some(PartitionBy { strategy, columns, at }))
    }

    pub(super) fn partition_bound(&mut self) -> Result<PartitionBound> {
        if self.eat(K::Default) {
            return Ok(PartitionBound::Default);
        }
        self.expect_all(&[K::For, K::Values])?;
        if self.eat(K::In) {
            return Ok(PartitionBound::In(self.parenthesized(Self::exprs)?));
        }
        if self.eat(K::From) {
            let from = self.parenthesized(Self::exprs)?;
            self.expect(K::To)?;
            return Ok(PartitionBound::Range { from, to: self.parenthesized(Self::exprs)? });
        }
        self.expect(K::With)?;
        let bounds = self.parenthesized_list(|parser| Ok((parser.word()?, parser.integer()?)))?;
        let (mut modulus, mut remainder) = (None, None);
        for (name, value) in bounds {
            let slot = match name.as_str() {
                "modulus" => &mut modulus,
                "remainder" => &mut remainder,
                other => {
                    let message = format!("unrecognized hash partition bound specification \"{other}\"");
                    return Err(self.error(name.at, message));
                }
            };
            if slot.replace(value).is_some() {
                let message = format!("{name} for hash partition provided more than once");
                return Err(Error::new(sqlstate::DUPLICATE_OBJECT, message).at(name.at.offset()));
            }
        }
        let missing =
            |what: &str| Error::new(sqlstate::SYNTAX_ERROR, format!("{what} for hash partition must be specified"));
        Ok(PartitionBound::Hash {
            modulus: modulus.ok_or_else(|| missing("modulus"))?,
            remainder: remainder.ok_or_else(|| missing("remainder"))?,
        })
    }
}
