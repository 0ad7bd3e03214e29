//! Transactions, parameters, prepared statements, cursors, EXPLAIN, maintenance.

use atoll_datum::Result;

use super::Parser;
use crate::ast::*;
use crate::keyword::Keyword as K;
use crate::lexer::Kind;

impl Parser<'_> {
    // Transactions

    /// BEGIN, START TRANSACTION, COMMIT, END, ROLLBACK, ABORT, SAVEPOINT, RELEASE.
    pub(super) fn transaction(&mut self) -> Result<Transaction> {
        let keyword = self.keyword();
        self.advance();
        match keyword {
            Some(K::Begin) => {
                self.work_or_transaction();
                Ok(Transaction::Begin(self.optional_modes()?))
            }
            Some(K::Start) => {
                self.expect(K::Transaction)?;
                Ok(Transaction::Start(self.optional_modes()?))
            }
            Some(K::Savepoint) => Ok(Transaction::Savepoint(self.name()?)),
            Some(K::Release) => {
                self.savepoint_word();
                Ok(Transaction::Release(self.name()?))
            }
            Some(K::Commit) if self.eat(K::Prepared) => Ok(Transaction::CommitPrepared(self.string()?)),
            Some(K::Rollback) if self.eat(K::Prepared) => Ok(Transaction::RollbackPrepared(self.string()?)),
            Some(K::Commit | K::End) => {
                self.work_or_transaction();
                Ok(Transaction::Commit { chain: self.chain()? })
            }
            Some(K::Rollback) => {
                self.work_or_transaction();
                if self.eat(K::To) {
                    self.savepoint_word();
                    return Ok(Transaction::RollbackTo(self.name()?));
                }
                Ok(Transaction::Rollback { chain: self.chain()? })
            }
            _ => {
                self.work_or_transaction();
                Ok(Transaction::Rollback { chain: self.chain()? })
            }
        }
    }

    fn work_or_transaction(&mut self) {
        if !self.eat(K::Work) {
            self.eat(K::Transaction);
        }
    }

    /// SAVEPOINT may be the word or the name.
    fn savepoint_word(&mut self) {
        if self.is(K::Savepoint) && Self::is_column_name(self.kind_ahead(1)) {
            self.advance();
        }
    }

    fn chain(&mut self) -> Result<bool> {
        if !self.eat(K::And) {
            return Ok(false);
        }
        let chain = !self.eat(K::No);
        self.expect(K::Chain)?;
        Ok(chain)
    }

    fn is_transaction_mode(&self) -> bool {
        self.is_any(&[K::Isolation, K::Read, K::Deferrable, K::Not]) || self.are(&[K::As, K::Of, K::System, K::Time])
    }

    fn optional_modes(&mut self) -> Result<Vec<TransactionMode>> {
        if self.is_transaction_mode() { self.transaction_modes() } else { Ok(Vec::new()) }
    }

    fn transaction_modes(&mut self) -> Result<Vec<TransactionMode>> {
        let mut modes = vec![self.transaction_mode()?];
        // The commas are optional.
        while self.is_symbol(b',') || self.is_transaction_mode() {
            self.eat_symbol(b',');
            modes.push(self.transaction_mode()?);
        }
        Ok(modes)
    }

    fn transaction_mode(&mut self) -> Result<TransactionMode> {
        match self.keyword() {
            Some(K::Isolation) => {
                self.advance();
                self.expect(K::Level)?;
                Ok(TransactionMode::Isolation(self.isolation_level()?))
            }
            Some(K::Read) => {
                self.advance();
                let read_only = self.eat(K::Only);
                if !read_only {
                    self.expect(K::Write)?;
                }
                Ok(TransactionMode::ReadOnly(read_only))
            }
            Some(K::Deferrable) => {
                self.advance();
                Ok(TransactionMode::Deferrable(true))
            }
            Some(K::Not) => {
                self.advance();
                self.expect(K::Deferrable)?;
                Ok(TransactionMode::Deferrable(false))
            }
            _ => match self.as_of()? {
                Some(time) => Ok(TransactionMode::AsOf(Box::new(time))),
                None => Err(self.unexpected()),
            },
        }
    }

    fn isolation_level(&mut self) -> Result<Isolation> {
        if self.eat(K::Serializable) {
            return Ok(Isolation::Serializable);
        }
        if self.eat(K::Repeatable) {
            self.expect(K::Read)?;
            return Ok(Isolation::RepeatableRead);
        }
        self.expect(K::Read)?;
        if self.eat(K::Committed) {
            return Ok(Isolation::ReadCommitted);
        }
        self.expect(K::Uncommitted)?;
        Ok(Isolation::ReadUncommitted)
    }

    pub(super) fn lock_table(&mut self) -> Result<Statement> {
        self.expect(K::Lock)?;
        self.eat(K::Table);
        let tables = self.list(Self::table_name)?;
        let mode = if self.eat(K::In) {
            let mode = self.lock_mode()?;
            self.expect(K::Mode)?;
            mode
        } else {
            LockMode::AccessExclusive
        };
        let wait = if self.eat(K::Nowait) { LockWait::NoWait } else { LockWait::Block };
        Ok(Statement::LockTable(LockTable { tables, mode, wait }))
    }

    fn lock_mode(&mut self) -> Result<LockMode> {
        if self.eat(K::Exclusive) {
            return Ok(LockMode::Exclusive);
        }
        if self.eat(K::Access) {
            if self.eat(K::Share) {
                return Ok(LockMode::AccessShare);
            }
            self.expect(K::Exclusive)?;
            return Ok(LockMode::AccessExclusive);
        }
        if self.eat(K::Row) {
            if self.eat(K::Share) {
                return Ok(LockMode::RowShare);
            }
            self.expect(K::Exclusive)?;
            return Ok(LockMode::RowExclusive);
        }
        self.expect(K::Share)?;
        if self.eat(K::Update) {
            self.expect(K::Exclusive)?;
            return Ok(LockMode::ShareUpdateExclusive);
        }
        if self.eat(K::Row) {
            self.expect(K::Exclusive)?;
            return Ok(LockMode::ShareRowExclusive);
        }
        Ok(LockMode::Share)
    }

    // Parameters

    pub(super) fn set(&mut self) -> Result<Statement> {
        self.expect(K::Set)?;
        if self.eat(K::Constraints) {
            return self.set_constraints();
        }
        if self.is(K::Transaction) && !matches!(self.kind_ahead(1), Kind::Symbol(b'=' | b'.') | Kind::Keyword(K::To)) {
            self.advance();
            if self.eat(K::Snapshot) {
                return Ok(Statement::Transaction(Transaction::SetSnapshot(self.string()?)));
            }
            return Ok(Statement::Transaction(Transaction::Set(self.transaction_modes()?)));
        }
        let is_scope = !matches!(self.kind_ahead(1), Kind::Symbol(b'=' | b'.') | Kind::Keyword(K::To | K::From));
        let mut local = false;
        if is_scope && self.is_any(&[K::Local, K::Session]) && !self.is_ahead(1, K::Authorization) {
            local = self.is(K::Local);
            self.advance();
            if !local && self.eat(K::Characteristics) {
                self.expect_all(&[K::As, K::Transaction])?;
                return Ok(Statement::Transaction(Transaction::SetDefault(self.transaction_modes()?)));
            }
            if self.is(K::Transaction) && !matches!(self.kind_ahead(1), Kind::Symbol(b'=') | Kind::Keyword(K::To)) {
                self.advance();
                return Ok(Statement::Transaction(Transaction::Set(self.transaction_modes()?)));
            }
        }
        Ok(Statement::Set(self.set_rest(local)?))
    }

    /// Behind SET and its scope.
    fn set_rest(&mut self, local: bool) -> Result<Set> {
        let at = self.at();
        let text = |text: Box<str>| SetValue::Values(vec![SettingValue::Text(text)]);
        let made = |name: &str, value| Ok(Set { local, name: Name::new(name, at), value });
        let is_plain = matches!(self.kind_ahead(1), Kind::Symbol(b'=' | b'.') | Kind::Keyword(K::To | K::From));
        if is_plain {
            return self.set_parameter(local);
        }
        match self.keyword() {
            Some(K::Time) => {
                self.advance();
                self.expect(K::Zone)?;
                let value = self.time_zone()?;
                made("timezone", value)
            }
            Some(K::Catalog) => {
                self.advance();
                let at = self.at();
                self.string()?;
                Err(self.unsupported(at, "current database cannot be changed"))
            }
            Some(K::Schema) => {
                self.advance();
                let value = text(self.string()?);
                made("search_path", value)
            }
            Some(K::Names) => {
                self.advance();
                let value = match self.kind() {
                    Kind::String => text(self.string()?),
                    _ => {
                        self.eat(K::Default);
                        SetValue::Default
                    }
                };
                made("client_encoding", value)
            }
            Some(K::Role) => {
                self.advance();
                let value = text(if self.kind() == Kind::String { self.string()? } else { self.word()?.text });
                made("role", value)
            }
            Some(K::Session) if self.is_ahead(1, K::Authorization) => {
                self.advance();
                self.advance();
                let value = match self.kind() {
                    Kind::Keyword(K::Default) => {
                        self.advance();
                        SetValue::Default
                    }
                    Kind::String => text(self.string()?),
                    _ => text(self.word()?.text),
                };
                made("session_authorization", value)
            }
            Some(K::Xml) => {
                self.advance();
                self.expect(K::Option)?;
                let document = self.eat(K::Document);
                if !document {
                    self.expect(K::Content)?;
                }
                made("xmloption", text(if document { "document".into() } else { "content".into() }))
            }
            _ => self.set_parameter(local),
        }
    }

    fn set_parameter(&mut self, local: bool) -> Result<Set> {
        let name = self.parameter_name()?;
        if self.eat(K::From) {
            self.expect(K::Current)?;
            return Ok(Set { local, name, value: SetValue::FromCurrent });
        }
        if !self.eat_symbol(b'=') {
            self.expect(K::To)?;
        }
        let value = if self.eat(K::Default) {
            SetValue::Default
        } else {
            SetValue::Values(self.list(|parser| {
                if parser.is_number() { Ok(SettingValue::Number(parser.number()?)) } else { parser.word_or_boolean() }
            })?)
        };
        Ok(Set { local, name, value })
    }

    /// PostgreSQL's var_name: one name, its dots included.
    pub(super) fn parameter_name(&mut self) -> Result<Name> {
        let mut name = self.name()?;
        while self.eat_symbol(b'.') {
            let rest = self.name()?;
            name.text = format!("{}.{}", name.text, rest.text).into();
        }
        Ok(name)
    }

    fn time_zone(&mut self) -> Result<SetValue> {
        let value = match self.kind() {
            Kind::Keyword(K::Default | K::Local) => {
                self.advance();
                return Ok(SetValue::Default);
            }
            Kind::String => SettingValue::Text(self.string()?),
            Kind::Identifier | Kind::QuotedIdentifier => SettingValue::Text(self.take_name().text),
            Kind::Keyword(K::Interval) => self.time_zone_interval()?,
            _ => SettingValue::Number(self.number()?),
        };
        Ok(SetValue::Values(vec![value]))
    }

    fn time_zone_interval(&mut self) -> Result<SettingValue> {
        let mut type_name = if self.is_symbol_ahead(1, b'(') {
            self.simple_type_name()?
        } else {
            let at = self.at();
            self.advance();
            super::types::system_type("interval", at)
        };
        let value = self.string()?;
        let fields_at = self.at();
        if type_name.modifiers.is_empty() {
            (type_name.interval, type_name.modifiers) = self.interval_fields()?;
            if !matches!(type_name.interval, None | Some(IntervalFields::Hour | IntervalFields::HourToMinute)) {
                return Err(self.error(fields_at, "time zone interval must be HOUR or HOUR TO MINUTE"));
            }
        }
        Ok(SettingValue::Interval(value, Box::new(type_name)))
    }

    fn set_constraints(&mut self) -> Result<Statement> {
        let names = if self.eat(K::All) { Vec::new() } else { self.list(Self::qualified_name)? };
        let deferred = self.eat(K::Deferred);
        if !deferred {
            self.expect(K::Immediate)?;
        }
        Ok(Statement::SetConstraints(SetConstraints { names, deferred }))
    }

    pub(super) fn reset(&mut self) -> Result<Option<Name>> {
        self.expect(K::Reset)?;
        self.reset_rest()
    }

    fn reset_rest(&mut self) -> Result<Option<Name>> {
        if self.eat(K::All) {
            return Ok(None);
        }
        Ok(Some(match self.worded_parameter()? {
            Some(name) => name,
            None => self.parameter_name()?,
        }))
    }

    /// Parameters that SQL names by two words or three.
    fn worded_parameter(&mut self) -> Result<Option<Name>> {
        let at = self.at();
        let name = if self.eat_all(&[K::Time, K::Zone]) {
            "timezone"
        } else if self.eat_all(&[K::Transaction, K::Isolation]) {
            self.expect(K::Level)?;
            "transaction_isolation"
        } else if self.eat_all(&[K::Session, K::Authorization]) {
            "session_authorization"
        } else {
            return Ok(None);
        };
        Ok(Some(Name::new(name, at)))
    }

    /// `SET ...` or `RESET ...` inside of another statement; None if neither follows.
    pub(super) fn setting_change(&mut self) -> Result<Option<SettingChange>> {
        if self.eat(K::Set) {
            return Ok(Some(SettingChange::Set(self.set_rest(false)?)));
        }
        if self.is(K::Reset) {
            return Ok(Some(SettingChange::Reset(self.reset()?)));
        }
        Ok(None)
    }

    pub(super) fn show(&mut self) -> Result<Statement> {
        self.expect(K::Show)?;
        if self.eat(K::All) {
            return Ok(Statement::Show(Show::All));
        }
        if let Some(name) = self.worded_parameter()? {
            return Ok(Statement::Show(Show::Parameter(name)));
        }
        let name = self.parameter_name()?;
        if self.eat(K::From) {
            return self.show_ranges(name);
        }
        if !Self::is_label(self.kind()) {
            return Ok(Statement::Show(Show::Parameter(name)));
        }
        let mut words = vec![name];
        while Self::is_label(self.kind()) {
            words.push(self.take_name());
        }
        Ok(Statement::Show(Show::Words(words)))
    }

    fn show_ranges(&mut self, name: Name) -> Result<Statement> {
        if name.as_str() != "ranges" {
            self.position -= 1;
            return Err(self.unexpected());
        }
        let of = match self.keyword() {
            Some(K::Table) => ObjectKind::Table,
            Some(K::Index) => ObjectKind::Index,
            Some(K::Database) => ObjectKind::Database,
            _ => return Err(self.unexpected()),
        };
        self.advance();
        Ok(Statement::Show(Show::Ranges { of, name: self.qualified_name()? }))
    }

    pub(super) fn discard(&mut self) -> Result<Statement> {
        self.expect(K::Discard)?;
        let what = match self.keyword() {
            Some(K::All) => Discard::All,
            Some(K::Plans) => Discard::Plans,
            Some(K::Sequences) => Discard::Sequences,
            Some(K::Temp | K::Temporary) => Discard::Temporary,
            _ => return Err(self.unexpected()),
        };
        self.advance();
        Ok(Statement::Discard(what))
    }

    // Prepared statements and cursors

    pub(super) fn prepare(&mut self) -> Result<Statement> {
        self.expect(K::Prepare)?;
        if self.is(K::Transaction) && self.kind_ahead(1) == Kind::String {
            self.advance();
            return Ok(Statement::Transaction(Transaction::Prepare(self.string()?)));
        }
        let name = self.name()?;
        let parameters = if self.is_symbol(b'(') { self.parenthesized_list(Self::type_name)? } else { Vec::new() };
        self.expect(K::As)?;
        let at = self.at();
        let statement = self.preparable()?;
        Ok(Statement::Prepare(Box::new(Prepare { name, parameters, statement, at })))
    }

    pub(super) fn execute(&mut self) -> Result<Execute> {
        self.expect(K::Execute)?;
        let name = self.name()?;
        let arguments = if self.is_symbol(b'(') { self.parenthesized(Self::exprs)? } else { Vec::new() };
        Ok(Execute { name, arguments })
    }

    pub(super) fn deallocate(&mut self) -> Result<Statement> {
        self.expect(K::Deallocate)?;
        if self.is(K::Prepare) && (self.is_ahead(1, K::All) || Self::is_column_name(self.kind_ahead(1))) {
            self.advance();
        }
        if self.eat(K::All) {
            return Ok(Statement::Deallocate(None));
        }
        Ok(Statement::Deallocate(Some(self.name()?)))
    }

    pub(super) fn declare_cursor(&mut self) -> Result<Statement> {
        self.expect(K::Declare)?;
        let name = self.name()?;
        let (mut binary, mut scroll, mut insensitive) = (false, None, None);
        loop {
            if self.eat(K::Binary) {
                binary = true;
            } else if self.eat(K::Insensitive) {
                insensitive = Some(true);
            } else if self.eat(K::Asensitive) {
                insensitive = Some(false);
            } else if self.eat(K::Scroll) {
                scroll = Some(true);
            } else if self.eat(K::No) {
                self.expect(K::Scroll)?;
                scroll = Some(false);
            } else {
                break;
            }
        }
        self.expect(K::Cursor)?;
        let mut hold = false;
        if self.eat(K::With) {
            self.expect(K::Hold)?;
            hold = true;
        } else if self.eat(K::Without) {
            self.expect(K::Hold)?;
        }
        self.expect(K::For)?;
        let query = self.query()?;
        Ok(Statement::DeclareCursor(Box::new(DeclareCursor { name, binary, scroll, insensitive, hold, query })))
    }

    /// FETCH and MOVE. Words of direction are names too: the one before FROM, IN or a name is a word.
    pub(super) fn fetch(&mut self) -> Result<Statement> {
        use FetchDirection::*;
        let only_move = self.is(K::Move);
        self.advance();
        let rows = FetchCount::Rows;
        let is_name_only =
            Self::is_column_name(self.kind()) && matches!(self.kind_ahead(1), Kind::End | Kind::Symbol(b';'));
        let (direction, count) = match self.keyword() {
            _ if is_name_only => (Forward, rows(1)),
            Some(K::Next) => self.taken((Forward, rows(1))),
            Some(K::Prior) => self.taken((Backward, rows(1))),
            Some(K::First) => self.taken((Absolute, rows(1))),
            Some(K::Last) => self.taken((Absolute, rows(-1))),
            Some(K::All) => self.taken((Forward, FetchCount::All)),
            Some(keyword @ (K::Absolute | K::Relative)) => {
                self.advance();
                let direction = if keyword == K::Absolute { Absolute } else { Relative };
                (direction, rows(self.signed_integer()?))
            }
            Some(keyword @ (K::Forward | K::Backward)) => {
                self.advance();
                let direction = if keyword == K::Forward { Forward } else { Backward };
                let count = if self.eat(K::All) {
                    FetchCount::All
                } else if matches!(self.kind(), Kind::Integer | Kind::Number | Kind::Symbol(b'+' | b'-')) {
                    rows(self.signed_integer()?)
                } else {
                    rows(1)
                };
                (direction, count)
            }
            _ if matches!(self.kind(), Kind::Integer | Kind::Number | Kind::Symbol(b'+' | b'-')) => {
                (Forward, rows(self.signed_integer()?))
            }
            _ => (Forward, rows(1)),
        };
        if !self.eat(K::From) {
            self.eat(K::In);
        }
        Ok(Statement::Fetch(Fetch { cursor: self.name()?, direction, count, only_move }))
    }

    fn taken<T>(&mut self, value: T) -> T {
        self.advance();
        value
    }

    pub(super) fn close_cursor(&mut self) -> Result<Statement> {
        self.expect(K::Close)?;
        if self.eat(K::All) {
            return Ok(Statement::CloseCursor(None));
        }
        Ok(Statement::CloseCursor(Some(self.name()?)))
    }

    // EXPLAIN and maintenance

    pub(super) fn explain(&mut self) -> Result<Statement> {
        self.expect(K::Explain)?;
        let options = if self.is_symbol(b'(') && !self.is_query_behind_parentheses() {
            self.option_list()?
        } else {
            self.worded_options(&[K::Analyze, K::Verbose])
        };
        let statement = self.explainable()?;
        Ok(Statement::Explain(Box::new(Explain { options, statement })))
    }

    /// The words that are there, in this order.
    fn worded_options(&mut self, words: &[K]) -> Vec<Setting> {
        let mut options = Vec::new();
        for &word in words {
            let at = self.at();
            if self.eat(word) || (word == K::Analyze && self.eat(K::Analyse)) {
                options.push(self.setting(at, word.text(), None));
            }
        }
        options
    }

    pub(super) fn analyze(&mut self) -> Result<Statement> {
        self.advance();
        let options = if self.is_symbol(b'(') { self.option_list()? } else { self.worded_options(&[K::Verbose]) };
        Ok(Statement::Analyze(Analyze { options, tables: self.vacuum_tables()? }))
    }

    pub(super) fn vacuum(&mut self) -> Result<Statement> {
        self.expect(K::Vacuum)?;
        let options = if self.is_symbol(b'(') {
            self.option_list()?
        } else {
            self.worded_options(&[K::Full, K::Freeze, K::Verbose, K::Analyze])
        };
        Ok(Statement::Vacuum(Vacuum { options, tables: self.vacuum_tables()? }))
    }

    fn vacuum_tables(&mut self) -> Result<Vec<VacuumTable>> {
        if !Self::is_column_name(self.kind()) {
            return Ok(Vec::new());
        }
        self.list(|parser| Ok(VacuumTable { name: parser.qualified_name()?, columns: parser.optional_names()? }))
    }

    pub(super) fn cluster(&mut self) -> Result<Statement> {
        self.expect(K::Cluster)?;
        let is_list = self.is_symbol(b'(');
        let options = if is_list { self.option_list()? } else { self.worded_options(&[K::Verbose]) };
        let (mut table, mut index) = (None, None);
        // In PostgreSQL 15 options in parentheses want a table.
        if is_list || Self::is_column_name(self.kind()) {
            let name = self.qualified_name()?;
            // The older form has the index first.
            if name.len() == 1 && self.eat(K::On) {
                index = name.into_iter().next();
                table = Some(self.qualified_name()?);
            } else {
                table = Some(name);
                index = self.optional(K::Using, Self::name)?;
            }
        }
        Ok(Statement::Cluster(Cluster { options, table, index }))
    }

    pub(super) fn notify(&mut self) -> Result<Statement> {
        self.expect(K::Notify)?;
        let channel = self.name()?;
        let payload = if self.eat_symbol(b',') { Some(self.string()?) } else { None };
        Ok(Statement::Notify(channel, payload))
    }

    pub(super) fn unlisten(&mut self) -> Result<Statement> {
        self.expect(K::Unlisten)?;
        if self.eat_symbol(b'*') {
            return Ok(Statement::Unlisten(None));
        }
        Ok(Statement::Unlisten(Some(self.name()?)))
    }

    pub(super) fn truncate(&mut self) -> Result<Statement> {
        self.expect(K::Truncate)?;
        self.eat(K::Table);
        let tables = self.list(Self::table_name)?;
        let restart_identity = self.eat(K::Restart);
        if restart_identity || self.eat(K::Continue) {
            self.expect(K::Identity)?;
        }
        Ok(Statement::Truncate(Truncate { tables, restart_identity, behavior: self.drop_behavior() }))
    }
}
