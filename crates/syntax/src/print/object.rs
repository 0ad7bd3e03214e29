//! Names of objects of all kinds, roles, and what is done with either.

use super::Printer;
use crate::ast::*;

impl Printer {
    pub(super) fn object_kind(&mut self, kind: ObjectKind) {
        use ObjectKind::*;
        self.put(match kind {
            AccessMethod => "ACCESS METHOD",
            Aggregate => "AGGREGATE",
            Attribute => "ATTRIBUTE",
            Cast => "CAST",
            Collation => "COLLATION",
            Column => "COLUMN",
            Constraint | DomainConstraint => "CONSTRAINT",
            Conversion => "CONVERSION",
            Database => "DATABASE",
            Domain => "DOMAIN",
            EventTrigger => "EVENT TRIGGER",
            Extension => "EXTENSION",
            ForeignDataWrapper => "FOREIGN DATA WRAPPER",
            ForeignTable => "FOREIGN TABLE",
            Function => "FUNCTION",
            Index => "INDEX",
            Language => "LANGUAGE",
            LargeObject => "LARGE OBJECT",
            MaterializedView => "MATERIALIZED VIEW",
            Operator => "OPERATOR",
            OperatorClass => "OPERATOR CLASS",
            OperatorFamily => "OPERATOR FAMILY",
            Parameter => "PARAMETER",
            Policy => "POLICY",
            Procedure => "PROCEDURE",
            Publication => "PUBLICATION",
            Role => "ROLE",
            Routine => "ROUTINE",
            Rule => "RULE",
            Schema => "SCHEMA",
            Sequence => "SEQUENCE",
            Server => "SERVER",
            Statistics => "STATISTICS",
            Subscription => "SUBSCRIPTION",
            Table => "TABLE",
            Tablespace => "TABLESPACE",
            TextSearchConfiguration => "TEXT SEARCH CONFIGURATION",
            TextSearchDictionary => "TEXT SEARCH DICTIONARY",
            TextSearchParser => "TEXT SEARCH PARSER",
            TextSearchTemplate => "TEXT SEARCH TEMPLATE",
            Transform => "TRANSFORM",
            Trigger => "TRIGGER",
            Type => "TYPE",
            View => "VIEW",
        });
    }

    /// With a space before it.
    pub(super) fn object_name(&mut self, object: &ObjectName) {
        self.put(" ");
        match object.kind {
            ObjectKind::Operator => {
                if let [schema @ .., symbol] = &object.name[..] {
                    for name in schema {
                        self.name(name);
                        self.put(".");
                    }
                    self.put(&symbol.text);
                }
            }
            ObjectKind::LargeObject => self.separated(".", &object.name, |printer, name| printer.put(&name.text)),
            ObjectKind::Transform => {
                self.put("FOR ");
                self.qualified_name(&object.name);
            }
            _ => self.qualified_name(&object.name),
        }
        match &object.rest {
            ObjectNameRest::None => {}
            ObjectNameRest::Parameters(parameters) => self.parenthesized(parameters, Self::function_parameter),
            ObjectNameRest::Aggregate { direct, ordered } => {
                self.put("(");
                self.put_if(direct.is_empty() && ordered.is_none(), "*");
                self.list(direct, Self::function_parameter);
                self.after(" ORDER BY ", ordered.as_ref(), |printer, ordered| {
                    printer.list(ordered, Self::function_parameter);
                });
                self.put(")");
            }
            ObjectNameRest::Operands(left, right) => {
                self.parenthesized(&[left, right], |printer, operand| match operand {
                    Some(type_name) => printer.type_name(type_name),
                    None => printer.put("NONE"),
                });
            }
            ObjectNameRest::On(name) => {
                self.put(" ON ");
                self.put_if(object.kind == ObjectKind::DomainConstraint, "DOMAIN ");
                self.qualified_name(name);
            }
            ObjectNameRest::Cast(from, to) => {
                self.put("(");
                self.type_name(from);
                self.put(" AS ");
                self.type_name(to);
                self.put(")");
            }
            ObjectNameRest::Using(name) => {
                self.put(if object.kind == ObjectKind::Transform { " LANGUAGE " } else { " USING " });
                self.name(name);
            }
        }
    }

