//! CREATE TABLE and ALTER TABLE.

use super::Printer;
use super::definition::persistence;
use crate::ast::*;

impl Printer {
    // Tables

    pub(super) fn create_table(&mut self, table: &CreateTable) {
        self.put("CREATE ");
        self.put(persistence(table.persistence));
        self.put("TABLE ");
        self.put_if(table.if_not_exists, "IF NOT EXISTS ");
        self.qualified_name(&table.name);
        self.after(" OF ", table.of_type.as_ref(), Self::qualified_name);
        self.after(" PARTITION OF ", table.partition_of.as_ref(), |printer, of| printer.qualified_name(&of.parent));
        if table.of_type.is_some() || table.partition_of.is_some() {
            self.parenthesized_after(" ", &table.elements, Self::table_element);
        } else {
            self.put(" ");
            self.parenthesized(&table.elements, Self::table_element);
        }
        self.after(" ", table.partition_of.as_ref(), |printer, of| printer.partition_bound(&of.bound));
        self.parenthesized_after(" INHERITS ", &table.inherits, Self::qualified_name);
        if let Some(partition) = &table.partition_by {
            self.put(" PARTITION BY ");
            self.name(&partition.strategy);
            self.put(" ");
            self.parenthesized(&partition.columns, |printer, column| {
                printer.index_key(&column.key);
                printer.after(" COLLATE ", column.collation.as_ref(), Self::qualified_name);
                printer.after(" ", column.opclass.as_ref(), Self::qualified_name);
            });
        }
        self.table_options(table.method.as_ref(), &table.options, table.on_commit, table.tablespace.as_ref());
    }

    fn table_options(
        &mut self,
        method: Option<&Name>,
        options: &[Setting],
        on_commit: Option<OnCommit>,
        tablespace: Option<&Name>,
    ) {
        self.after(" USING ", method, Self::name);
        self.storage_options(" WITH ", options);
        self.put(match on_commit {
            None => "",
            Some(OnCommit::PreserveRows) => " ON COMMIT PRESERVE ROWS",
            Some(OnCommit::DeleteRows) => " ON COMMIT DELETE ROWS",
            Some(OnCommit::Drop) => " ON COMMIT DROP",
        });
        self.after(" TABLESPACE ", tablespace, Self::name);
    }

    pub(super) fn create_table_as(&mut self, table: &CreateTableAs) {
        self.put("CREATE ");
        self.put(persistence(table.persistence));
        self.put(if table.materialized_view { "MATERIALIZED VIEW " } else { "TABLE " });
        self.put_if(table.if_not_exists, "IF NOT EXISTS ");
        self.qualified_name(&table.name);
        self.names_after(" ", &table.columns);
        self.table_options(table.method.as_ref(), &table.options, table.on_commit, table.tablespace.as_ref());
        self.put(" AS ");
        self.statement(&table.source);
        self.put_if(!table.with_data, " WITH NO DATA");
    }

    fn table_element(&mut self, element: &TableElement) {
        match element {
            TableElement::Column(column) => self.column_definition(column),
            TableElement::Constraint(constraint) => self.table_constraint(constraint),
            TableElement::Like(like) => {
                self.put("LIKE ");
                self.qualified_name(&like.table);
                for (including, option) in &like.options {
                    self.put(if *including { " INCLUDING " } else { " EXCLUDING " });
                    self.put(match option {
                        LikeOption::Comments => "COMMENTS",
                        LikeOption::Compression => "COMPRESSION",
                        LikeOption::Constraints => "CONSTRAINTS",
                        LikeOption::Defaults => "DEFAULTS",
                        LikeOption::Identity => "IDENTITY",
                        LikeOption::Generated => "GENERATED",
                        LikeOption::Indexes => "INDEXES",
                        LikeOption::Statistics => "STATISTICS",
                        LikeOption::Storage => "STORAGE",
                        LikeOption::All => "ALL",
                    });
                }
            }
        }
    }

    pub(super) fn column_definition(&mut self, column: &ColumnDefinition) {
        self.name(&column.name);
        self.after(" ", column.type_name.as_ref(), Self::type_name);
        self.after(" COMPRESSION ", column.compression.as_ref(), Self::name);
        self.after(" COLLATE ", column.collation.as_ref(), Self::qualified_name);
        self.column_constraints(&column.constraints);
    }

