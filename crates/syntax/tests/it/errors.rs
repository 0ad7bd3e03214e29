//! What isn't a statement is refused in PostgreSQL's words, at PostgreSQL's position.
//!
//! `errors.txt` was filled in by PostgreSQL 15 itself.

use atoll_syntax::parse;

#[test]
fn errors_are_postgresqls() {
    let mut lines = include_str!("../errors.txt").lines().filter(|line| !line.starts_with("--"));
    let (mut checked, mut wrong) = (0, Vec::new());
    while let (Some(line), Some(expected)) = (lines.next(), lines.next()) {
        // A line break is written as two characters. An escape that looks like one has none in this file.
        let sql = line.replace("\\n'", "\n'");
        let found = match parse(&sql) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => {
                let fields = error.fields();
                let position = match fields.position {
                    Some(position) => (sql[..position].chars().count() + 1).to_string(),
                    None => "-".to_owned(),
                };
                let hint = fields.hint.as_ref().map_or(String::new(), |hint| format!(" / {hint}"));
                format!("{} {position} {}{hint}", fields.state, fields.message.replace('\n', "\\n"))
            }
        };
        if found != expected.trim_start() {
            wrong.push(format!("{line}\n  expected {}\n  found    {found}", expected.trim_start()));
        }
        checked += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 200, "{checked}");
}
