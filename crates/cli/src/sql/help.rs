//! `\?` and `\h`: the shell's own words.
//!
//! The list of statements holds no more than the server understands: a test has its parser read every example.

pub const WELCOME: &str = "\
You are using atoll sql, the shell of Atoll, a distributed SQL database.
Type:  \\h for help with SQL commands
       \\? for help with the shell's commands
       \\g or terminate with semicolon to execute query
       \\q to quit";

pub fn commands() -> &'static str {
    "\
Statements
  ;  \\g [(OPTIONS)] [FILE|'|'COMMAND]   send the statement; the answer goes to a file or a command
  \\gx                    the same, expanded
  \\gset [PREFIX]         the answer's one row becomes variables
  \\gdesc                 the answer's columns, without running the statement
  \\gexec                 run every value of the answer as a statement
  \\watch [SECONDS]       again and again, until Ctrl-C
  \\p  \\r  \\w FILE        show, forget, save the statement that is being written
  \\e [FILE]              edit it with $EDITOR
  \\s [FILE]              show or save the history
  \\errverbose            the last error with everything known of it

What there is (S adds the system's own, + adds columns, * and ? match any letters)
  \\d [PATTERN]           relations; with a pattern each in full
  \\dt \\dv \\dm \\di \\ds    tables, views, materialized views, indexes, sequences
  \\l \\dn \\df \\dT \\dD     databases, schemas, functions, types, domains
  \\du \\dg \\dp \\z         roles, privileges
  \\da \\do \\dx \\db       aggregates, operators, extensions, tablespaces
  \\dconfig \\ddp         settings, default privileges
  \\sf FUNCTION  \\sv VIEW   the statement that makes it

How answers look
  \\x [on|off|auto]       expanded: a line for each value
  \\t [on|off]            tuples only: without headings and numbers of rows
  \\a  \\f [STRING]        aligned or not; the separator of unaligned fields
  \\pset [NAME [VALUE]]   border, csv_fieldsep, expanded, fieldsep, footer, format,
                        linestyle, null, pager, recordsep, title, tuples_only
  \\timing [on|off]       how long each statement takes

Files
  \\i FILE  \\ir FILE      obey a file; the latter beside the script that says so
  \\o [FILE|'|'COMMAND]   answers go there
  \\copy …                COPY with a file of this machine
  \\echo  \\qecho  \\warn   say something on standard output, among the answers, on standard error
  \\cd [DIR]  \\! [COMMAND]   change the directory, run a command of the system

Variables and conditions
  \\set [NAME [VALUE]]  \\unset NAME  \\prompt [TEXT] NAME  \\getenv NAME ENVVAR
  :NAME  :'NAME'  :\"NAME\"  :{?NAME}   the value as it is, as a literal, as an identifier; whether there is one
  \\if EXPRESSION  \\elif EXPRESSION  \\else  \\endif

Connection
  \\c [DATABASE|- [USER|- [HOST|- [PORT|-]]]]  \\c URL
  \\conninfo  \\encoding  \\password [USER]
  \\q                     quit"
}