    pub(super) fn column_constraints(&mut self, constraints: &[ColumnConstraint]) {
        for constraint in constraints {
            self.after(" CONSTRAINT ", constraint.name.as_ref(), Self::name);
            match &constraint.kind {
                ColumnConstraintKind::NotNull => self.put(" NOT NULL"),
                ColumnConstraintKind::Null => self.put(" NULL"),
                ColumnConstraintKind::Default(value) => {
                    self.put(" DEFAULT ");
                    self.operand(value);
                }
                ColumnConstraintKind::Check { condition, no_inherit } => {
                    self.put(" CHECK (");
                    self.expr(condition);
                    self.put(")");
                    self.put_if(*no_inherit, " NO INHERIT");
                }
                ColumnConstraintKind::Unique { nulls_not_distinct, options, tablespace } => {
                    self.put(" UNIQUE");
                    self.put_if(*nulls_not_distinct, " NULLS NOT DISTINCT");
                    self.constraint_index_options(options, tablespace.as_ref());
                }
                ColumnConstraintKind::PrimaryKey { options, tablespace } => {
                    self.put(" PRIMARY KEY");
                    self.constraint_index_options(options, tablespace.as_ref());
                }
                ColumnConstraintKind::References(references) => self.references(references),
                ColumnConstraintKind::Generated(value) => {
                    self.put(" GENERATED ALWAYS AS (");
                    self.expr(value);
                    self.put(") STORED");
                }
                ColumnConstraintKind::Identity { always, options } => self.identity(*always, options),
            }
            self.timing(constraint.timing);
        }
    }

    pub(super) fn identity(&mut self, always: bool, options: &[SequenceOption]) {
        self.put(if always { " GENERATED ALWAYS AS IDENTITY" } else { " GENERATED BY DEFAULT AS IDENTITY" });
        if !options.is_empty() {
            self.put(" (");
            self.sequence_options(options);
            self.put(")");
        }
    }

    pub(super) fn timing(&mut self, timing: ConstraintTiming) {
        self.put(match timing.deferrable {
            None => "",
            Some(true) => " DEFERRABLE",
            Some(false) => " NOT DEFERRABLE",
        });
        self.put(match timing.initially_deferred {
            None => "",
            Some(true) => " INITIALLY DEFERRED",
            Some(false) => " INITIALLY IMMEDIATE",
        });
    }

    fn constraint_index_options(&mut self, options: &[Setting], tablespace: Option<&Name>) {
        self.storage_options(" WITH ", options);
        self.after(" USING INDEX TABLESPACE ", tablespace, Self::name);
    }

    fn references(&mut self, references: &References) {
        self.put(" REFERENCES ");
        self.qualified_name(&references.table);
        self.names_after(" ", &references.columns);
        self.put_if(references.match_kind == MatchKind::Full, " MATCH FULL");
        for (words, action) in [(" ON DELETE", &references.on_delete), (" ON UPDATE", &references.on_update)] {
            let (action, columns): (_, &[Name]) = match action {
                ReferentialAction::NoAction => continue,
                ReferentialAction::Restrict => (" RESTRICT", &[]),
                ReferentialAction::Cascade => (" CASCADE", &[]),
                ReferentialAction::SetNull(columns) => (" SET NULL", columns),
                ReferentialAction::SetDefault(columns) => (" SET DEFAULT", columns),
            };
            self.put(words);
            self.put(action);
            self.names_after(" ", columns);
        }
    }

    pub(super) fn table_constraint(&mut self, constraint: &TableConstraint) {
        self.after("CONSTRAINT ", constraint.name.as_ref(), |printer, name| {
            printer.name(name);
            printer.put(" ");
        });
        match &constraint.kind {
            TableConstraintKind::Check { condition, no_inherit } => {
                self.put("CHECK (");
                self.expr(condition);
                self.put(")");
                self.put_if(*no_inherit, " NO INHERIT");
            }
            TableConstraintKind::Unique { nulls_not_distinct, index } => {
                self.put("UNIQUE");
                self.put_if(*nulls_not_distinct, " NULLS NOT DISTINCT");
                self.constraint_index(index);
            }
            TableConstraintKind::PrimaryKey(index) => {
                self.put("PRIMARY KEY");
                self.constraint_index(index);
            }
            TableConstraintKind::ForeignKey { columns, references } => {
                self.names_after("FOREIGN KEY ", columns);
                self.references(references);
            }
            TableConstraintKind::Exclude(exclude) => {
                self.put("EXCLUDE");
                self.after(" USING ", exclude.method.as_ref(), Self::name);
                self.parenthesized_after(" ", &exclude.elements, |printer, (column, operator)| {
                    printer.index_column(column);
                    printer.put(" WITH ");
                    printer.operator(operator);
                });
                self.names_after(" INCLUDE ", &exclude.include);
                self.constraint_index_options(&exclude.options, exclude.tablespace.as_ref());
                self.after(" WHERE (", exclude.filter.as_ref(), |printer, filter| {
                    printer.expr(filter);
                    printer.put(")");
                });
            }
        }
        self.timing(constraint.timing);
        self.put_if(constraint.not_valid, " NOT VALID");
    }

