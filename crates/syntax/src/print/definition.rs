//! Definitions other than of tables.

use super::Printer;
use crate::ast::*;

pub(super) fn persistence(persistence: Persistence) -> &'static str {
    match persistence {
        Persistence::Permanent => "",
        Persistence::Temporary => "TEMPORARY ",
        Persistence::Unlogged => "UNLOGGED ",
    }
}

impl Printer {
    /// All statements that [`Printer::statement`] leaves.
    pub(super) fn definition(&mut self, statement: &Statement) {
        match statement {
            Statement::CreateTable(table) => self.create_table(table),
            Statement::CreateTableAs(table) => self.create_table_as(table),
            Statement::AlterTable(alter) => self.alter_table(alter),
            Statement::CreateIndex(index) => self.create_index(index),
            Statement::Reindex(reindex) => {
                self.put("REINDEX ");
                self.parenthesized_after("", &reindex.options, Self::option);
                self.put_if(!reindex.options.is_empty(), " ");
                if reindex.system {
                    self.put("SYSTEM");
                } else {
                    self.object_kind(reindex.kind);
                }
                self.put_if(reindex.concurrently, " CONCURRENTLY");
                self.put(" ");
                self.qualified_name(&reindex.name);
            }
            Statement::CreateView(view) => self.create_view(view),
            Statement::RefreshMaterializedView(refresh) => {
                self.put("REFRESH MATERIALIZED VIEW ");
                self.put_if(refresh.concurrently, "CONCURRENTLY ");
                self.qualified_name(&refresh.name);
                self.put_if(!refresh.with_data, " WITH NO DATA");
            }
            Statement::CreateSequence(sequence) => {
                self.put("CREATE ");
                self.put(persistence(sequence.persistence));
                self.put("SEQUENCE ");
                self.put_if(sequence.if_not_exists, "IF NOT EXISTS ");
                self.qualified_name(&sequence.name);
                self.sequence_options(&sequence.options);
            }
            Statement::AlterSequence(sequence) => {
                self.put("ALTER SEQUENCE ");
                self.put_if(sequence.if_exists, "IF EXISTS ");
                self.qualified_name(&sequence.name);
                self.sequence_options(&sequence.options);
            }
            Statement::CreateSchema(schema) => {
                self.put("CREATE SCHEMA");
                self.put_if(schema.if_not_exists, " IF NOT EXISTS");
                self.after(" ", schema.name.as_ref(), Self::name);
                self.after(" AUTHORIZATION ", schema.authorization.as_ref(), Self::role);
                for element in &schema.elements {
                    self.put(" ");
                    self.statement(element);
                }
            }
            Statement::CreateDatabase(database) => {
                self.put("CREATE DATABASE ");
                self.name(&database.name);
                self.database_options(&database.options);
            }
            Statement::AlterDatabase(alter) => {
                self.put("ALTER DATABASE ");
                self.name(&alter.name);
                match &alter.action {
                    AlterDatabaseAction::Options(options) => self.database_options(options),
                    AlterDatabaseAction::Setting(change) => {
                        self.put(" ");
                        self.setting_change(change);
                    }
                    AlterDatabaseAction::SetTablespace(tablespace) => {
                        self.put(" SET TABLESPACE ");
                        self.name(tablespace);
                    }
                    AlterDatabaseAction::RefreshCollationVersion => self.put(" REFRESH COLLATION VERSION"),
                }
            }
            Statement::DropDatabase(drop) => {
                self.put("DROP DATABASE ");
                self.put_if(drop.if_exists, "IF EXISTS ");
                self.name(&drop.name);
                self.put_if(drop.force, " WITH (FORCE)");
            }
            Statement::CreateType(create) => self.create_type(create),
            Statement::AlterType(alter) => {
                self.put("ALTER TYPE ");
                self.qualified_name(&alter.name);
                self.list_after(" ", &alter.actions, Self::alter_type_action);
            }
            Statement::AlterEnum(alter) => self.alter_enum(alter),
            Statement::CreateDomain(domain) => {
                self.put("CREATE DOMAIN ");
                self.qualified_name(&domain.name);
                self.put(" AS ");
                self.type_name(&domain.type_name);
                self.after(" COLLATE ", domain.collation.as_ref(), Self::qualified_name);
                self.column_constraints(&domain.constraints);
            }
            Statement::AlterDomain(alter) => self.alter_domain(alter),
            Statement::CreateExtension(extension) => {
                self.put("CREATE EXTENSION ");
                self.put_if(extension.if_not_exists, "IF NOT EXISTS ");
                self.name(&extension.name);
                self.after(" SCHEMA ", extension.schema.as_ref(), Self::name);
                self.after(" VERSION ", extension.version.as_ref(), |printer, version| printer.string(version));
                self.put_if(extension.cascade, " CASCADE");
            }
            Statement::CreateFunction(function) => self.create_function(function),
            Statement::Drop(drop) => self.drop_objects(drop),
            Statement::Rename(rename) => self.rename(rename),
            Statement::SetSchema(set) => {
                self.put("ALTER ");
                self.object_kind(set.object.kind);
                self.put_if(set.if_exists, " IF EXISTS");
                self.object_name(&set.object);
                self.put(" SET SCHEMA ");
                self.name(&set.schema);
            }
            Statement::SetOwner(set) => {
                self.put("ALTER ");
                self.object_kind(set.object.kind);
                self.object_name(&set.object);
                self.put(" OWNER TO ");
                self.role(&set.owner);
            }
            Statement::Comment(comment) => {
                self.put("COMMENT ON ");
                // A domain's constraint is told from a table's by what stands behind ON.
                let kind = comment.object.kind;
                self.object_kind(if kind == ObjectKind::DomainConstraint { ObjectKind::Constraint } else { kind });
                self.object_name(&comment.object);
                self.put(" IS ");
                match &comment.text {
                    Some(text) => self.string(text),
                    None => self.put("NULL"),
                }
            }
            other => self.roles_and_privileges(other),
        }
    }

