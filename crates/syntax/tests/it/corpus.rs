//! Hundreds of statements: read, printed, and read again.
//!
//! `corpus.sql` holds one statement a line, all of them accepted by PostgreSQL 15's grammar; `corpus_atoll.sql` what is
//! Atoll's own.

use atoll_syntax::ast::Statement;
use atoll_syntax::{parse, print};

fn statements() -> Vec<String> {
    [include_str!("../corpus.sql"), include_str!("../corpus_atoll.sql")]
        .iter()
        .flat_map(|text| text.lines())
        .filter(|line| !line.is_empty() && !line.starts_with("--"))
        .map(|line| line.replace("\\n", "\n"))
        .collect()
}

#[test]
fn print_is_the_inverse_of_parse() {
    let mut read = 0;
    let mut wrong = Vec::new();
    for sql in statements() {
        let parsed = parse(&sql).unwrap_or_else(|error| panic!("{sql}\n{error:?}"));
        assert_eq!(parsed.len(), 1, "{sql}");
        assert_eq!((parsed[0].start.0, parsed[0].end.0 as usize), (0, sql.len()), "{sql}");
        if matches!(parsed[0].statement, Statement::Unsupported { .. }) {
            continue;
        }
        let printed = print::statement(&parsed[0].statement);
        match parse(&printed).as_deref() {
            Ok([again]) if again.statement == parsed[0].statement && print::statement(&again.statement) == printed => {
                read += 1;
            }
            other => {
                wrong.push(format!("{sql}\n  {printed}\n  {:?}", other.map(|_| ()).map_err(|error| error.message())))
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(read > 650, "{read}");
}