    pub(super) fn drop_objects(&mut self, drop: &Drop) {
        self.put("DROP ");
        if let Some(first) = drop.objects.first() {
            self.object_kind(first.kind);
        }
        self.put_if(drop.concurrently, " CONCURRENTLY");
        self.put_if(drop.if_exists, " IF EXISTS");
        self.separated(",", &drop.objects, Self::object_name);
        self.behavior(drop.behavior);
    }

    pub(super) fn rename(&mut self, rename: &Rename) {
        self.put("ALTER ");
        self.object_kind(rename.of.as_ref().map_or(rename.object.kind, |(kind, _)| *kind));
        self.put_if(rename.if_exists, " IF EXISTS");
        match &rename.of {
            Some((_, table)) => {
                self.put(" ");
                self.table_name(table);
                self.put(" RENAME ");
                self.object_kind(rename.object.kind);
                self.object_name(&rename.object);
            }
            None => {
                self.object_name(&rename.object);
                self.put(" RENAME");
            }
        }
        self.put(" TO ");
        self.name(&rename.to);
        self.behavior(rename.behavior);
    }

    // Roles and privileges

    pub(super) fn role(&mut self, role: &RoleName) {
        match &role.kind {
            RoleNameKind::Name(name) => self.identifier(name),
            RoleNameKind::CurrentRole => self.put("CURRENT_ROLE"),
            RoleNameKind::CurrentUser => self.put("CURRENT_USER"),
            RoleNameKind::SessionUser => self.put("SESSION_USER"),
            RoleNameKind::Public => self.put("PUBLIC"),
        }
    }

    fn roles(&mut self, roles: &[RoleName]) {
        self.list(roles, Self::role);
    }

    pub(super) fn roles_and_privileges(&mut self, statement: &Statement) {
        match statement {
            Statement::CreateRole(create) => {
                self.put(if create.user { "CREATE USER " } else { "CREATE ROLE " });
                self.role(&create.name);
                self.role_options(&create.options);
            }
            Statement::AlterRole(alter) => {
                self.put("ALTER ROLE ");
                self.role(&alter.role);
                self.role_options(&alter.options);
            }
            Statement::AlterRoleSet(alter) => {
                self.put("ALTER ROLE ");
                match &alter.role {
                    Some(role) => self.role(role),
                    None => self.put("ALL"),
                }
                self.after(" IN DATABASE ", alter.database.as_ref(), Self::name);
                self.put(" ");
                self.setting_change(&alter.change);
            }
            Statement::AlterGroup(alter) => {
                self.put("ALTER GROUP ");
                self.role(&alter.group);
                self.put(if alter.add { " ADD USER " } else { " DROP USER " });
                self.roles(&alter.members);
            }
            Statement::DropRole(drop) => {
                self.put("DROP ROLE ");
                self.put_if(drop.if_exists, "IF EXISTS ");
                self.roles(&drop.roles);
            }
            Statement::AlterSystem(change) => {
                self.put("ALTER SYSTEM ");
                self.setting_change(change);
            }
            Statement::Grant(grant) => self.grant(grant),
            Statement::GrantRole(grant) => {
                self.put(if grant.revoke { "REVOKE " } else { "GRANT " });
                self.put_if(grant.revoke && grant.admin_option, "ADMIN OPTION FOR ");
                self.list(&grant.roles, |printer, role| {
                    printer.after("", role.name.as_ref(), Self::name);
                    printer.names_after(" ", &role.columns);
                });
                self.grantees(grant.revoke, &grant.grantees);
                self.put_if(!grant.revoke && grant.admin_option, " WITH ADMIN OPTION");
                self.after(" GRANTED BY ", grant.granted_by.as_ref(), Self::role);
                self.behavior(grant.behavior);
            }
            Statement::AlterDefaultPrivileges(alter) => {
                self.put("ALTER DEFAULT PRIVILEGES ");
                self.list_after("FOR ROLE ", &alter.roles, Self::role);
                self.list_after(" IN SCHEMA ", &alter.schemas, Self::name);
                self.put(" ");
                self.grant(&alter.grant);
            }
            Statement::DropOwned(drop) => {
                self.put("DROP OWNED BY ");
                self.roles(&drop.roles);
                self.behavior(drop.behavior);
            }
            Statement::ReassignOwned(reassign) => {
                self.put("REASSIGN OWNED BY ");
                self.roles(&reassign.roles);
                self.put(" TO ");
                self.role(&reassign.to);
            }
            // All others have been printed elsewhere.
            _ => {}
        }
    }

