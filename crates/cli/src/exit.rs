//! Exit codes, for scripts. The list for users stands in `atoll --help`.

use atoll_server::Error;

use crate::output::Enough;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    Done = 0,
    Failed = 1,
    // 2 is clap's, for wrong arguments.
    Locked = 3,
    Version = 4,
    Unusable = 5,
    Full = 6,
    Damaged = 7,
    Address = 8,
    Stopped = 9,
    Lost = 10,
}

/// Says what went wrong, on stderr, and which code that is.
pub fn failed(error: &anyhow::Error) -> Code {
    if error.is::<Enough>() {
        return Code::Done;
    }
    eprintln!("atoll: {error:#}");
    match error.downcast_ref::<Error>() {
        Some(Error::Locked { .. }) => Code::Locked,
        Some(Error::Version(_)) => Code::Version,
        Some(Error::Unusable(_)) => Code::Unusable,
        Some(Error::Full { .. }) => Code::Full,
        Some(Error::Damaged(_)) => Code::Damaged,
        Some(Error::Address(_)) => Code::Address,
        Some(Error::Stopped(_)) => Code::Stopped,
        Some(Error::Failed(_)) | None => Code::Failed,
    }
}
