//! Statements that read, write, or steer transactions and the session.

use super::Printer;
use crate::ast::*;

impl Printer {
    pub(super) fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Query(query) => self.query(query),
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Merge(merge) => self.merge(merge),
            Statement::Copy(copy) => self.copy(copy),
            Statement::Truncate(truncate) => {
                self.put("TRUNCATE ");
                self.list(&truncate.tables, Self::table_name);
                self.put_if(truncate.restart_identity, " RESTART IDENTITY");
                self.behavior(truncate.behavior);
            }
            Statement::Call(call) => {
                self.put("CALL ");
                self.application(call);
            }
            Statement::Transaction(transaction) => self.transaction(transaction),
            Statement::LockTable(lock) => self.lock_table(lock),
            Statement::Prepare(prepare) => {
                self.put("PREPARE ");
                self.name(&prepare.name);
                self.parenthesized_after(" ", &prepare.parameters, Self::type_name);
                self.put(" AS ");
                self.statement(&prepare.statement);
            }
            Statement::Execute(execute) => {
                self.put("EXECUTE ");
                self.name(&execute.name);
                self.parenthesized_after(" ", &execute.arguments, Self::expr);
            }
            Statement::Deallocate(name) => self.name_or_all("DEALLOCATE ", name.as_ref()),
            Statement::DeclareCursor(cursor) => self.declare_cursor(cursor),
            Statement::Fetch(fetch) => self.fetch(fetch),
            Statement::CloseCursor(name) => self.name_or_all("CLOSE ", name.as_ref()),
            Statement::Set(set) => self.set(set),
            Statement::Reset(name) => self.reset(name.as_ref()),
            Statement::Show(show) => self.show(show),
            Statement::SetConstraints(constraints) => {
                self.put("SET CONSTRAINTS ");
                self.put_if(constraints.names.is_empty(), "ALL");
                self.list(&constraints.names, Self::qualified_name);
                self.put(if constraints.deferred { " DEFERRED" } else { " IMMEDIATE" });
            }
            Statement::Discard(discard) => self.put(match discard {
                Discard::All => "DISCARD ALL",
                Discard::Plans => "DISCARD PLANS",
                Discard::Sequences => "DISCARD SEQUENCES",
                Discard::Temporary => "DISCARD TEMPORARY",
            }),
            Statement::Explain(explain) => {
                self.put("EXPLAIN ");
                self.parenthesized_after("", &explain.options, Self::option);
                self.put_if(!explain.options.is_empty(), " ");
                self.statement(&explain.statement);
            }
            Statement::Analyze(analyze) => {
                self.put("ANALYZE");
                self.parenthesized_after(" ", &analyze.options, Self::option);
                self.list_after(" ", &analyze.tables, Self::vacuum_table);
            }
            Statement::Vacuum(vacuum) => {
                self.put("VACUUM");
                self.parenthesized_after(" ", &vacuum.options, Self::option);
                self.list_after(" ", &vacuum.tables, Self::vacuum_table);
            }
            Statement::Checkpoint => self.put("CHECKPOINT"),
            Statement::Cluster(cluster) => self.cluster(cluster),
            Statement::Listen(channel) => {
                self.put("LISTEN ");
                self.name(channel);
            }
            Statement::Notify(channel, payload) => {
                self.put("NOTIFY ");
                self.name(channel);
                self.after(", ", payload.as_ref(), |printer, payload| printer.string(payload));
            }
            Statement::Unlisten(None) => self.put("UNLISTEN *"),
            Statement::Unlisten(Some(channel)) => {
                self.put("UNLISTEN ");
                self.name(channel);
            }
            // Nothing but its name is known.
            Statement::Unsupported { what, .. } => self.put(what),
            _ => self.definition(statement),
        }
    }

    fn name_or_all(&mut self, words: &str, name: Option<&Name>) {
        self.put(words);
        match name {
            Some(name) => self.name(name),
            None => self.put("ALL"),
        }
    }

    // Writing

    fn with_if_any(&mut self, with: Option<&With>) {
        if let Some(with) = with {
            self.with(with);
        }
    }

    fn insert(&mut self, insert: &Insert) {
        self.with_if_any(insert.with.as_deref());
        self.put("INSERT INTO ");
        self.qualified_name(&insert.table);
        self.after(" AS ", insert.alias.as_ref(), Self::name);
        self.parenthesized_after(" ", &insert.columns, Self::assignee);
        self.overriding(insert.overriding);
        match &insert.source {
            Some(query) => {
                self.put(" ");
                self.query(query);
            }
            None => self.put(" DEFAULT VALUES"),
        }
        if let Some(conflict) = &insert.on_conflict {
            self.on_conflict(conflict);
        }
        self.targets(" RETURNING ", &insert.returning);
    }

    fn assignee(&mut self, assignee: &Assignee) {
        self.name(&assignee.column);
        self.indirection_steps(&assignee.path);
    }

    fn overriding(&mut self, overriding: Option<Overriding>) {
        self.put(match overriding {
            None => "",
            Some(Overriding::UserValue) => " OVERRIDING USER VALUE",
            Some(Overriding::SystemValue) => " OVERRIDING SYSTEM VALUE",
        });
    }

    fn on_conflict(&mut self, conflict: &OnConflict) {
        self.put(" ON CONFLICT");
        match &conflict.target {
            None => {}
            Some(ConflictTarget::Columns { columns, filter }) => {
                self.parenthesized_after(" ", columns, Self::index_column);
                self.after(" WHERE ", filter.as_ref(), Self::expr);
            }
            Some(ConflictTarget::Constraint(name)) => {
                self.put(" ON CONSTRAINT ");
                self.name(name);
            }
        }
        match &conflict.action {
            ConflictAction::Nothing => self.put(" DO NOTHING"),
            ConflictAction::Update { assignments, filter } => {
                self.list_after(" DO UPDATE SET ", assignments, Self::assignment);
                self.after(" WHERE ", filter.as_ref(), Self::expr);
            }
        }
    }

    fn assignment(&mut self, assignment: &Assignment) {
        let value = match assignment {
            Assignment::One { target, value } => {
                self.assignee(target);
                value
            }
            Assignment::Many { targets, value } => {
                self.parenthesized(targets, Self::assignee);
                value
            }
        };
        self.put(" = ");
        self.expr(value);
    }

    fn update(&mut self, update: &Update) {
        self.with_if_any(update.with.as_deref());
        self.put("UPDATE ");
        self.table_name(&update.table);
        self.after(" AS ", update.alias.as_ref(), Self::name);
        self.list_after(" SET ", &update.assignments, Self::assignment);
        self.list_after(" FROM ", &update.from, Self::from_item);
        self.after(" WHERE ", update.filter.as_ref(), Self::expr);
        self.targets(" RETURNING ", &update.returning);
    }

    fn delete(&mut self, delete: &Delete) {
        self.with_if_any(delete.with.as_deref());
        self.put("DELETE FROM ");
        self.table_name(&delete.table);
        self.after(" AS ", delete.alias.as_ref(), Self::name);
        self.list_after(" USING ", &delete.using, Self::from_item);
        self.after(" WHERE ", delete.filter.as_ref(), Self::expr);
        self.targets(" RETURNING ", &delete.returning);
    }

    fn merge(&mut self, merge: &Merge) {
        self.with_if_any(merge.with.as_deref());
        self.put("MERGE INTO ");
        self.table_name(&merge.table);
        self.after(" AS ", merge.alias.as_ref(), Self::name);
        self.put(" USING ");
        self.from_item(&merge.source);
        self.put(" ON ");
        self.expr(&merge.condition);
        for branch in &merge.branches {
            self.put(if branch.matched { " WHEN MATCHED" } else { " WHEN NOT MATCHED" });
            self.after(" AND ", branch.filter.as_ref(), Self::expr);
            self.put(" THEN ");
            match &branch.action {
                MergeAction::Nothing => self.put("DO NOTHING"),
                MergeAction::Delete => self.put("DELETE"),
                MergeAction::Update(assignments) => self.list_after("UPDATE SET ", assignments, Self::assignment),
                MergeAction::Insert { columns, overriding, values } => {
                    self.put("INSERT");
                    self.parenthesized_after(" ", columns, Self::assignee);
                    self.overriding(*overriding);
                    match values {
                        Some(values) => self.parenthesized_after(" VALUES ", values, Self::expr),
                        None => self.put(" DEFAULT VALUES"),
                    }
                }
            }
        }
    }

    fn copy(&mut self, copy: &Copy) {
        self.put("COPY ");
        match &copy.subject {
            CopySubject::Table { name, columns } => {
                self.qualified_name(name);
                self.names_after(" ", columns);
            }
            CopySubject::Statement(statement) => {
                self.put("(");
                self.statement(statement);
                self.put(")");
            }
        }
        let from = copy.direction == CopyDirection::From;
        self.put(if from { " FROM " } else { " TO " });
        match &copy.endpoint {
            CopyEndpoint::Client => self.put(if from { "STDIN" } else { "STDOUT" }),
            CopyEndpoint::File(path) => self.string(path),
            CopyEndpoint::Program(command) => {
                self.put("PROGRAM ");
                self.string(command);
            }
        }
        self.parenthesized_after(" WITH ", &copy.options, Self::option);
        self.after(" WHERE ", copy.filter.as_ref(), Self::expr);
    }

    // Transactions

    fn transaction(&mut self, transaction: &Transaction) {
        match transaction {
            Transaction::Begin(modes) => {
                self.put("BEGIN");
                self.list_after(" ", modes, Self::transaction_mode);
            }
            Transaction::Start(modes) => {
                self.put("START TRANSACTION");
                self.list_after(" ", modes, Self::transaction_mode);
            }
            Transaction::Commit { chain } => self.put(if *chain { "COMMIT AND CHAIN" } else { "COMMIT" }),
            Transaction::Rollback { chain } => self.put(if *chain { "ROLLBACK AND CHAIN" } else { "ROLLBACK" }),
            Transaction::Savepoint(name) => {
                self.put("SAVEPOINT ");
                self.name(name);
            }
            Transaction::Release(name) => {
                self.put("RELEASE SAVEPOINT ");
                self.name(name);
            }
            Transaction::RollbackTo(name) => {
                self.put("ROLLBACK TO SAVEPOINT ");
                self.name(name);
            }
            Transaction::Prepare(id) => {
                self.put("PREPARE TRANSACTION ");
                self.string(id);
            }
            Transaction::CommitPrepared(id) => {
                self.put("COMMIT PREPARED ");
                self.string(id);
            }
            Transaction::RollbackPrepared(id) => {
                self.put("ROLLBACK PREPARED ");
                self.string(id);
            }
            Transaction::Set(modes) => self.list_after("SET TRANSACTION ", modes, Self::transaction_mode),
            Transaction::SetDefault(modes) => {
                self.list_after("SET SESSION CHARACTERISTICS AS TRANSACTION ", modes, Self::transaction_mode);
            }
            Transaction::SetSnapshot(id) => {
                self.put("SET TRANSACTION SNAPSHOT ");
                self.string(id);
            }
        }
    }

    fn transaction_mode(&mut self, mode: &TransactionMode) {
        self.put(match mode {
            TransactionMode::Isolation(Isolation::ReadUncommitted) => "ISOLATION LEVEL READ UNCOMMITTED",
            TransactionMode::Isolation(Isolation::ReadCommitted) => "ISOLATION LEVEL READ COMMITTED",
            TransactionMode::Isolation(Isolation::RepeatableRead) => "ISOLATION LEVEL REPEATABLE READ",
            TransactionMode::Isolation(Isolation::Serializable) => "ISOLATION LEVEL SERIALIZABLE",
            TransactionMode::ReadOnly(true) => "READ ONLY",
            TransactionMode::ReadOnly(false) => "READ WRITE",
            TransactionMode::Deferrable(true) => "DEFERRABLE",
            TransactionMode::Deferrable(false) => "NOT DEFERRABLE",
            TransactionMode::AsOf(time) => {
                self.put("AS OF SYSTEM TIME ");
                return self.expr(time);
            }
        });
    }

    fn lock_table(&mut self, lock: &LockTable) {
        self.put("LOCK TABLE ");
        self.list(&lock.tables, Self::table_name);
        self.put(match lock.mode {
            LockMode::AccessShare => " IN ACCESS SHARE MODE",
            LockMode::RowShare => " IN ROW SHARE MODE",
            LockMode::RowExclusive => " IN ROW EXCLUSIVE MODE",
            LockMode::ShareUpdateExclusive => " IN SHARE UPDATE EXCLUSIVE MODE",
            LockMode::Share => " IN SHARE MODE",
            LockMode::ShareRowExclusive => " IN SHARE ROW EXCLUSIVE MODE",
            LockMode::Exclusive => " IN EXCLUSIVE MODE",
            LockMode::AccessExclusive => " IN ACCESS EXCLUSIVE MODE",
        });
        self.put_if(lock.wait == LockWait::NoWait, " NOWAIT");
    }

    // Session

    pub(super) fn parameter(&mut self, name: &Name) {
        for (index, part) in name.text.split('.').enumerate() {
            self.put_if(index > 0, ".");
            self.identifier(part);
        }
    }

    fn set(&mut self, set: &Set) {
        self.put(if set.local { "SET LOCAL " } else { "SET " });
        if let SetValue::Values(values) = &set.value
            && let [value @ SettingValue::Interval(..)] = &values[..]
        {
            self.put("TIME ZONE ");
            return self.setting_value(value);
        }
        self.parameter(&set.name);
        match &set.value {
            SetValue::Default => self.put(" TO DEFAULT"),
            SetValue::Values(values) => self.list_after(" TO ", values, Self::setting_value),
            SetValue::FromCurrent => self.put(" FROM CURRENT"),
        }
    }

    fn reset(&mut self, name: Option<&Name>) {
        self.put("RESET ");
        match name {
            Some(name) => self.parameter(name),
            None => self.put("ALL"),
        }
    }

    pub(super) fn setting_change(&mut self, change: &SettingChange) {
        match change {
            SettingChange::Set(set) => self.set(set),
            SettingChange::Reset(name) => self.reset(name.as_ref()),
        }
    }

    fn show(&mut self, show: &Show) {
        self.put("SHOW ");
        match show {
            Show::All => self.put("ALL"),
            Show::Parameter(name) => self.parameter(name),
            Show::Ranges { of, name } => {
                self.put("RANGES FROM ");
                self.object_kind(*of);
                self.put(" ");
                self.qualified_name(name);
            }
            Show::Words(words) => self.separated(" ", words, Self::name),
        }
    }

    fn declare_cursor(&mut self, cursor: &DeclareCursor) {
        self.put("DECLARE ");
        self.name(&cursor.name);
        self.put_if(cursor.binary, " BINARY");
        self.put(match cursor.insensitive {
            None => "",
            Some(true) => " INSENSITIVE",
            Some(false) => " ASENSITIVE",
        });
        self.put(match cursor.scroll {
            None => "",
            Some(true) => " SCROLL",
            Some(false) => " NO SCROLL",
        });
        self.put(" CURSOR");
        self.put_if(cursor.hold, " WITH HOLD");
        self.put(" FOR ");
        self.query(&cursor.query);
    }

    fn fetch(&mut self, fetch: &Fetch) {
        self.put(if fetch.only_move { "MOVE " } else { "FETCH " });
        self.put(match fetch.direction {
            FetchDirection::Forward => "FORWARD ",
            FetchDirection::Backward => "BACKWARD ",
            FetchDirection::Absolute => "ABSOLUTE ",
            FetchDirection::Relative => "RELATIVE ",
        });
        match fetch.count {
            FetchCount::Rows(count) => self.number(count),
            FetchCount::All => self.put("ALL"),
        }
        self.put(" FROM ");
        self.name(&fetch.cursor);
    }

    fn vacuum_table(&mut self, table: &VacuumTable) {
        self.qualified_name(&table.name);
        self.names_after(" ", &table.columns);
    }

    fn cluster(&mut self, cluster: &Cluster) {
        self.put("CLUSTER");
        match &cluster.table {
            Some(table) => {
                self.parenthesized_after(" ", &cluster.options, Self::option);
                self.put(" ");
                self.qualified_name(table);
                self.after(" USING ", cluster.index.as_ref(), Self::name);
            }
            // Without a table there is only VERBOSE.
            None => self.put_if(!cluster.options.is_empty(), " VERBOSE"),
        }
    }
}
