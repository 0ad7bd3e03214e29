//! Errors that reach a client: state, message, detail and hint in PostgreSQL's words.

use std::fmt;

use crate::sqlstate::{self, SqlState};

pub type Result<T> = std::result::Result<T, Error>;

/// One pointer wide, because it travels through every function.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Fields>);

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fields {
    pub state: SqlState,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// Of a byte in the statement's text. The protocol wants a character counted from one; whoever has the text converts.
    pub position: Option<usize>,
    pub context: Option<String>,
    pub schema: Option<String>,
    pub table: Option<String>,
    pub column: Option<String>,
    pub data_type: Option<String>,
    pub constraint: Option<String>,
}

impl Error {
    pub fn new(state: SqlState, message: impl Into<String>) -> Error {
        let (message, none) = (message.into(), None);
        Error(Box::new(Fields {
            state,
            message,
            detail: None,
            hint: None,
            position: None,
            context: None,
            schema: None,
            table: None,
            column: None,
            data_type: None,
            constraint: none,
        }))
    }

    /// 0A000: PostgreSQL has it and Atoll has not. `what` completes "... is not supported".
    pub fn unsupported(what: impl fmt::Display) -> Error {
        Error::new(sqlstate::FEATURE_NOT_SUPPORTED, format!("{what} is not supported"))
    }

    /// XX000: a state that can't be, in one statement; the session goes on.
    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(sqlstate::INTERNAL_ERROR, message)
    }

    /// 22P02, as every input function says it.
    pub fn invalid_input(type_name: &str, text: &str) -> Error {
        Error::new(
            sqlstate::INVALID_TEXT_REPRESENTATION,
            format!("invalid input syntax for type {type_name}: \"{text}\""),
        )
    }

    /// 22003, "integer out of range".
    pub fn out_of_range(type_name: &str) -> Error {
        Error::new(sqlstate::NUMERIC_VALUE_OUT_OF_RANGE, format!("{type_name} out of range"))
    }

    pub fn division_by_zero() -> Error {
        Error::new(sqlstate::DIVISION_BY_ZERO, "division by zero")
    }

    pub fn detail(mut self, detail: impl Into<String>) -> Error {
        self.0.detail = Some(detail.into());
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hint = Some(hint.into());
        self
    }

    pub fn context(mut self, context: impl Into<String>) -> Error {
        self.0.context = Some(context.into());
        self
    }

    /// Keeps a position that is already known: the innermost is the most exact.
    pub fn at(mut self, position: usize) -> Error {
        self.0.position.get_or_insert(position);
        self
    }

    pub fn without_position(mut self) -> Error {
        self.0.position = None;
        self
    }

    pub fn state(&self) -> SqlState {
        self.0.state
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn fields(&self) -> &Fields {
        &self.0
    }

    pub fn fields_mut(&mut self) -> &mut Fields {
        &mut self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {}
