//! INSERT, UPDATE, DELETE, MERGE, COPY.

use atoll_datum::Result;

use super::Parser;
use crate::ast::*;
use crate::keyword::Keyword as K;
use crate::lexer::Kind;

impl Parser<'_> {
    // INSERT

    pub(super) fn insert(&mut self, with: Option<With>) -> Result<Statement> {
        let at = self.at();
        self.expect_all(&[K::Insert, K::Into])?;
        let table = self.qualified_name()?;
        let alias = self.optional(K::As, Self::name)?;
        let mut columns = Vec::new();
        let mut overriding = None;
        let mut source = None;
        if self.is(K::Default) {
            self.advance();
            self.expect(K::Values)?;
        } else {
            if self.is_symbol(b'(') && !self.is_query_behind_parentheses() {
                columns = self.parenthesized_list(Self::assignee)?;
            }
            overriding = self.overriding()?;
            source = Some(self.query()?);
        }
        let on_conflict = self.on_conflict()?;
        let returning = self.returning()?;
        Ok(Statement::Insert(Box::new(Insert {
            with: with.map(Box::new),
            table,
            alias,
            columns,
            overriding,
            source,
            on_conflict,
            returning,
            at,
        })))
    }

    fn assignee(&mut self) -> Result<Assignee> {
        Ok(Assignee { column: self.name()?, path: self.indirection_steps()? })
    }

    fn overriding(&mut self) -> Result<Option<Overriding>> {
        if !self.eat(K::Overriding) {
            return Ok(None);
        }
        let overriding = if self.eat(K::User) {
            Overriding::UserValue
        } else {
            self.expect(K::System)?;
            Overriding::SystemValue
        };
        self.expect(K::Value)?;
        Ok(Some(overriding))
    }

    fn on_conflict(&mut self) -> Result<Option<OnConflict>> {
        let at = self.at();
        if !self.eat(K::On) {
            return Ok(None);
        }
        self.expect(K::Conflict)?;
        let target = if self.is_symbol(b'(') {
            let columns = self.index_columns()?;
            let filter = self.optional(K::Where, Self::expr)?;
            Some(ConflictTarget::Columns { columns, filter })
        } else if self.eat(K::On) {
            self.expect(K::Constraint)?;
            Some(ConflictTarget::Constraint(self.name()?))
        } else {
            None
        };
        self.expect(K::Do)?;
        let action = if self.eat(K::Nothing) {
            ConflictAction::Nothing
        } else {
            self.expect_all(&[K::Update, K::Set])?;
            let assignments = self.assignments()?;
            ConflictAction::Update { assignments, filter: self.optional(K::Where, Self::expr)? }
        };
        Ok(Some(OnConflict { target, action, at }))
    }

    fn returning(&mut self) -> Result<Vec<Target>> {
        Ok(self.optional(K::Returning, Self::targets)?.unwrap_or_default())
    }

    fn assignments(&mut self) -> Result<Vec<Assignment>> {
        self.list(|parser| {
            if parser.is_symbol(b'(') {
                let targets = parser.parenthesized_list(Self::assignee)?;
                parser.expect_symbol(b'=')?;
                return Ok(Assignment::Many { targets, value: parser.expr()? });
            }
            let target = parser.assignee()?;
            parser.expect_symbol(b'=')?;
            Ok(Assignment::One { target, value: parser.expr()? })
        })
    }

    // UPDATE and DELETE

    pub(super) fn update(&mut self, with: Option<With>) -> Result<Statement> {
        let at = self.at();
        self.expect(K::Update)?;
        let table = self.table_name()?;
        // SET is a name too, but not here.
        let alias = if self.is(K::Set) { None } else { self.target_alias()? };
        self.expect(K::Set)?;
        let assignments = self.assignments()?;
        let from = self.optional_from(K::From)?;
        let filter = self.filter_or_current_of()?;
        let returning = self.returning()?;
        Ok(Statement::Update(Box::new(Update {
            with: with.map(Box::new),
            table,
            alias,
            assignments,
            from,
            filter,
            returning,
            at,
        })))
    }

    /// `[AS] alias`, without columns.
    fn target_alias(&mut self) -> Result<Option<Name>> {
        if self.eat(K::As) || Self::is_column_name(self.kind()) { self.name().map(Some) } else { Ok(None) }
    }

    pub(super) fn delete(&mut self, with: Option<With>) -> Result<Statement> {
        let at = self.at();
        self.expect_all(&[K::Delete, K::From])?;
        let table = self.table_name()?;
        let alias = self.target_alias()?;
        let using = self.optional_from(K::Using)?;
        let filter = self.filter_or_current_of()?;
        let returning = self.returning()?;
        let delete = Delete { with: with.map(Box::new), table, alias, using, filter, returning, at };
        Ok(Statement::Delete(Box::new(delete)))
    }

    fn filter_or_current_of(&mut self) -> Result<Option<Expr>> {
        if !self.eat(K::Where) {
            return Ok(None);
        }
        let at = self.at();
        if self.eat_all(&[K::Current, K::Of]) {
            return Ok(Some(Expr { kind: ExprKind::CurrentOf(self.name()?), at }));
        }
        self.expr().map(Some)
    }

    // MERGE

    pub(super) fn merge(&mut self, with: Option<With>) -> Result<Statement> {
        let at = self.at();
        self.expect_all(&[K::Merge, K::Into])?;
        let table = self.table_name()?;
        let alias = self.target_alias()?;
        self.expect(K::Using)?;
        let source = self.from_item()?;
        self.expect(K::On)?;
        let condition = self.expr()?;
        let mut branches = Vec::new();
        while branches.is_empty() || self.is(K::When) {
            branches.push(self.merge_branch()?);
        }
        let merge = Merge { with: with.map(Box::new), table, alias, source, condition, branches, at };
        Ok(Statement::Merge(Box::new(merge)))
    }

    fn merge_branch(&mut self) -> Result<MergeBranch> {
        self.expect(K::When)?;
        let matched = !self.eat(K::Not);
        self.expect(K::Matched)?;
        let filter = self.optional(K::And, Self::expr)?;
        self.expect(K::Then)?;
        let action = match self.keyword() {
            Some(K::Do) => {
                self.advance();
                self.expect(K::Nothing)?;
                MergeAction::Nothing
            }
            Some(K::Update) if matched => {
                self.advance();
                self.expect(K::Set)?;
                MergeAction::Update(self.assignments()?)
            }
            Some(K::Delete) if matched => {
                self.advance();
                MergeAction::Delete
            }
            Some(K::Insert) if !matched => {
                self.advance();
                self.merge_insert()?
            }
            _ => return Err(self.unexpected()),
        };
        Ok(MergeBranch { matched, filter, action })
    }

    fn merge_insert(&mut self) -> Result<MergeAction> {
        if self.eat(K::Default) {
            self.expect(K::Values)?;
            return Ok(MergeAction::Insert { columns: Vec::new(), overriding: None, values: None });
        }
        let columns = if self.is_symbol(b'(') { self.parenthesized_list(Self::assignee)? } else { Vec::new() };
        let overriding = self.overriding()?;
        self.expect(K::Values)?;
        let values = self.parenthesized(Self::exprs)?;
        Ok(MergeAction::Insert { columns, overriding, values: Some(values) })
    }

    // COPY

    pub(super) fn copy(&mut self) -> Result<Statement> {
        let at = self.at();
        self.expect(K::Copy)?;
        let mut options = Vec::new();
        if self.is_symbol(b'(') {
            let subject = CopySubject::Statement(Box::new(self.parenthesized(Self::preparable)?));
            self.expect(K::To)?;
            let endpoint = self.copy_endpoint()?;
            self.eat(K::With);
            self.copy_options(&mut options)?;
            let copy = Copy { subject, direction: CopyDirection::To, endpoint, options, filter: None, at };
            return Ok(Statement::Copy(Box::new(copy)));
        }
        let binary_at = self.at();
        if self.eat(K::Binary) {
            options.push(self.setting(binary_at, "format", Some(SettingValue::Text("binary".into()))));
        }
        let name = self.qualified_name()?;
        let columns = self.optional_names()?;
        let direction = if self.eat(K::From) {
            CopyDirection::From
        } else {
            self.expect(K::To)?;
            CopyDirection::To
        };
        let endpoint = self.copy_endpoint()?;
        let delimiters_at = self.at();
        let using = self.eat(K::Using);
        if using || self.is(K::Delimiters) {
            self.expect(K::Delimiters)?;
            let value = SettingValue::Text(self.string()?);
            options.push(self.setting(delimiters_at, "delimiter", Some(value)));
        }
        self.eat(K::With);
        self.copy_options(&mut options)?;
        let where_at = self.at();
        let filter = self.optional(K::Where, Self::expr)?;
        if filter.is_some() && direction == CopyDirection::To {
            return Err(self.error(where_at, "WHERE clause not allowed with COPY TO"));
        }
        let subject = CopySubject::Table { name, columns };
        Ok(Statement::Copy(Box::new(Copy { subject, direction, endpoint, options, filter, at })))
    }

    fn copy_endpoint(&mut self) -> Result<CopyEndpoint> {
        let at = self.at();
        if self.eat(K::Stdin) || self.eat(K::Stdout) {
            return Ok(CopyEndpoint::Client);
        }
        if self.eat(K::Program) {
            if matches!(self.kind(), Kind::String) {
                return Ok(CopyEndpoint::Program(self.string()?));
            }
            if self.is_any(&[K::Stdin, K::Stdout]) {
                return Err(self.error(at, "STDIN/STDOUT not allowed with PROGRAM"));
            }
        }
        Ok(CopyEndpoint::File(self.string()?))
    }

    fn copy_options(&mut self, options: &mut Vec<Setting>) -> Result<()> {
        if self.is_symbol(b'(') {
            options.extend(self.copy_option_list()?);
            return Ok(());
        }
        while let Some(option) = self.old_copy_option()? {
            options.push(option);
        }
        Ok(())
    }

    /// As it was before options stood in parentheses.
    fn old_copy_option(&mut self) -> Result<Option<Setting>> {
        let at = self.at();
        let Some(keyword) = self.keyword() else {
            return Ok(None);
        };
        let (name, value) = match keyword {
            K::Binary => {
                self.advance();
                ("format", SettingValue::Text("binary".into()))
            }
            K::Csv => {
                self.advance();
                ("format", SettingValue::Text("csv".into()))
            }
            K::Freeze => {
                self.advance();
                ("freeze", SettingValue::Text("true".into()))
            }
            K::Header => {
                self.advance();
                ("header", SettingValue::Text("true".into()))
            }
            K::Delimiter | K::Null | K::Quote | K::Escape => {
                self.advance();
                self.eat(K::As);
                (keyword.text(), SettingValue::Text(self.string()?))
            }
            K::Encoding => {
                self.advance();
                ("encoding", SettingValue::Text(self.string()?))
            }
            K::Force => {
                self.advance();
                return self.force_option(at).map(Some);
            }
            _ => return Ok(None),
        };
        Ok(Some(self.setting(at, name, Some(value))))
    }

    fn force_option(&mut self, at: At) -> Result<Setting> {
        let quote = self.eat(K::Quote);
        let name = if quote {
            "force_quote"
        } else if self.eat(K::Not) {
            self.expect(K::Null)?;
            "force_not_null"
        } else {
            self.expect(K::Null)?;
            "force_null"
        };
        let value = if quote && self.eat_symbol(b'*') {
            SettingValue::Star
        } else {
            SettingValue::List(self.list(|parser| Ok(SettingValue::Text(parser.name()?.text)))?)
        };
        Ok(self.setting(at, name, Some(value)))
    }
}