/// Name, shape, and an example that the server's parser takes.
const STATEMENTS: [(&str, &str, &str); 51] = [
    (
        "ALTER DATABASE",
        "ALTER DATABASE name { SET setting { TO | = } value | RESET setting | RENAME TO name | OWNER TO role }",
        "ALTER DATABASE a RENAME TO b",
    ),
    ("ALTER INDEX", "ALTER INDEX [ IF EXISTS ] name RENAME TO name", "ALTER INDEX a RENAME TO b"),
    (
        "ALTER ROLE",
        "ALTER ROLE name { [ WITH ] option [ ... ] | RENAME TO name | SET setting { TO | = } value }",
        "ALTER ROLE a LOGIN",
    ),
    ("ALTER SCHEMA", "ALTER SCHEMA name { RENAME TO name | OWNER TO role }", "ALTER SCHEMA a RENAME TO b"),
    (
        "ALTER SEQUENCE",
        "ALTER SEQUENCE [ IF EXISTS ] name [ INCREMENT n ] [ MINVALUE n ] [ MAXVALUE n ] [ RESTART [ n ] ] [ CACHE n ] [ [ NO ] CYCLE ] [ OWNED BY column ]",
        "ALTER SEQUENCE a RESTART",
    ),
    (
        "ALTER TABLE",
        "ALTER TABLE [ IF EXISTS ] name { ADD [ COLUMN ] column type [ constraint ... ] | DROP [ COLUMN ] column [ CASCADE ]\n    | ALTER [ COLUMN ] column { TYPE type [ USING expression ] | SET DEFAULT expression | DROP DEFAULT | { SET | DROP } NOT NULL }\n    | ADD constraint | DROP CONSTRAINT name | RENAME [ COLUMN ] column TO name | RENAME TO name | SET SCHEMA schema | OWNER TO role } [, ... ]",
        "ALTER TABLE a ADD COLUMN b int",
    ),
    (
        "ALTER TYPE",
        "ALTER TYPE name { ADD VALUE label [ { BEFORE | AFTER } label ] | RENAME VALUE label TO label | RENAME TO name | SET SCHEMA schema }",
        "ALTER TYPE a ADD VALUE 'b'",
    ),
    (
        "ALTER VIEW",
        "ALTER VIEW [ IF EXISTS ] name { RENAME TO name | SET SCHEMA schema | OWNER TO role }",
        "ALTER VIEW a RENAME TO b",
    ),
    ("ANALYZE", "ANALYZE [ VERBOSE ] [ table [ ( column [, ...] ) ] [, ...] ]", "ANALYZE a"),
    (
        "BEGIN",
        "BEGIN [ TRANSACTION ] [ ISOLATION LEVEL { SERIALIZABLE | REPEATABLE READ | READ COMMITTED } ] [ READ WRITE | READ ONLY ]",
        "BEGIN ISOLATION LEVEL SERIALIZABLE",
    ),
    ("CLOSE", "CLOSE { cursor | ALL }", "CLOSE ALL"),
    ("COMMENT", "COMMENT ON object IS { 'text' | NULL }", "COMMENT ON TABLE a IS 'b'"),
    ("COMMIT", "COMMIT [ AND [ NO ] CHAIN ]", "COMMIT"),
    (
        "COPY",
        "COPY { table [ ( column [, ...] ) ] | ( query ) } { FROM STDIN | TO STDOUT } [ [ WITH ] ( option [, ...] ) ]",
        "COPY a TO STDOUT",
    ),
    ("CREATE DATABASE", "CREATE DATABASE name [ [ WITH ] OWNER role ] [ TEMPLATE name ]", "CREATE DATABASE a"),
    (
        "CREATE INDEX",
        "CREATE [ UNIQUE ] INDEX [ [ IF NOT EXISTS ] name ] ON table ( { column | ( expression ) } [ ASC | DESC ] [, ...] ) [ INCLUDE ( column [, ...] ) ] [ WHERE condition ]",
        "CREATE INDEX a ON b (c)",
    ),
    (
        "CREATE MATERIALIZED VIEW",
        "CREATE MATERIALIZED VIEW [ IF NOT EXISTS ] name AS query [ WITH [ NO ] DATA ]",
        "CREATE MATERIALIZED VIEW a AS SELECT 1",
    ),
    (
        "CREATE ROLE",
        "CREATE ROLE name [ [ WITH ] { SUPERUSER | CREATEDB | CREATEROLE | INHERIT | LOGIN | PASSWORD 'password' | VALID UNTIL 'time' | IN ROLE role } [ ... ] ]",
        "CREATE ROLE a LOGIN",
    ),
    ("CREATE SCHEMA", "CREATE SCHEMA [ IF NOT EXISTS ] name [ AUTHORIZATION role ]", "CREATE SCHEMA a"),
    (
        "CREATE SEQUENCE",
        "CREATE SEQUENCE [ IF NOT EXISTS ] name [ AS type ] [ INCREMENT n ] [ MINVALUE n ] [ MAXVALUE n ] [ START n ] [ CACHE n ] [ [ NO ] CYCLE ]",
        "CREATE SEQUENCE a",
    ),
    (
        "CREATE TABLE",
        "CREATE TABLE [ IF NOT EXISTS ] name ( { column type [ NOT NULL ] [ DEFAULT expression ] [ PRIMARY KEY ] [ UNIQUE ]\n    [ CHECK ( expression ) ] [ REFERENCES table [ ( column ) ] ] [ GENERATED ... ] | table constraint } [, ... ] )",
        "CREATE TABLE a (b int PRIMARY KEY)",
    ),
    (
        "CREATE TABLE AS",
        "CREATE TABLE [ IF NOT EXISTS ] name AS query [ WITH [ NO ] DATA ]",
        "CREATE TABLE a AS SELECT 1",
    ),
    ("CREATE TYPE", "CREATE TYPE name AS ENUM ( [ 'label' [, ...] ] )", "CREATE TYPE a AS ENUM ('b')"),
    ("CREATE VIEW", "CREATE [ OR REPLACE ] VIEW name [ ( column [, ...] ) ] AS query", "CREATE VIEW a AS SELECT 1"),
    ("DEALLOCATE", "DEALLOCATE { name | ALL }", "DEALLOCATE ALL"),
    (
        "DECLARE",
        "DECLARE name [ [ NO ] SCROLL ] CURSOR [ { WITH | WITHOUT } HOLD ] FOR query",
        "DECLARE a CURSOR FOR SELECT 1",
    ),
    (
        "DELETE",
        "DELETE FROM table [ [ AS ] alias ] [ USING from_item [, ...] ] [ WHERE condition ] [ RETURNING expression [, ...] ]",
        "DELETE FROM a",
    ),
    ("DISCARD", "DISCARD { ALL | PLANS | SEQUENCES | TEMP }", "DISCARD ALL"),
    (
        "DROP",
        "DROP { DATABASE | INDEX | MATERIALIZED VIEW | ROLE | SCHEMA | SEQUENCE | TABLE | TYPE | VIEW } [ IF EXISTS ] name [, ...] [ CASCADE | RESTRICT ]",
        "DROP TABLE a CASCADE",
    ),
    ("EXECUTE", "EXECUTE name [ ( value [, ...] ) ]", "EXECUTE a(1)"),
    ("EXPLAIN", "EXPLAIN [ ( option [, ...] ) ] [ ANALYZE ] [ VERBOSE ] statement", "EXPLAIN SELECT 1"),
    ("FETCH", "FETCH [ direction { FROM | IN } ] cursor", "FETCH NEXT FROM a"),
    (
        "GRANT",
        "GRANT { privilege [, ...] ON object TO role [, ...] [ WITH GRANT OPTION ] | role [, ...] TO role [, ...] }",
        "GRANT SELECT ON a TO b",
    ),
    (
        "INSERT",
        "INSERT INTO table [ ( column [, ...] ) ] { DEFAULT VALUES | VALUES ( expression [, ...] ) [, ...] | query }\n    [ ON CONFLICT [ target ] { DO NOTHING | DO UPDATE SET column = expression [, ...] [ WHERE condition ] } ]\n    [ RETURNING expression [, ...] ]",
        "INSERT INTO a VALUES (1)",
    ),
    ("LOCK", "LOCK [ TABLE ] table [, ...] [ IN mode MODE ] [ NOWAIT ]", "LOCK TABLE a"),
    ("PREPARE", "PREPARE name [ ( type [, ...] ) ] AS statement", "PREPARE a AS SELECT 1"),
    (
        "REFRESH MATERIALIZED VIEW",
        "REFRESH MATERIALIZED VIEW [ CONCURRENTLY ] name [ WITH [ NO ] DATA ]",
        "REFRESH MATERIALIZED VIEW a",
    ),
    ("RELEASE SAVEPOINT", "RELEASE [ SAVEPOINT ] name", "RELEASE SAVEPOINT a"),
    ("RESET", "RESET { setting | ALL }", "RESET ALL"),
    (
        "REVOKE",
        "REVOKE [ GRANT OPTION FOR ] { privilege [, ...] ON object | role [, ...] } FROM role [, ...] [ CASCADE ]",
        "REVOKE SELECT ON a FROM b",
    ),
    ("ROLLBACK", "ROLLBACK [ TO [ SAVEPOINT ] name ]", "ROLLBACK TO SAVEPOINT a"),
    ("SAVEPOINT", "SAVEPOINT name", "SAVEPOINT a"),
    (
        "SELECT",
        "[ WITH [ RECURSIVE ] name AS ( query ) [, ...] ]\nSELECT [ ALL | DISTINCT [ ON ( expression [, ...] ) ] ] expression [ [ AS ] name ] [, ...]\n    [ FROM from_item [, ...] ] [ WHERE condition ] [ GROUP BY element [, ...] ] [ HAVING condition ] [ WINDOW name AS ( definition ) ]\n    [ { UNION | INTERSECT | EXCEPT } [ ALL ] query ] [ ORDER BY expression [ ASC | DESC ] [ NULLS { FIRST | LAST } ] [, ...] ]\n    [ LIMIT count ] [ OFFSET start ] [ FOR { UPDATE | SHARE } [ NOWAIT | SKIP LOCKED ] ]",
        "SELECT 1",
    ),
    ("SET", "SET [ SESSION | LOCAL ] setting { TO | = } { value | DEFAULT }", "SET a.b TO 1"),
    ("SET ROLE", "SET [ SESSION | LOCAL ] ROLE { role | NONE }", "SET ROLE a"),
    (
        "SET TRANSACTION",
        "SET TRANSACTION [ ISOLATION LEVEL level ] [ READ WRITE | READ ONLY ]",
        "SET TRANSACTION READ ONLY",
    ),
    ("SHOW", "SHOW { setting | ALL }", "SHOW ALL"),
    ("TRUNCATE", "TRUNCATE [ TABLE ] table [, ...] [ RESTART IDENTITY | CONTINUE IDENTITY ] [ CASCADE ]", "TRUNCATE a"),
    (
        "UPDATE",
        "UPDATE table [ [ AS ] alias ] SET column = expression [, ...] [ FROM from_item [, ...] ] [ WHERE condition ] [ RETURNING expression [, ...] ]",
        "UPDATE a SET b = 1",
    ),
    ("VACUUM", "VACUUM [ ANALYZE ] [ table [, ...] ]", "VACUUM a"),
    ("VALUES", "VALUES ( expression [, ...] ) [, ...] [ ORDER BY ... ] [ LIMIT ... ]", "VALUES (1)"),
];