    // Indexes, views, sequences

    fn create_index(&mut self, index: &CreateIndex) {
        self.put(if index.unique { "CREATE UNIQUE INDEX" } else { "CREATE INDEX" });
        self.put_if(index.concurrently, " CONCURRENTLY");
        self.put_if(index.if_not_exists, " IF NOT EXISTS");
        self.after(" ", index.name.as_ref(), Self::name);
        self.put(" ON ");
        self.table_name(&index.table);
        self.after(" USING ", index.method.as_ref(), Self::name);
        self.parenthesized_after(" ", &index.columns, Self::index_column);
        self.parenthesized_after(" INCLUDE ", &index.include, Self::index_column);
        self.put_if(index.nulls_not_distinct, " NULLS NOT DISTINCT");
        self.storage_options(" WITH ", &index.options);
        self.after(" TABLESPACE ", index.tablespace.as_ref(), Self::name);
        self.after(" WHERE ", index.filter.as_ref(), Self::expr);
    }

    pub(super) fn index_column(&mut self, column: &IndexColumn) {
        self.index_key(&column.key);
        self.after(" COLLATE ", column.collation.as_ref(), Self::qualified_name);
        self.after(" ", column.opclass.as_ref(), Self::qualified_name);
        self.storage_options(" ", &column.opclass_options);
        self.direction(&column.direction, column.nulls);
    }

    pub(super) fn index_key(&mut self, key: &IndexKey) {
        match key {
            IndexKey::Column(name) => self.name(name),
            IndexKey::Expr(expr) => {
                self.put("(");
                self.expr(expr);
                self.put(")");
            }
        }
    }

    fn create_view(&mut self, view: &CreateView) {
        self.put(if view.or_replace { "CREATE OR REPLACE " } else { "CREATE " });
        self.put(persistence(view.persistence));
        self.put("VIEW ");
        self.qualified_name(&view.name);
        self.names_after(" ", &view.columns);
        self.storage_options(" WITH ", &view.options);
        self.put(" AS ");
        self.query(&view.query);
        self.put(match view.check {
            None => "",
            Some(CheckOption::Local) => " WITH LOCAL CHECK OPTION",
            Some(CheckOption::Cascaded) => " WITH CASCADED CHECK OPTION",
        });
    }

