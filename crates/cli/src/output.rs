//! Lines on stdout. Whoever reads them may stop reading (`| head`), which is neither a failure nor a bug: [`say`] then
//! returns [`Enough`], and the program tidies up and ends.

use std::error::Error;
use std::fmt::{self, Display};
use std::io::{ErrorKind, Write, stdout};

use anyhow::{Context, Result};

/// Nobody reads on.
#[derive(Debug)]
pub struct Enough;

impl Display for Enough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody reads stdout any more")
    }
}

impl Error for Enough {}

pub fn say(line: impl Display) -> Result<()> {
    match writeln!(stdout(), "{line}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Enough.into()),
        written => written.context("write to stdout"),
    }
}
