//! Licence expressions (SPDX): is an expression satisfied by a set of accepted licences?
//!
//! ```text
//! expression = term   { OR term }          any of them will do
//! term       = factor { AND factor }       all of them bind
//! factor     = id [ WITH exception ] | ( expression )
//! ```
//! An accepted licence is `id` or `id WITH exception`, letter by letter. The old form `MIT/Apache-2.0` means OR.
//! It does not know the list of all licences: one that is not accepted is refused, known or not.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

/// Does some reading of `expression` need nothing but `accepted` licences?
pub fn satisfied(expression: &str, accepted: &BTreeSet<String>) -> Result<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut parser = Parser { tokens: spaced.split_whitespace().collect(), at: 0, accepted };
    let verdict = parser.any()?;
    if parser.at < parser.tokens.len() {
        bail!("licence expression {expression:?} goes on after its end");
    }
    Ok(verdict)
}

struct Parser<'a> {
    tokens: Vec<&'a str>,
    at: usize,
    accepted: &'a BTreeSet<String>,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<bool> {
        let mut verdict = self.all()?;
        while self.take("OR") {
            verdict |= self.all()?;
        }
        Ok(verdict)
    }

    fn all(&mut self) -> Result<bool> {
        let mut verdict = self.one()?;
        while self.take("AND") {
            verdict &= self.one()?;
        }
        Ok(verdict)
    }

    fn one(&mut self) -> Result<bool> {
        if self.take("(") {
            let verdict = self.any()?;
            if !self.take(")") {
                bail!("licence expression {:?} lacks a closing bracket", self.tokens.join(" "));
            }
            return Ok(verdict);
        }
        let id = self.word()?;
        let full = if self.take("WITH") { format!("{id} WITH {}", self.word()?) } else { id.to_owned() };
        Ok(self.accepted.contains(&full))
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.tokens.get(self.at) == Some(&token);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self) -> Result<&'a str> {
        match self.tokens.get(self.at) {
            Some(word) if !["(", ")", "OR", "AND", "WITH"].contains(word) => {
                self.at += 1;
                Ok(word)
            }
            _ => bail!("licence expression {:?} lacks a licence", self.tokens.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(expression: &str) -> bool {
        let accepted = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"];
        satisfied(expression, &accepted.into_iter().map(str::to_owned).collect()).unwrap()
    }

    #[test]
    fn and_binds_tighter_than_or() {
        assert!(ok("MIT"));
        assert!(ok("GPL-3.0 OR MIT"));
        assert!(ok("GPL-3.0/MIT"));
        assert!(!ok("GPL-3.0 AND MIT"));
        assert!(ok("GPL-3.0 AND Zlib OR MIT"));
        assert!(!ok("(GPL-3.0 OR MIT) AND Unicode-3.0"));
        assert!(ok("(MIT OR Apache-2.0) AND (MIT OR Zlib)"));
    }

    #[test]
    fn an_exception_is_part_of_the_licence() {
        assert!(ok("Apache-2.0 WITH LLVM-exception"));
        assert!(!ok("MIT WITH LLVM-exception"));
        assert!(ok("GPL-2.0 WITH Classpath-exception-2.0 OR MIT"));
    }

    #[test]
    fn a_broken_expression_is_an_error_and_no_licence() {
        for broken in ["", "MIT OR", "(MIT", "MIT)", "MIT Apache-2.0", "AND MIT"] {
            assert!(satisfied(broken, &BTreeSet::from(["MIT".to_owned()])).is_err(), "{broken:?}");
        }
    }
}
