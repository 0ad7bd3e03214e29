//! Lists of what there is.

use anyhow::Result;

use super::{Asked, Pattern};
use crate::sql::print::Heading;
use crate::sql::scanner::identifier;
use crate::sql::shell::Shell;

const OWN: &str = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%'";

/// The names that people use for kinds of relations.
const KIND: &str = "CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
     WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 't' THEN 'TOAST table' WHEN 'f' THEN 'foreign table'
     WHEN 'p' THEN 'partitioned table' WHEN 'I' THEN 'partitioned index' END";

impl Shell {
    pub async fn list(&mut self, asked: &Asked<'_>, pattern: Option<&str>) -> Result<bool> {
        let found = match pattern {
            // Signs that mean something in patterns elsewhere are what operators are made of.
            Some(operator)
                if asked.what == "do"
                    && !operator.contains(|sign: char| sign.is_alphanumeric() || "*?.\"".contains(sign)) =>
            {
                Some(self.pattern(&identifier(operator))?)
            }
            pattern => pattern.map(|pattern| self.pattern(pattern)).transpose()?,
        };
        let found = found.as_ref();
        match asked.what {
            "l" => self.list_databases(asked, found).await,
            "z" | "dp" => self.list_privileges(asked, found).await,
            "dn" => self.list_schemas(asked, found).await,
            "df" => self.list_functions(asked, found).await,
            "dT" => self.list_types(asked, found).await,
            "dD" => self.list_domains(asked, found).await,
            "du" | "dg" => self.list_roles(asked, found).await,
            "dx" => self.list_extensions(asked, pattern, found).await,
            "db" => self.list_tablespaces(asked, found).await,
            "da" => self.list_aggregates(asked, found).await,
            "do" => self.list_operators(asked, found).await,
            "dconfig" => self.list_settings(asked, found).await,
            "ddp" => self.list_default_privileges(found).await,
            _ => self.list_relations(asked, pattern, found).await,
        }
    }

    async fn list_databases(&mut self, asked: &Asked<'_>, pattern: Option<&Pattern>) -> Result<bool> {
        let mut headings =
            vec!["Name", "Owner", "Encoding", "Collate", "Ctype", "ICU Locale", "Locale Provider", "Access privileges"];
        let mut more = "";
        if asked.verbose {
            headings.extend(["Size", "Tablespace", "Description"]);
            more = ", CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT')
                      THEN pg_catalog.pg_size_pretty(pg_catalog.pg_database_size(d.oid)) ELSE 'No Access' END,
                    s.spcname, pg_catalog.shobj_description(d.oid, 'pg_database')";
        }
        let condition = pattern.map_or("true".into(), |pattern| pattern.condition("d.datname", "d.datname", ""));
        let sql = format!(
            "SELECT d.datname, pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.pg_encoding_to_char(d.encoding),
                    d.datcollate, d.datctype, d.daticulocale,
                    CASE d.datlocprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' END,
                    pg_catalog.array_to_string(d.datacl, E'\\n'){more}
             FROM pg_catalog.pg_database d LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = d.dattablespace
             WHERE {condition} ORDER BY d.datname"
        );
        self.show_query("List of databases", &headings, &sql).await
    }

    async fn list_schemas(&mut self, asked: &Asked<'_>, pattern: Option<&Pattern>) -> Result<bool> {
        let mut headings = vec!["Name", "Owner"];
        let mut more = "";
        if asked.verbose {
            headings.extend(["Access privileges", "Description"]);
            more = ", pg_catalog.array_to_string(n.nspacl, E'\\n'), pg_catalog.obj_description(n.oid, 'pg_namespace')";
        }
        let condition = match pattern {
            Some(pattern) => pattern.condition("n.nspname", "n.nspname", ""),
            None if asked.system => "true".into(),
            None => "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'".into(),
        };
        let sql = format!(
            "SELECT n.nspname, pg_catalog.pg_get_userbyid(n.nspowner){more}
             FROM pg_catalog.pg_namespace n WHERE {condition} ORDER BY n.nspname"
        );
        self.show_query("List of schemas", &headings, &sql).await
    }

