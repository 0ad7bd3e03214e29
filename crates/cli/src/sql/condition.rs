//! `\if`, `\elif`, `\else`, `\endif`: which lines of a script count.

use super::scanner::Scanner;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Branch {
    /// These lines count.
    Taken,
    /// A later branch may.
    Waiting,
    /// An earlier branch did, or nothing around it counts.
    Done,
}

struct Level {
    branch: Branch,
    seen_else: bool,
    /// What the statement was before this branch: what a branch that doesn't count adds is taken back.
    length: usize,
    parentheses: usize,
}

#[derive(Default)]
pub struct Conditions {
    levels: Vec<Level>,
}

impl Conditions {
    /// Whether what comes now counts.
    pub fn active(&self) -> bool {
        self.levels.last().is_none_or(|level| level.branch == Branch::Taken)
    }

    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// Whether what stands behind `\if` or `\elif` decides anything here: if not, it is not even looked at.
    pub fn matters(&self, name: &str) -> bool {
        match name {
            "if" => self.active(),
            "elif" => self.levels.last().is_some_and(|level| level.branch == Branch::Waiting && !level.seen_else),
            _ => false,
        }
    }

    pub fn begin(&mut self, statement: &str, scanner: &Scanner, holds: bool) {
        let branch = match self.active() {
            false => Branch::Done,
            true if holds => Branch::Taken,
            true => Branch::Waiting,
        };
        let (length, parentheses) = (statement.len(), scanner.parentheses());
        self.levels.push(Level { branch, seen_else: false, length, parentheses });
    }

    pub fn or_if(&mut self, statement: &mut String, scanner: &mut Scanner, holds: bool) -> Result<(), String> {
        self.leave_branch(statement, scanner);
        let level = self.levels.last_mut().ok_or("\\elif: no matching \\if")?;
        if level.seen_else {
            return Err("\\elif: cannot occur after \\else".into());
        }
        level.branch = match level.branch {
            Branch::Waiting if holds => Branch::Taken,
            Branch::Waiting => Branch::Waiting,
            Branch::Taken | Branch::Done => Branch::Done,
        };
        Ok(())
    }

    pub fn or_else(&mut self, statement: &mut String, scanner: &mut Scanner) -> Result<(), String> {
        self.leave_branch(statement, scanner);
        let level = self.levels.last_mut().ok_or("\\else: no matching \\if")?;
        if level.seen_else {
            return Err("\\else: cannot occur after \\else".into());
        }
        level.seen_else = true;
        level.branch = if level.branch == Branch::Waiting { Branch::Taken } else { Branch::Done };
        Ok(())
    }

    pub fn end(&mut self, statement: &mut String, scanner: &mut Scanner) -> Result<(), String> {
        self.leave_branch(statement, scanner);
        self.levels.pop().map(drop).ok_or_else(|| "\\endif: no matching \\if".to_owned())
    }

    fn leave_branch(&mut self, statement: &mut String, scanner: &mut Scanner) {
        match self.levels.last_mut() {
            Some(level) if level.branch == Branch::Taken => {
                (level.length, level.parentheses) = (statement.len(), scanner.parentheses());
            }
            Some(level) => {
                statement.truncate(level.length);
                scanner.set_parentheses(level.parentheses);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_branch_counts() {
        for (values, expected) in [
            ([true, true], [true, false, false]),
            ([false, true], [false, true, false]),
            ([false, false], [false, false, true]),
        ] {
            let (mut conditions, mut statement, mut scanner) =
                (Conditions::default(), String::new(), Scanner::default());
            let mut seen = Vec::new();
            conditions.begin(&statement, &scanner, values[0]);
            seen.push(conditions.active());
            conditions.or_if(&mut statement, &mut scanner, values[1]).unwrap();
            seen.push(conditions.active());
            conditions.or_else(&mut statement, &mut scanner).unwrap();
            seen.push(conditions.active());
            assert!(conditions.or_else(&mut statement, &mut scanner).is_err());
            conditions.end(&mut statement, &mut scanner).unwrap();
            assert_eq!(seen, expected);
            assert!(conditions.end(&mut statement, &mut scanner).is_err() && conditions.is_empty());
        }
    }

    #[test]
    fn what_does_not_count_leaves_nothing() {
        let (mut conditions, mut statement, mut scanner) =
            (Conditions::default(), String::from("select "), Scanner::default());
        conditions.begin(&statement, &scanner, false);
        statement.push_str("(1");
        scanner.set_parentheses(1);
        conditions.begin(&statement, &scanner, true);
        assert!(!conditions.active());
        conditions.end(&mut statement, &mut scanner).unwrap();
        conditions.or_else(&mut statement, &mut scanner).unwrap();
        assert_eq!((&statement[..], scanner.parentheses()), ("select ", 0));
        statement.push_str("2;");
        conditions.end(&mut statement, &mut scanner).unwrap();
        assert_eq!(statement, "select 2;");
    }
}
