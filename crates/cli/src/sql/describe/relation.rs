//! One table, view, index, sequence or composite type in full.

use anyhow::Result;

use super::Asked;
use crate::sql::print::{Expanded, Heading};
use crate::sql::shell::Shell;
use crate::sql::wire::Row;

struct Relation {
    oid: String,
    schema: String,
    name: String,
    kind: String,
    persistence: String,
    method: Option<String>,
    options: Option<String>,
    partition: Option<String>,
    partition_key: Option<String>,
    row_security: bool,
    forced_row_security: bool,
}

impl Relation {
    fn title(&self) -> String {
        let unlogged = self.persistence == "u";
        let kind = match &self.kind[..] {
            "r" if unlogged => "Unlogged table",
            "r" => "Table",
            "v" => "View",
            "m" if unlogged => "Unlogged materialized view",
            "m" => "Materialized view",
            "S" if unlogged => "Unlogged sequence",
            "S" => "Sequence",
            "i" if unlogged => "Unlogged index",
            "i" => "Index",
            "I" => "Partitioned index",
            "t" => "TOAST table",
            "c" => "Composite type",
            "f" => "Foreign table",
            "p" => "Partitioned table",
            _ => "Relation",
        };
        format!("{kind} \"{}.{}\"", self.schema, self.name)
    }

    fn is_index(&self) -> bool {
        matches!(&self.kind[..], "i" | "I")
    }

    fn is_table(&self) -> bool {
        matches!(&self.kind[..], "r" | "p" | "m" | "f")
    }
}