    pub(super) fn sequence_options(&mut self, options: &[SequenceOption]) {
        use SequenceOptionKind::*;
        for option in options {
            let (words, number) = match &option.kind {
                As(type_name) => {
                    self.put(" AS ");
                    self.type_name(type_name);
                    continue;
                }
                OwnedBy(column) => {
                    self.put(" OWNED BY ");
                    self.qualified_name(column);
                    continue;
                }
                SequenceName(name) => {
                    self.put(" SEQUENCE NAME ");
                    self.qualified_name(name);
                    continue;
                }
                Cycle(true) => (" CYCLE", None),
                Cycle(false) => (" NO CYCLE", None),
                MaxValue(None) => (" NO MAXVALUE", None),
                MinValue(None) => (" NO MINVALUE", None),
                Restart(None) => (" RESTART", None),
                Cache(number) => (" CACHE ", Some(number)),
                Increment(number) => (" INCREMENT BY ", Some(number)),
                MaxValue(Some(number)) => (" MAXVALUE ", Some(number)),
                MinValue(Some(number)) => (" MINVALUE ", Some(number)),
                Start(number) => (" START WITH ", Some(number)),
                Restart(Some(number)) => (" RESTART WITH ", Some(number)),
            };
            self.put(words);
            if let Some(number) = number {
                self.put(number);
            }
        }
    }

    fn database_options(&mut self, options: &[Setting]) {
        for option in options {
            self.put(" ");
            match option.name.as_str() {
                "connection_limit" => self.put("CONNECTION LIMIT"),
                _ => self.name(&option.name),
            }
            self.put(" = ");
            match &option.value {
                Some(value) => self.setting_value(value),
                None => self.put("DEFAULT"),
            }
        }
    }

    // Types, domains, functions

    fn create_type(&mut self, create: &CreateType) {
        self.put("CREATE TYPE ");
        self.qualified_name(&create.name);
        match &create.kind {
            CreateTypeKind::Shell => {}
            CreateTypeKind::Enum(values) => {
                self.put(" AS ENUM ");
                self.parenthesized(values, |printer, value| printer.string(value));
            }
            CreateTypeKind::Composite(attributes) => {
                self.put(" AS ");
                self.parenthesized(attributes, Self::column_definition);
            }
            CreateTypeKind::Range(settings) => self.storage_options(" AS RANGE ", settings),
        }
    }

    fn alter_type_action(&mut self, action: &AlterTypeAction) {
        let behavior = match action {
            AlterTypeAction::AddAttribute { attribute, behavior } => {
                self.put("ADD ATTRIBUTE ");
                self.column_definition(attribute);
                behavior
            }
            AlterTypeAction::DropAttribute { attribute, if_exists, behavior } => {
                self.put("DROP ATTRIBUTE ");
                self.put_if(*if_exists, "IF EXISTS ");
                self.name(attribute);
                behavior
            }
            AlterTypeAction::SetType { attribute, type_name, collation, behavior } => {
                self.put("ALTER ATTRIBUTE ");
                self.name(attribute);
                self.put(" TYPE ");
                self.type_name(type_name);
                self.after(" COLLATE ", collation.as_ref(), Self::qualified_name);
                behavior
            }
        };
        self.behavior(*behavior);
    }

    fn alter_enum(&mut self, alter: &AlterEnum) {
        self.put("ALTER TYPE ");
        self.qualified_name(&alter.name);
        match &alter.action {
            AlterEnumAction::AddValue { value, if_not_exists, neighbor } => {
                self.put(" ADD VALUE ");
                self.put_if(*if_not_exists, "IF NOT EXISTS ");
                self.string(value);
                match neighbor {
                    None => {}
                    Some(EnumNeighbor::Before(other)) => {
                        self.put(" BEFORE ");
                        self.string(other);
                    }
                    Some(EnumNeighbor::After(other)) => {
                        self.put(" AFTER ");
                        self.string(other);
                    }
                }
            }
            AlterEnumAction::RenameValue { from, to } => {
                self.put(" RENAME VALUE ");
                self.string(from);
                self.put(" TO ");
                self.string(to);
            }
        }
    }