    fn role_options(&mut self, options: &[RoleOption]) {
        use RoleOptionKind::*;
        for option in options {
            let (yes, word) = match &option.kind {
                Superuser(yes) => (*yes, "SUPERUSER"),
                CreateDatabase(yes) => (*yes, "CREATEDB"),
                CreateRole(yes) => (*yes, "CREATEROLE"),
                Inherit(yes) => (*yes, "INHERIT"),
                Login(yes) => (*yes, "LOGIN"),
                Replication(yes) => (*yes, "REPLICATION"),
                BypassRowSecurity(yes) => (*yes, "BYPASSRLS"),
                valued => {
                    self.valued_role_option(valued);
                    continue;
                }
            };
            self.put(if yes { " " } else { " NO" });
            self.put(word);
        }
    }

    fn valued_role_option(&mut self, option: &RoleOptionKind) {
        use RoleOptionKind::*;
        match option {
            ConnectionLimit(limit) => {
                self.put(" CONNECTION LIMIT ");
                self.number(limit);
            }
            Password(None) => self.put(" PASSWORD NULL"),
            Password(Some(password)) => {
                self.put(" PASSWORD ");
                self.string(password);
            }
            ValidUntil(time) => {
                self.put(" VALID UNTIL ");
                self.string(time);
            }
            InRole(roles) => self.list_after(" IN ROLE ", roles, Self::role),
            Role(roles) => self.list_after(" USER ", roles, Self::role),
            Admin(roles) => self.list_after(" ADMIN ", roles, Self::role),
            SystemId(id) => {
                self.put(" SYSID ");
                self.number(id);
            }
            // Those of one word have been printed.
            _ => {}
        }
    }

    fn grantees(&mut self, revoke: bool, grantees: &[RoleName]) {
        self.put(if revoke { " FROM " } else { " TO " });
        self.roles(grantees);
    }

    fn grant(&mut self, grant: &Grant) {
        self.put(if grant.revoke { "REVOKE " } else { "GRANT " });
        self.put_if(grant.revoke && grant.grant_option, "GRANT OPTION FOR ");
        self.put_if(grant.privileges.is_empty(), "ALL");
        self.list(&grant.privileges, |printer, privilege| {
            match privilege.name.as_ref().map(Name::as_str) {
                None => printer.put("ALL"),
                // These have no form with quotes, or read better without.
                Some(word @ ("select" | "references" | "create" | "alter system")) => printer.put(word),
                Some(name) => printer.identifier(name),
            }
            printer.names_after(" ", &privilege.columns);
        });
        self.put(" ON ");
        match &grant.on {
            GrantObjects::Named { kind, names } => {
                match kind {
                    ObjectKind::Server => self.put("FOREIGN SERVER"),
                    _ => self.object_kind(*kind),
                }
                self.put(" ");
                self.list(names, |printer, name| match (kind, &name[..]) {
                    (ObjectKind::Parameter, [parameter]) => printer.parameter(parameter),
                    _ => printer.qualified_name(name),
                });
            }
            GrantObjects::Routines(routines) => {
                if let Some(first) = routines.first() {
                    self.object_kind(first.kind);
                }
                self.separated(",", routines, Self::object_name);
            }
            GrantObjects::LargeObjects(numbers) => {
                self.list_after("LARGE OBJECT ", numbers, |printer, number| printer.put(number));
            }
            GrantObjects::AllIn { kind, schemas } => {
                self.put("ALL ");
                self.object_kind(*kind);
                self.list_after("S IN SCHEMA ", schemas, Self::name);
            }
            GrantObjects::Future(kind) => {
                self.object_kind(*kind);
                self.put("S");
            }
        }
        self.grantees(grant.revoke, &grant.grantees);
        self.put_if(!grant.revoke && grant.grant_option, " WITH GRANT OPTION");
        self.after(" GRANTED BY ", grant.granted_by.as_ref(), Self::role);
        self.behavior(grant.behavior);
    }
}