    fn constraint_index(&mut self, index: &ConstraintIndex) {
        match index {
            ConstraintIndex::Existing(name) => {
                self.put(" USING INDEX ");
                self.name(name);
            }
            ConstraintIndex::New { columns, include, options, tablespace } => {
                self.names_after(" ", columns);
                self.names_after(" INCLUDE ", include);
                self.constraint_index_options(options, tablespace.as_ref());
            }
        }
    }

    fn partition_bound(&mut self, bound: &PartitionBound) {
        match bound {
            PartitionBound::Default => self.put("DEFAULT"),
            PartitionBound::In(values) => self.parenthesized_after("FOR VALUES IN ", values, Self::expr),
            PartitionBound::Range { from, to } => {
                self.parenthesized_after("FOR VALUES FROM ", from, Self::expr);
                self.parenthesized_after(" TO ", to, Self::expr);
            }
            PartitionBound::Hash { modulus, remainder } => {
                self.put("FOR VALUES WITH (MODULUS ");
                self.number(modulus);
                self.put(", REMAINDER ");
                self.number(remainder);
                self.put(")");
            }
        }
    }

    // ALTER TABLE

    pub(super) fn alter_table(&mut self, alter: &AlterTable) {
        self.put("ALTER ");
        self.object_kind(alter.kind);
        self.put_if(alter.if_exists, " IF EXISTS");
        self.put(" ");
        self.table_name(&alter.table);
        self.list_after(" ", &alter.actions, Self::alter_table_action);
    }

    fn alter_column(&mut self, column: &Name, words: &str) {
        self.put("ALTER COLUMN ");
        self.name(column);
        self.put(words);
    }

    fn alter_table_action(&mut self, action: &AlterTableAction) {
        use AlterTableAction::*;
        match action {
            AddColumn { column, if_not_exists } => {
                self.put("ADD COLUMN ");
                self.put_if(*if_not_exists, "IF NOT EXISTS ");
                self.column_definition(column);
            }
            DropColumn { column, if_exists, behavior } => {
                self.put("DROP COLUMN ");
                self.put_if(*if_exists, "IF EXISTS ");
                self.name(column);
                self.behavior(*behavior);
            }
            SetDefault { column, value } => {
                self.alter_column(column, " SET DEFAULT ");
                self.expr(value);
            }
            DropDefault { column } => self.alter_column(column, " DROP DEFAULT"),
            SetNotNull { column } => self.alter_column(column, " SET NOT NULL"),
            DropNotNull { column } => self.alter_column(column, " DROP NOT NULL"),
            DropExpression { column, if_exists } => {
                self.alter_column(column, " DROP EXPRESSION");
                self.put_if(*if_exists, " IF EXISTS");
            }
            SetStatistics { column, target } => {
                self.put("ALTER COLUMN ");
                match column {
                    Ok(name) => self.name(name),
                    Err(number) => self.number(number),
                }
                self.put(" SET STATISTICS ");
                self.number(target);
            }
            SetColumnOptions { column, options } => {
                self.alter_column(column, " SET");
                self.storage_options(" ", options);
            }
            ResetColumnOptions { column, options } => {
                self.alter_column(column, " RESET");
                self.storage_options(" ", options);
            }
            SetStorage { column, storage } => {
                self.alter_column(column, " SET STORAGE ");
                self.name(storage);
            }
            SetCompression { column, compression } => {
                self.alter_column(column, " SET COMPRESSION ");
                self.name(compression);
            }
            AddIdentity { column, always, options } => {
                self.alter_column(column, " ADD");
                self.identity(*always, options);
            }
            SetIdentity { column, changes } => {
                self.alter_column(column, "");
                for change in changes {
                    self.identity_change(change);
                }
            }
            DropIdentity { column, if_exists } => {
                self.alter_column(column, " DROP IDENTITY");
                self.put_if(*if_exists, " IF EXISTS");
            }
            SetType { column, type_name, collation, using } => {
                self.alter_column(column, " TYPE ");
                self.type_name(type_name);
                self.after(" COLLATE ", collation.as_ref(), Self::qualified_name);
                self.after(" USING ", using.as_ref(), Self::expr);
            }
            AddConstraint(constraint) => {
                self.put("ADD ");
                self.table_constraint(constraint);
            }
            AlterConstraint { constraint, timing } => {
                self.put("ALTER CONSTRAINT ");
                self.name(constraint);
                self.timing(*timing);
            }
            ValidateConstraint { constraint } => {
                self.put("VALIDATE CONSTRAINT ");
                self.name(constraint);
            }
            DropConstraint { constraint, if_exists, behavior } => {
                self.drop_constraint(constraint, *if_exists, *behavior);
            }
            other => self.alter_whole_table(other),
        }
    }