    async fn list_relations(
        &mut self,
        asked: &Asked<'_>,
        typed: Option<&str>,
        pattern: Option<&Pattern>,
    ) -> Result<bool> {
        let letters = match &asked.what[1..] {
            "" => "tvmsE",
            letters => letters,
        };
        let mut kinds = Vec::new();
        for letter in letters.chars() {
            kinds.extend_from_slice(match letter {
                't' => &["r", "p"],
                'v' => &["v"],
                'm' => &["m"],
                'i' => &["i", "I"],
                's' => &["S"],
                _ => &["f"],
            });
        }
        let has_indexes = letters.contains('i');
        let has_methods = letters.contains(['t', 'm', 'i']);
        let mut headings = vec!["Schema", "Name", "Type", "Owner"];
        let mut more = String::new();
        if has_indexes {
            headings.push("Table");
            more.push_str(", o.relname");
        }
        if asked.verbose {
            headings.push("Persistence");
            more.push_str(
                ", CASE c.relpersistence WHEN 'p' THEN 'permanent' WHEN 't' THEN 'temporary' WHEN 'u' THEN 'unlogged' END",
            );
            if has_methods {
                headings.push("Access method");
                more.push_str(", m.amname");
            }
            headings.extend(["Size", "Description"]);
            more.push_str(
                ", pg_catalog.pg_size_pretty(pg_catalog.pg_table_size(c.oid)),
                   pg_catalog.obj_description(c.oid, 'pg_class')",
            );
        }
        let condition = match pattern {
            Some(pattern) => pattern.condition("n.nspname", "c.relname", "pg_catalog.pg_table_is_visible(c.oid)"),
            None if asked.system => "pg_catalog.pg_table_is_visible(c.oid)".into(),
            None => format!("{OWN} AND pg_catalog.pg_table_is_visible(c.oid)"),
        };
        let kinds = kinds.iter().map(|kind| format!("'{kind}'")).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT n.nspname, c.relname, {KIND}, pg_catalog.pg_get_userbyid(c.relowner){more}
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_catalog.pg_am m ON m.oid = c.relam
             LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
             LEFT JOIN pg_catalog.pg_class o ON o.oid = i.indrelid
             WHERE c.relkind IN ({kinds}) AND {condition} ORDER BY n.nspname, c.relname"
        );
        let Some(rows) = self.ask(&sql).await? else { return Ok(false) };
        if rows.is_empty() {
            if !self.is_quiet() {
                match typed {
                    Some(typed) => self.complain(format_args!("Did not find any relation named \"{typed}\"."))?,
                    None => self.complain("Did not find any relations.")?,
                }
            }
            return Ok(true);
        }
        let headings: Vec<_> = headings.iter().map(|name| Heading::left(name)).collect();
        self.show(Some("List of relations"), &headings, &rows, &[])?;
        Ok(true)
    }

    async fn list_functions(&mut self, asked: &Asked<'_>, pattern: Option<&Pattern>) -> Result<bool> {
        let mut headings = vec!["Schema", "Name", "Result data type", "Argument data types", "Type"];
        let mut more = "";
        if asked.verbose {
            headings.extend([
                "Volatility",
                "Parallel",
                "Owner",
                "Security",
                "Access privileges",
                "Language",
                "Source code",
                "Description",
            ]);
            more = ", CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
                    CASE p.proparallel WHEN 'r' THEN 'restricted' WHEN 's' THEN 'safe' ELSE 'unsafe' END,
                    pg_catalog.pg_get_userbyid(p.proowner),
                    CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END,
                    pg_catalog.array_to_string(p.proacl, E'\\n'), l.lanname,
                    COALESCE(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc),
                    pg_catalog.obj_description(p.oid, 'pg_proc')";
        }
        let visible = "pg_catalog.pg_function_is_visible(p.oid)";
        let condition = match pattern {
            Some(pattern) => pattern.condition("n.nspname", "p.proname", visible),
            None if asked.system => visible.into(),
            None => format!("{visible} AND n.nspname NOT IN ('pg_catalog', 'information_schema')"),
        };
        let sql = format!(
            "SELECT n.nspname, p.proname, pg_catalog.pg_get_function_result(p.oid),
                    pg_catalog.pg_get_function_arguments(p.oid),
                    CASE p.prokind WHEN 'a' THEN 'agg' WHEN 'w' THEN 'window' WHEN 'p' THEN 'proc' ELSE 'func' END{more}
             FROM pg_catalog.pg_proc p
             JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
             LEFT JOIN pg_catalog.pg_language l ON l.oid = p.prolang
             WHERE {condition} ORDER BY 1, 2, 4"
        );
        self.show_query("List of functions", &headings, &sql).await
    }

    async fn list_types(&mut self, asked: &Asked<'_>, pattern: Option<&Pattern>) -> Result<bool> {
        let mut headings = vec!["Schema", "Name"];
        let mut more = "";
        if asked.verbose {
            headings.extend(["Internal name", "Size", "Elements", "Owner", "Access privileges"]);
            more = ", t.typname, CASE WHEN t.typrelid <> 0 THEN 'tuple' WHEN t.typlen < 0 THEN 'var'
                        ELSE t.typlen::text END,
                    pg_catalog.array_to_string(ARRAY(SELECT e.enumlabel FROM pg_catalog.pg_enum e
                        WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder), E'\\n'),
                    pg_catalog.pg_get_userbyid(t.typowner), pg_catalog.array_to_string(t.typacl, E'\\n')";
        }
        headings.push("Description");
        let visible = "pg_catalog.pg_type_is_visible(t.oid)";
        // A table's row type is the table's own business, and so is the array over a type.
        let own = "(t.typrelid = 0 OR (SELECT c.relkind = 'c' FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid))
                   AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid)";
        let condition = match pattern {
            // The name may be the one of SQL.
            Some(pattern) => format!(
                "(({}) OR ({}))",
                pattern.condition("n.nspname", "t.typname", visible),
                pattern.condition("n.nspname", "pg_catalog.format_type(t.oid, NULL)", visible)
            ),
            None if asked.system => visible.into(),
            None => format!("{visible} AND n.nspname NOT IN ('pg_catalog', 'information_schema')"),
        };
        let sql = format!(
            "SELECT n.nspname, pg_catalog.format_type(t.oid, NULL){more}, pg_catalog.obj_description(t.oid, 'pg_type')
             FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
             WHERE {own} AND {condition} ORDER BY 1, 2"
        );
        self.show_query("List of data types", &headings, &sql).await
    }

    async fn list_domains(&mut self, asked: &Asked<'_>, pattern: Option<&Pattern>) -> Result<bool> {
        let visible = "pg_catalog.pg_type_is_visible(t.oid)";
        let condition = match pattern {
            Some(pattern) => pattern.condition("n.nspname", "t.typname", visible),
            None if asked.system => visible.into(),
            None => format!("{visible} AND n.nspname NOT IN ('pg_catalog', 'information_schema')"),
        };
        let sql = format!(
            "SELECT n.nspname, t.typname, pg_catalog.format_type(t.typbasetype, t.typtypmod),
                    (SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type b
                     WHERE c.oid = t.typcollation AND b.oid = t.typbasetype AND t.typcollation <> b.typcollation),
                    CASE WHEN t.typnotnull THEN 'not null' END, t.typdefault,
                    pg_catalog.array_to_string(ARRAY(SELECT pg_catalog.pg_get_constraintdef(r.oid, true)
                        FROM pg_catalog.pg_constraint r WHERE r.contypid = t.oid ORDER BY r.conname), ' ')
             FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
             WHERE t.typtype = 'd' AND {condition} ORDER BY 1, 2"
        );
        let headings = ["Schema", "Name", "Type", "Collation", "Nullable", "Default", "Check"];
        self.show_query("List of domains", &headings, &sql).await
    }

    async fn list_roles(&mut self, asked: &Asked<'_>, pattern: Option<&Pattern>) -> Result<bool> {
        let mut headings = vec!["Role name", "Attributes", "Member of"];
        let mut more = "";
        if asked.verbose {
            headings.push("Description");
            more = ", pg_catalog.shobj_description(r.oid, 'pg_authid')";
        }
        let condition = match pattern {
            Some(pattern) => pattern.condition("r.rolname", "r.rolname", ""),
            None if asked.system => "true".into(),
            None => "r.rolname NOT LIKE 'pg\\_%'".into(),
        };
        let sql = format!(
            "SELECT r.rolname,
                    pg_catalog.concat_ws(E'\\n',
                        NULLIF(pg_catalog.concat_ws(', ',
                            CASE WHEN r.rolsuper THEN 'Superuser' END, CASE WHEN NOT r.rolinherit THEN 'No inheritance' END,
                            CASE WHEN r.rolcreaterole THEN 'Create role' END, CASE WHEN r.rolcreatedb THEN 'Create DB' END,
                            CASE WHEN NOT r.rolcanlogin THEN 'Cannot login' END,
                            CASE WHEN r.rolreplication THEN 'Replication' END,
                            CASE WHEN r.rolbypassrls THEN 'Bypass RLS' END), ''),
                        CASE WHEN r.rolconnlimit = 0 THEN 'No connections' WHEN r.rolconnlimit = 1 THEN '1 connection'
                             WHEN r.rolconnlimit > 1 THEN r.rolconnlimit || ' connections' END,
                        'Password valid until ' || r.rolvaliduntil),
                    ARRAY(SELECT b.rolname FROM pg_catalog.pg_auth_members m
                          JOIN pg_catalog.pg_roles b ON b.oid = m.roleid WHERE m.member = r.oid){more}
             FROM pg_catalog.pg_roles r WHERE {condition} ORDER BY 1"
        );
        let footer = std::mem::replace(&mut self.print.footer, false);
        let shown = self.show_query("List of roles", &headings, &sql).await;
        self.print.footer = footer;
        shown
    }

    async fn list_privileges(&mut self, asked: &Asked<'_>, pattern: Option<&Pattern>) -> Result<bool> {
        let visible = "pg_catalog.pg_table_is_visible(c.oid)";
        let condition = match pattern {
            Some(pattern) => pattern.condition("n.nspname", "c.relname", visible),
            None if asked.system => visible.into(),
            None => format!("{visible} AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"),
        };
        let sql = format!(
            "SELECT n.nspname, c.relname, {KIND}, pg_catalog.array_to_string(c.relacl, E'\\n'),
                    pg_catalog.array_to_string(ARRAY(
                        SELECT a.attname || E':\\n  ' || pg_catalog.array_to_string(a.attacl, E'\\n  ')
                        FROM pg_catalog.pg_attribute a
                        WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attacl IS NOT NULL ORDER BY a.attnum), E'\\n'),
                    pg_catalog.array_to_string(ARRAY(
                        SELECT p.polname || CASE WHEN p.polcmd <> '*' THEN ' (' || p.polcmd::text || '):' ELSE ':' END
                        FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid), E'\\n')
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'v', 'm', 'S', 'f', 'p') AND {condition} ORDER BY 1, 2"
        );
        let headings = ["Schema", "Name", "Type", "Access privileges", "Column privileges", "Policies"];
        self.show_query("Access privileges", &headings, &sql).await
    }

    async fn list_extensions(
        &mut self,
        asked: &Asked<'_>,
        typed: Option<&str>,
        pattern: Option<&Pattern>,
    ) -> Result<bool> {
        let condition = pattern.map_or("true".into(), |pattern| pattern.condition("e.extname", "e.extname", ""));
        let sql = format!(
            "SELECT e.extname, e.extversion, n.nspname, pg_catalog.obj_description(e.oid, 'pg_extension'), e.oid
             FROM pg_catalog.pg_extension e LEFT JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
             WHERE {condition} ORDER BY 1"
        );
        let Some(rows) = self.ask(&sql).await? else { return Ok(false) };
        if rows.is_empty() && asked.verbose {
            match typed {
                Some(typed) => self.complain(format_args!("Did not find any extension named \"{typed}\"."))?,
                None => self.complain("Did not find any extensions.")?,
            }
            return Ok(false);
        }
        if asked.verbose {
            for row in rows {
                let sql = format!(
                    "SELECT pg_catalog.pg_describe_object(d.classid, d.objid, 0) FROM pg_catalog.pg_depend d
                     WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = {}
                       AND d.deptype = 'e' ORDER BY 1",
                    row.text(4)
                );
                let title = format!("Objects in extension \"{}\"", row.text(0));
                if !self.show_query(&title, &["Object description"], &sql).await? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        let headings = ["Name", "Version", "Schema", "Description"].map(Heading::left);
        self.show(Some("List of installed extensions"), &headings, &rows, &[])?;
        Ok(true)
    }

    async fn list_tablespaces(&mut self, asked: &Asked<'_>, pattern: Option<&Pattern>) -> Result<bool> {
        let mut headings = vec!["Name", "Owner", "Location"];
        let mut more = "";
        if asked.verbose {
            headings.extend(["Access privileges", "Options", "Size", "Description"]);
            more = ", pg_catalog.array_to_string(s.spcacl, E'\\n'), s.spcoptions,
                    pg_catalog.pg_size_pretty(pg_catalog.pg_tablespace_size(s.oid)),
                    pg_catalog.shobj_description(s.oid, 'pg_tablespace')";
        }
        let condition = pattern.map_or("true".into(), |pattern| pattern.condition("s.spcname", "s.spcname", ""));
        let sql = format!(
            "SELECT s.spcname, pg_catalog.pg_get_userbyid(s.spcowner), pg_catalog.pg_tablespace_location(s.oid){more}
             FROM pg_catalog.pg_tablespace s WHERE {condition} ORDER BY 1"
        );
        self.show_query("List of tablespaces", &headings, &sql).await
    }

    async fn list_aggregates(&mut self, asked: &Asked<'_>, pattern: Option<&Pattern>) -> Result<bool> {
        let visible = "pg_catalog.pg_function_is_visible(p.oid)";
        let condition = match pattern {
            Some(pattern) => pattern.condition("n.nspname", "p.proname", visible),
            None if asked.system => visible.into(),
            None => format!("{visible} AND n.nspname NOT IN ('pg_catalog', 'information_schema')"),
        };
        let sql = format!(
            "SELECT n.nspname, p.proname, pg_catalog.format_type(p.prorettype, NULL),
                    CASE WHEN p.pronargs = 0 THEN '*' ELSE pg_catalog.pg_get_function_arguments(p.oid) END,
                    pg_catalog.obj_description(p.oid, 'pg_proc')
             FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
             WHERE p.prokind = 'a' AND {condition} ORDER BY 1, 2, 4"
        );
        let headings = ["Schema", "Name", "Result data type", "Argument data types", "Description"];
        self.show_query("List of aggregate functions", &headings, &sql).await
    }

    async fn list_operators(&mut self, asked: &Asked<'_>, pattern: Option<&Pattern>) -> Result<bool> {
        let mut headings = vec!["Schema", "Name", "Left arg type", "Right arg type", "Result type"];
        let mut more = "";
        if asked.verbose {
            headings.push("Function");
            more = ", o.oprcode::text";
        }
        headings.push("Description");
        let visible = "pg_catalog.pg_operator_is_visible(o.oid)";
        let condition = match pattern {
            Some(pattern) => pattern.condition("n.nspname", "o.oprname", visible),
            None if asked.system => visible.into(),
            None => format!("{visible} AND n.nspname NOT IN ('pg_catalog', 'information_schema')"),
        };
        let sql = format!(
            "SELECT n.nspname, o.oprname, CASE WHEN o.oprkind <> 'l' THEN pg_catalog.format_type(o.oprleft, NULL) END,
                    pg_catalog.format_type(o.oprright, NULL), pg_catalog.format_type(o.oprresult, NULL){more},
                    COALESCE(pg_catalog.obj_description(o.oid, 'pg_operator'),
                             pg_catalog.obj_description(o.oprcode, 'pg_proc'))
             FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
             WHERE {condition} ORDER BY 1, 2, 3, 4"
        );
        self.show_query("List of operators", &headings, &sql).await
    }

    async fn list_settings(&mut self, asked: &Asked<'_>, pattern: Option<&Pattern>) -> Result<bool> {
        let mut headings = vec!["Parameter", "Value"];
        let mut more = "";
        if asked.verbose {
            headings.extend(["Type", "Context", "Access privileges"]);
            more = ", s.vartype, s.context, NULL";
        }
        let (title, condition) = match pattern {
            Some(pattern) => ("List of configuration parameters", pattern.condition("s.name", "lower(s.name)", "")),
            None => (
                "List of non-default configuration parameters",
                "s.source <> 'default' AND s.setting IS DISTINCT FROM s.boot_val".into(),
            ),
        };
        let sql = format!(
            "SELECT s.name, pg_catalog.current_setting(s.name){more}
             FROM pg_catalog.pg_settings s WHERE {condition} ORDER BY 1"
        );
        self.show_query(title, &headings, &sql).await
    }

    async fn list_default_privileges(&mut self, pattern: Option<&Pattern>) -> Result<bool> {
        let condition = match pattern {
            Some(pattern) => format!(
                "({} OR {})",
                pattern.condition("n.nspname", "n.nspname", ""),
                pattern.condition("n.nspname", "pg_catalog.pg_get_userbyid(d.defaclrole)", "")
            ),
            None => "true".into(),
        };
        let sql = format!(
            "SELECT pg_catalog.pg_get_userbyid(d.defaclrole), n.nspname,
                    CASE d.defaclobjtype WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'function'
                         WHEN 'T' THEN 'type' WHEN 'n' THEN 'schema' END,
                    pg_catalog.array_to_string(d.defaclacl, E'\\n')
             FROM pg_catalog.pg_default_acl d LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
             WHERE {condition} ORDER BY 1, 2, 3"
        );
        let headings = ["Owner", "Schema", "Type", "Access privileges"];
        self.show_query("Default access privileges", &headings, &sql).await
    }
}