impl Shell {
    pub(super) async fn describe_relations(&mut self, asked: &Asked<'_>, typed: &str) -> Result<bool> {
        let pattern = self.pattern(typed)?;
        let sql = format!(
            "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, m.amname,
                    pg_catalog.array_to_string(c.reloptions, ', '),
                    CASE WHEN c.relispartition THEN pg_catalog.pg_get_expr(c.relpartbound, c.oid) END,
                    CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END,
                    c.relrowsecurity, c.relforcerowsecurity
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_catalog.pg_am m ON m.oid = c.relam
             WHERE {} ORDER BY 2, 3",
            pattern.condition("n.nspname", "c.relname", "pg_catalog.pg_table_is_visible(c.oid)")
        );
        let Some(found) = self.ask(&sql).await? else { return Ok(false) };
        if found.is_empty() {
            if !self.is_quiet() {
                self.complain(format_args!("Did not find any relation named \"{typed}\"."))?;
            }
            return Ok(false);
        }
        for row in found {
            let owned = |column| row.get(column).map(str::to_owned);
            let relation = Relation {
                oid: row.text(0).to_owned(),
                schema: row.text(1).to_owned(),
                name: row.text(2).to_owned(),
                kind: row.text(3).to_owned(),
                persistence: row.text(4).to_owned(),
                method: owned(5),
                options: owned(6).filter(|options| !options.is_empty()),
                partition: owned(7),
                partition_key: owned(8),
                row_security: row.text(9) == "t",
                forced_row_security: row.text(10) == "t",
            };
            let described = match &relation.kind[..] {
                "S" => self.describe_sequence(&relation).await?,
                _ => self.describe_columns_of(&relation, asked.verbose).await?,
            };
            if described.is_none() || self.interrupted {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn describe_columns_of(&mut self, relation: &Relation, verbose: bool) -> Result<Option<()>> {
        let oid = &relation.oid;
        let sql = format!(
            "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
                    (SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type t
                     WHERE c.oid = a.attcollation AND t.oid = a.atttypid AND a.attcollation <> t.typcollation),
                    CASE WHEN a.attnotnull THEN 'not null' END,
                    pg_catalog.pg_get_expr(d.adbin, d.adrelid, true), a.attidentity, a.attgenerated,
                    CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'x' THEN 'extended'
                         WHEN 'm' THEN 'main' END,
                    CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
                    CASE WHEN a.attstattarget <> -1 THEN a.attstattarget END,
                    pg_catalog.col_description(a.attrelid, a.attnum),
                    pg_catalog.pg_get_indexdef(a.attrelid, a.attnum, true),
                    CASE WHEN a.attnum <= i.indnkeyatts THEN 'yes' ELSE 'no' END
             FROM pg_catalog.pg_attribute a
             LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
             LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = a.attrelid
             WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        );
        let Some(columns) = self.ask(&sql).await? else { return Ok(None) };
        let mut headings = vec!["Column", "Type"];
        match relation.is_index() {
            true => headings.extend(["Key?", "Definition"]),
            false => headings.extend(["Collation", "Nullable", "Default"]),
        }
        let kind = &relation.kind[..];
        let (compression, target, description) =
            (matches!(kind, "r" | "p" | "m"), relation.is_table() || relation.is_index(), !relation.is_index());
        if verbose {
            headings.push("Storage");
            headings.extend(compression.then_some("Compression"));
            headings.extend(target.then_some("Stats target"));
            headings.extend(description.then_some("Description"));
        }
        let mut rows = Vec::new();
        for column in &columns {
            let mut row = Row::from([column.get(0), column.get(1)]);
            if relation.is_index() {
                row.push(column.get(12));
                row.push(column.get(11));
            } else {
                row.push(column.get(2));
                row.push(column.get(3));
                row.push(Some(&default(column)));
            }
            if verbose {
                row.push(column.get(7));
                for (shown, at) in [(compression, 8), (target, 9), (description, 10)] {
                    if shown {
                        row.push(column.get(at));
                    }
                }
            }
            rows.push(row);
        }
        let mut footers = Vec::new();
        let complete = match kind {
            "i" | "I" => self.index_footers(relation, &mut footers).await?,
            "v" | "m" if verbose => self
                .view_footers(relation, &mut footers)
                .await?
                .and(self.table_footers(relation, verbose, &mut footers).await?),
            "v" | "r" | "p" | "m" | "f" => self.table_footers(relation, verbose, &mut footers).await?,
            _ => Some(()),
        };
        if complete.is_none() {
            return Ok(None);
        }
        if verbose && matches!(kind, "r" | "m" | "p") {
            footers.extend(relation.method.as_ref().map(|method| format!("Access method: {method}")));
        }
        if verbose {
            footers.extend(relation.options.as_ref().map(|options| format!("Options: {options}")));
        }
        let headings: Vec<Heading> = headings.iter().map(|name| Heading::left(name)).collect();
        self.show_relation(relation, &headings, &rows, &footers)?;
        Ok(Some(()))
    }

    /// Never expanded, where it would say less, and without a number of rows.
    fn show_relation(
        &mut self,
        relation: &Relation,
        headings: &[Heading],
        rows: &[Row],
        footers: &[String],
    ) -> Result<()> {
        let options = self.print.clone();
        (self.print.footer, self.print.expanded) = (false, Expanded::Off);
        let shown = self.show(Some(&relation.title()), headings, rows, footers);
        self.print = options;
        shown
    }

    async fn index_footers(&mut self, relation: &Relation, footers: &mut Vec<String>) -> Result<Option<()>> {
        let sql = format!(
            "SELECT concat(CASE WHEN i.indisprimary THEN 'primary key, ' WHEN i.indisunique THEN 'unique, ' END,
                    m.amname, ', for table \"', n.nspname, '.', t.relname, '\"',
                    ', predicate (' || pg_catalog.pg_get_expr(i.indpred, i.indrelid, true) || ')',
                    CASE WHEN i.indisclustered THEN ', clustered' END, CASE WHEN NOT i.indisvalid THEN ', invalid' END,
                    CASE WHEN r.condeferrable THEN ', deferrable' END,
                    CASE WHEN r.condeferred THEN ', initially deferred' END,
                    CASE WHEN i.indisreplident THEN ', replica identity' END)
             FROM pg_catalog.pg_index i
             JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
             JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
             JOIN pg_catalog.pg_am m ON m.oid = c.relam
             LEFT JOIN pg_catalog.pg_constraint r ON r.conindid = c.oid AND r.contype IN ('p', 'u', 'x')
             WHERE i.indexrelid = {}",
            relation.oid
        );
        let Some(rows) = self.ask(&sql).await? else { return Ok(None) };
        footers.extend(rows.iter().map(|row| row.text(0).to_owned()));
        Ok(Some(()))
    }

    async fn view_footers(&mut self, relation: &Relation, footers: &mut Vec<String>) -> Result<Option<()>> {
        let sql = format!("SELECT pg_catalog.pg_get_viewdef({}, true)", relation.oid);
        let Some(rows) = self.ask(&sql).await? else { return Ok(None) };
        footers.push("View definition:".into());
        footers.extend(rows.iter().map(|row| row.text(0).to_owned()));
        Ok(Some(()))
    }

    async fn table_footers(
        &mut self,
        relation: &Relation,
        verbose: bool,
        footers: &mut Vec<String>,
    ) -> Result<Option<()>> {
        let oid = &relation.oid;
        if let Some(bound) = &relation.partition {
            let sql =
                format!("SELECT inhparent::pg_catalog.regclass FROM pg_catalog.pg_inherits WHERE inhrelid = {oid}");
            let Some(rows) = self.ask(&sql).await? else { return Ok(None) };
            footers.extend(rows.iter().map(|row| format!("Partition of: {} {bound}", row.text(0))));
            if verbose {
                let sql = format!("SELECT pg_catalog.pg_get_partition_constraintdef({oid})");
                let Some(rows) = self.ask(&sql).await? else { return Ok(None) };
                let constraint = rows.first().and_then(|row| row.get(0));
                footers.push(match constraint {
                    Some(constraint) => format!("Partition constraint: {constraint}"),
                    None => "No partition constraint".into(),
                });
            }
        }
        footers.extend(relation.partition_key.as_ref().map(|key| format!("Partition key: {key}")));
        let lists = [
            (
                "Indexes:",
                format!(
                    "SELECT concat('\"', c.relname, '\"', CASE WHEN r.contype = 'x' THEN
                            ' ' || pg_catalog.pg_get_constraintdef(r.oid, true)
                        ELSE concat(CASE WHEN i.indisprimary THEN ' PRIMARY KEY,' WHEN r.contype = 'u' THEN ' UNIQUE CONSTRAINT,'
                                         WHEN i.indisunique THEN ' UNIQUE,' END,
                            regexp_replace(pg_catalog.pg_get_indexdef(i.indexrelid, 0, true), '^.*? USING ', ' '),
                            CASE WHEN r.condeferrable THEN ' DEFERRABLE' END,
                            CASE WHEN r.condeferred THEN ' INITIALLY DEFERRED' END) END,
                        CASE WHEN i.indisclustered THEN ' CLUSTER' END, CASE WHEN NOT i.indisvalid THEN ' INVALID' END,
                        CASE WHEN i.indisreplident THEN ' REPLICA IDENTITY' END)
                     FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
                     LEFT JOIN pg_catalog.pg_constraint r
                         ON r.conrelid = i.indrelid AND r.conindid = i.indexrelid AND r.contype IN ('p', 'u', 'x')
                     WHERE i.indrelid = {oid} ORDER BY i.indisprimary DESC, c.relname"
                ),
            ),
            (
                "Check constraints:",
                format!(
                    "SELECT concat('\"', r.conname, '\" ', pg_catalog.pg_get_constraintdef(r.oid, true))
                     FROM pg_catalog.pg_constraint r WHERE r.conrelid = {oid} AND r.contype = 'c' ORDER BY r.conname"
                ),
            ),
            (
                "Foreign-key constraints:",
                format!(
                    "SELECT concat('\"', r.conname, '\" ', pg_catalog.pg_get_constraintdef(r.oid, true))
                     FROM pg_catalog.pg_constraint r
                     WHERE r.conrelid = {oid} AND r.contype = 'f' AND r.conparentid = 0 ORDER BY r.conname"
                ),
            ),
            (
                "Referenced by:",
                format!(
                    "SELECT concat('TABLE \"', r.conrelid::pg_catalog.regclass::text, '\" CONSTRAINT \"', r.conname, '\" ',
                            pg_catalog.pg_get_constraintdef(r.oid, true))
                     FROM pg_catalog.pg_constraint r
                     WHERE r.confrelid = {oid} AND r.contype = 'f' AND r.conparentid = 0 ORDER BY r.conname"
                ),
            ),
            (
                match (relation.row_security, relation.forced_row_security) {
                    (false, _) => "Policies (row security disabled):",
                    (true, false) => "Policies:",
                    (true, true) => "Policies (forced row security enabled):",
                },
                format!(
                    "SELECT concat('POLICY \"', p.polname, '\"', CASE WHEN NOT p.polpermissive THEN ' AS RESTRICTIVE' END,
                            CASE p.polcmd WHEN 'r' THEN ' FOR SELECT' WHEN 'a' THEN ' FOR INSERT'
                                 WHEN 'w' THEN ' FOR UPDATE' WHEN 'd' THEN ' FOR DELETE' END,
                            E'\\n      TO ' || NULLIF(pg_catalog.array_to_string(ARRAY(
                                SELECT r.rolname FROM pg_catalog.pg_roles r WHERE r.oid = ANY (p.polroles) ORDER BY 1), ','), ''),
                            E'\\n      USING (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')',
                            E'\\n      WITH CHECK (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')')
                     FROM pg_catalog.pg_policy p WHERE p.polrelid = {oid} ORDER BY p.polname"
                ),
            ),
            (
                "Rules:",
                format!(
                    "SELECT rtrim(regexp_replace(pg_catalog.pg_get_ruledef(r.oid, true), '^CREATE RULE ', ''), ';')
                     FROM pg_catalog.pg_rewrite r
                     WHERE r.ev_class = {oid} AND r.rulename <> '_RETURN' ORDER BY r.rulename"
                ),
            ),
            (
                "Triggers:",
                format!(
                    "SELECT regexp_replace(pg_catalog.pg_get_triggerdef(t.oid, true), '^.*? TRIGGER ', '')
                     FROM pg_catalog.pg_trigger t
                     WHERE t.tgrelid = {oid} AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') ORDER BY t.tgname"
                ),
            ),
            (
                "Disabled user triggers:",
                format!(
                    "SELECT regexp_replace(pg_catalog.pg_get_triggerdef(t.oid, true), '^.*? TRIGGER ', '')
                     FROM pg_catalog.pg_trigger t
                     WHERE t.tgrelid = {oid} AND NOT t.tgisinternal AND t.tgenabled = 'D' ORDER BY t.tgname"
                ),
            ),
        ];
        for (title, sql) in lists {
            let Some(rows) = self.ask(&sql).await? else { return Ok(None) };
            if rows.is_empty() && title.starts_with("Policies") && relation.row_security {
                let forced = if relation.forced_row_security { "forced " } else { "" };
                footers.push(format!("Policies ({forced}row security enabled): (none)"));
            } else if !rows.is_empty() {
                footers.push(title.into());
                footers.extend(rows.iter().map(|row| format!("    {}", row.text(0))));
            }
        }
        self.inheritance_footers(relation, verbose, footers).await
    }

    async fn inheritance_footers(
        &mut self,
        relation: &Relation,
        verbose: bool,
        footers: &mut Vec<String>,
    ) -> Result<Option<()>> {
        let oid = &relation.oid;
        let parents = format!(
            "SELECT i.inhparent::pg_catalog.regclass FROM pg_catalog.pg_inherits i
             WHERE i.inhrelid = {oid} ORDER BY i.inhseqno"
        );
        let children = format!(
            "SELECT concat(c.oid::pg_catalog.regclass::text, ' ' || pg_catalog.pg_get_expr(c.relpartbound, c.oid))
             FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = {oid}
             ORDER BY pg_catalog.pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', c.oid::pg_catalog.regclass::text"
        );
        if relation.partition.is_none() {
            let Some(rows) = self.ask(&parents).await? else { return Ok(None) };
            indented("Inherits: ", &rows, footers);
        }
        let Some(rows) = self.ask(&children).await? else { return Ok(None) };
        let how = "(Use \\d+ to list them.)";
        match (&relation.kind[..], rows.len()) {
            ("p", 0) => footers.push("Number of partitions: 0".into()),
            (_, 0) => {}
            ("p", _) if verbose => indented("Partitions: ", &rows, footers),
            ("p", count) => footers.push(format!("Number of partitions: {count} {how}")),
            _ if verbose => indented("Child tables: ", &rows, footers),
            (_, count) => footers.push(format!("Number of child tables: {count} {how}")),
        }
        Ok(Some(()))
    }

    async fn describe_sequence(&mut self, relation: &Relation) -> Result<Option<()>> {
        let oid = &relation.oid;
        let sql = format!(
            "SELECT pg_catalog.format_type(s.seqtypid, NULL), s.seqstart, s.seqmin, s.seqmax, s.seqincrement,
                    CASE WHEN s.seqcycle THEN 'yes' ELSE 'no' END, s.seqcache
             FROM pg_catalog.pg_sequence s WHERE s.seqrelid = {oid}"
        );
        let Some(rows) = self.ask(&sql).await? else { return Ok(None) };
        let owner = format!(
            "SELECT concat(CASE d.deptype WHEN 'i' THEN 'Sequence for identity column: ' ELSE 'Owned by: ' END,
                    quote_ident(n.nspname), '.', quote_ident(c.relname), '.', quote_ident(a.attname))
             FROM pg_catalog.pg_depend d
             JOIN pg_catalog.pg_class c ON c.oid = d.refobjid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
             WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
               AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
               AND d.objid = {oid} AND d.objsubid = 0 AND d.deptype IN ('a', 'i')"
        );
        let Some(owner) = self.ask(&owner).await? else { return Ok(None) };
        let footers: Vec<String> = owner.iter().map(|row| row.text(0).to_owned()).collect();
        let heading = |(name, right): &(&str, bool)| Heading { name: (*name).to_owned(), right: *right };
        let headings: Vec<Heading> = [
            ("Type", false),
            ("Start", true),
            ("Minimum", true),
            ("Maximum", true),
            ("Increment", true),
            ("Cycles?", false),
            ("Cache", true),
        ]
        .iter()
        .map(heading)
        .collect();
        self.show_relation(relation, &headings, &rows, &footers)?;
        Ok(Some(()))
    }
}

/// What a column holds if nothing is said.
fn default(column: &Row) -> String {
    let expression = column.text(4);
    match (column.text(5), column.text(6)) {
        ("a", _) => "generated always as identity".into(),
        ("d", _) => "generated by default as identity".into(),
        (_, "s") => format!("generated always as ({expression}) stored"),
        _ => expression.to_owned(),
    }
}

/// Names below each other, with the label before the first.
fn indented(label: &str, rows: &[Row], footers: &mut Vec<String>) {
    for (at, row) in rows.iter().enumerate() {
        let label = if at == 0 { label.to_owned() } else { " ".repeat(label.len()) };
        let comma = if at + 1 < rows.len() { "," } else { "" };
        footers.push(format!("{label}{}{comma}", row.text(0)));
    }
}