/// Names of all statements, for completion.
pub fn statements() -> Vec<String> {
    STATEMENTS.iter().map(|(name, ..)| (*name).to_owned()).collect()
}

/// The words that a statement can begin with.
pub fn first_words() -> Vec<String> {
    let firsts = STATEMENTS.iter().filter_map(|(name, ..)| name.split(' ').next());
    let mut words: Vec<String> = firsts.chain(["END", "START", "TABLE", "WITH"]).map(str::to_owned).collect();
    words.dedup();
    words
}

pub fn of_statement(about: &str) -> String {
    let about = about.trim_end_matches(';').trim().to_uppercase();
    if about.is_empty() {
        let mut text = String::from("Available help:\n");
        for (at, (name, ..)) in STATEMENTS.iter().enumerate() {
            let line_ends = at % 3 == 2 || at + 1 == STATEMENTS.len();
            text.push_str(&format!(
                "  {}{}",
                if line_ends { (*name).to_owned() } else { format!("{name:26}") },
                if line_ends { "\n" } else { "" }
            ));
        }
        return text.trim_end().to_owned();
    }
    let about = about.trim_end_matches('*').trim_end();
    let shown: Vec<String> = STATEMENTS
        .iter()
        .filter(|(name, ..)| name.starts_with(about))
        .map(|(name, shape, _)| format!("Command:     {name}\nSyntax:\n{shape}\n"))
        .collect();
    match shown.is_empty() {
        true => format!("No help available for \"{about}\".\nTry \\h with no arguments to see available help."),
        false => shown.join("\n").trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use atoll_syntax::ast::Statement;

    #[test]
    fn the_server_takes_every_statement_that_is_listed() {
        for (name, _, example) in STATEMENTS {
            let parsed = atoll_syntax::parse(example).unwrap_or_else(|error| panic!("{name}: {error:?}"));
            for statement in parsed.iter() {
                assert!(!matches!(statement.statement, Statement::Unsupported { .. }), "{name}");
            }
        }
        assert!(STATEMENTS.is_sorted_by_key(|(name, ..)| *name));
    }

    #[test]
    fn help_is_found_by_the_beginning_of_a_name() {
        assert!(of_statement("create ta").contains("CREATE TABLE AS"));
        assert!(of_statement("select;").starts_with("Command:     SELECT\n"));
        assert!(of_statement("nonsense").starts_with("No help"));
        assert!(of_statement("").contains("TRUNCATE"));
    }
}