    pub(super) fn drop_constraint(&mut self, constraint: &Name, if_exists: bool, behavior: DropBehavior) {
        self.put("DROP CONSTRAINT ");
        self.put_if(if_exists, "IF EXISTS ");
        self.name(constraint);
        self.behavior(behavior);
    }

    fn identity_change(&mut self, change: &IdentityChange) {
        match change {
            IdentityChange::Restart(value) => {
                self.put(" RESTART");
                self.after(" WITH ", value.as_ref(), |printer, value| printer.put(value));
            }
            IdentityChange::Option(option) => {
                self.put(" SET");
                self.sequence_options(std::slice::from_ref(option));
            }
            IdentityChange::Generated { always } => {
                self.put(if *always { " SET GENERATED ALWAYS" } else { " SET GENERATED BY DEFAULT" });
            }
        }
    }

    /// Actions that aren't about one column or constraint.
    fn alter_whole_table(&mut self, action: &AlterTableAction) {
        use AlterTableAction::*;
        match action {
            SetWithoutOids => self.put("SET WITHOUT OIDS"),
            ClusterOn(index) => {
                self.put("CLUSTER ON ");
                self.name(index);
            }
            SetWithoutCluster => self.put("SET WITHOUT CLUSTER"),
            SetPersistence(Persistence::Unlogged) => self.put("SET UNLOGGED"),
            SetPersistence(_) => self.put("SET LOGGED"),
            Trigger { enable, which } => {
                self.enable(*enable);
                self.put("TRIGGER ");
                match which {
                    TriggerSelection::Name(name) => self.name(name),
                    TriggerSelection::All => self.put("ALL"),
                    TriggerSelection::User => self.put("USER"),
                }
            }
            Rule { enable, rule } => {
                self.enable(*enable);
                self.put("RULE ");
                self.name(rule);
            }
            Inherit(parent) => {
                self.put("INHERIT ");
                self.qualified_name(parent);
            }
            NoInherit(parent) => {
                self.put("NO INHERIT ");
                self.qualified_name(parent);
            }
            OfType(name) => {
                self.put("OF ");
                self.qualified_name(name);
            }
            NotOfType => self.put("NOT OF"),
            SetOwner(owner) => {
                self.put("OWNER TO ");
                self.role(owner);
            }
            SetMethod(method) => {
                self.put("SET ACCESS METHOD ");
                self.name(method);
            }
            SetTablespace(tablespace) => {
                self.put("SET TABLESPACE ");
                self.name(tablespace);
            }
            SetOptions(options) => self.storage_options("SET ", options),
            ResetOptions(options) => self.storage_options("RESET ", options),
            ReplicaIdentity(identity) => {
                self.put("REPLICA IDENTITY ");
                match identity {
                    crate::ast::ReplicaIdentity::Nothing => self.put("NOTHING"),
                    crate::ast::ReplicaIdentity::Full => self.put("FULL"),
                    crate::ast::ReplicaIdentity::Default => self.put("DEFAULT"),
                    crate::ast::ReplicaIdentity::Index(index) => {
                        self.put("USING INDEX ");
                        self.name(index);
                    }
                }
            }
            RowSecurity(security) => self.put(match security {
                crate::ast::RowSecurity::Enable => "ENABLE ROW LEVEL SECURITY",
                crate::ast::RowSecurity::Disable => "DISABLE ROW LEVEL SECURITY",
                crate::ast::RowSecurity::Force => "FORCE ROW LEVEL SECURITY",
                crate::ast::RowSecurity::NoForce => "NO FORCE ROW LEVEL SECURITY",
            }),
            AttachPartition { partition, bound } => {
                self.put("ATTACH PARTITION ");
                self.qualified_name(partition);
                self.put(" ");
                self.partition_bound(bound);
            }
            AttachIndex(partition) => {
                self.put("ATTACH PARTITION ");
                self.qualified_name(partition);
            }
            DetachPartition { partition, concurrently, finalize } => {
                self.put("DETACH PARTITION ");
                self.qualified_name(partition);
                self.put_if(*concurrently, " CONCURRENTLY");
                self.put_if(*finalize, " FINALIZE");
            }
            SplitAt(rows) => {
                self.list_after("SPLIT AT VALUES ", rows, |printer, row| printer.parenthesized(row, Self::expr));
            }
            // Those of columns and constraints have been printed.
            _ => {}
        }
    }

    fn enable(&mut self, enable: TriggerEnable) {
        self.put(match enable {
            TriggerEnable::Enable => "ENABLE ",
            TriggerEnable::EnableAlways => "ENABLE ALWAYS ",
            TriggerEnable::EnableReplica => "ENABLE REPLICA ",
            TriggerEnable::Disable => "DISABLE ",
        });
    }
}
