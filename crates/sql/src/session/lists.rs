//! SHOW of lists that Atoll has and PostgreSQL has not: queries of its own views by shorter names.

use atoll_datum::{Error, Result};
use atoll_syntax::ast::{Name, ObjectKind, QualifiedName, Show, Statement};
use atoll_syntax::print;

/// The query that a statement stands for, if it stands for one.
pub(super) fn spelled_out(statement: Statement) -> Result<Statement> {
    let query = match &statement {
        Statement::Show(Show::Parameter(list)) if list.as_str() == "nodes" => {
            "SELECT * FROM pg_catalog.atoll_nodes".to_owned()
        }
        Statement::Show(Show::Parameter(list)) if list.as_str() == "ranges" => {
            "SELECT * FROM pg_catalog.atoll_ranges".to_owned()
        }
        Statement::Show(Show::Ranges { of: ObjectKind::Table, name }) => {
            let relation = format!("{}::pg_catalog.regclass::pg_catalog.oid", literal(name));
            format!("SELECT * FROM pg_catalog.atoll_ranges WHERE {relation} = ANY (relations)")
        }
        Statement::Show(Show::Ranges { .. }) => {
            let error = Error::unsupported("SHOW RANGES of an index or a database");
            return Err(error.hint("SHOW RANGES lists all of them, SHOW RANGES FROM TABLE those of a table."));
        }
        _ => return Ok(statement),
    };
    let parsed = atoll_syntax::parse(&query)?.pop();
    parsed.map(|parsed| parsed.statement).ok_or_else(|| Error::internal("a list is no query"))
}

/// The name as regclass reads it.
fn literal(name: &QualifiedName) -> String {
    let parts: Vec<String> = name.iter().map(|part: &Name| print::identifier(part.as_str())).collect();
    format!("'{}'", parts.join(".").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str) -> Result<String> {
        let statement = atoll_syntax::parse(sql).unwrap().pop().unwrap().statement;
        spelled_out(statement).map(|statement| print::statement(&statement))
    }

    #[test]
    fn lists_are_queries() {
        assert!(of("show nodes").unwrap().contains("atoll_nodes"));
        assert!(of("SHOW RANGES").unwrap().contains("atoll_ranges"));
        let of_table = of("show ranges from table s.\"it's\"").unwrap();
        assert!(of_table.contains("'s.\"it''s\"'"), "{of_table}");
        assert_eq!(of("show timezone").unwrap().to_lowercase(), "show timezone");
        assert!(of("show ranges from index i").is_err());
    }
}