    fn alter_domain(&mut self, alter: &AlterDomain) {
        self.put("ALTER DOMAIN ");
        self.qualified_name(&alter.name);
        self.put(" ");
        match &alter.action {
            AlterDomainAction::SetDefault(value) => {
                self.put("SET DEFAULT ");
                self.expr(value);
            }
            AlterDomainAction::DropDefault => self.put("DROP DEFAULT"),
            AlterDomainAction::SetNotNull => self.put("SET NOT NULL"),
            AlterDomainAction::DropNotNull => self.put("DROP NOT NULL"),
            AlterDomainAction::AddConstraint(constraint) => {
                self.put("ADD ");
                self.table_constraint(constraint);
            }
            AlterDomainAction::DropConstraint { constraint, if_exists, behavior } => {
                self.drop_constraint(constraint, *if_exists, *behavior);
            }
            AlterDomainAction::ValidateConstraint { constraint } => {
                self.put("VALIDATE CONSTRAINT ");
                self.name(constraint);
            }
        }
    }

    fn create_function(&mut self, function: &CreateFunction) {
        self.put(if function.or_replace { "CREATE OR REPLACE " } else { "CREATE " });
        self.put(if function.procedure { "PROCEDURE " } else { "FUNCTION " });
        self.qualified_name(&function.name);
        self.parenthesized(&function.parameters, Self::function_parameter);
        match &function.returns {
            None => {}
            Some(FunctionResult::Type(type_name)) => {
                self.put(" RETURNS ");
                self.type_name(type_name);
            }
            Some(FunctionResult::Table(columns)) => {
                self.parenthesized_after(" RETURNS TABLE ", columns, |printer, (name, type_name)| {
                    printer.name(name);
                    printer.put(" ");
                    printer.type_name(type_name);
                });
            }
        }
        for option in &function.options {
            self.put(" ");
            self.function_option(option);
        }
    }

    pub(super) fn function_parameter(&mut self, parameter: &FunctionParameter) {
        self.put(match parameter.mode {
            ParameterMode::Default => "",
            ParameterMode::In => "IN ",
            ParameterMode::Out => "OUT ",
            ParameterMode::InOut => "INOUT ",
            ParameterMode::Variadic => "VARIADIC ",
        });
        self.after("", parameter.name.as_ref(), |printer, name| {
            printer.name(name);
            printer.put(" ");
        });
        self.type_name(&parameter.type_name);
        self.after(" DEFAULT ", parameter.default.as_ref(), Self::expr);
    }

    fn function_option(&mut self, option: &FunctionOption) {
        use FunctionOption::*;
        match option {
            Language(language) => {
                self.put("LANGUAGE ");
                self.string(language);
            }
            As(body, symbol) => {
                self.put("AS ");
                self.string(body);
                self.after(", ", symbol.as_ref(), |printer, symbol| printer.string(symbol));
            }
            SqlBody(body) => self.put(body),
            Strict(true) => self.put("STRICT"),
            Strict(false) => self.put("CALLED ON NULL INPUT"),
            Immutable => self.put("IMMUTABLE"),
            Stable => self.put("STABLE"),
            Volatile => self.put("VOLATILE"),
            SecurityDefiner(true) => self.put("SECURITY DEFINER"),
            SecurityDefiner(false) => self.put("SECURITY INVOKER"),
            Leakproof(true) => self.put("LEAKPROOF"),
            Leakproof(false) => self.put("NOT LEAKPROOF"),
            Window => self.put("WINDOW"),
            Cost(number) => {
                self.put("COST ");
                self.put(number);
            }
            Rows(number) => {
                self.put("ROWS ");
                self.put(number);
            }
            Support(name) => {
                self.put("SUPPORT ");
                self.qualified_name(name);
            }
            Parallel(name) => {
                self.put("PARALLEL ");
                self.name(name);
            }
            Setting(change) => self.setting_change(change),
            Transform(types) => {
                self.list_after("TRANSFORM ", types, |printer, type_name| {
                    printer.put("FOR TYPE ");
                    printer.type_name(type_name);
                });
            }
        }
    }
}
