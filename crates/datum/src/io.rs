//! Text and binary forms of every type: what its input, output, receive and send functions do.
//!
//! Each family's module lists its types in a table `IO`; arrays and enums are built from the forms of others.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use crate::builtin::builtin;
use crate::datum::{Datum, EnumType};
use crate::error::{Error, Result};
use crate::function::Settings;
use crate::misc::record;
use crate::oid::{OID, Oid};
use crate::{array, sqlstate};

/// The four functions of a type. `modifier` is the type modifier as in pg_attribute (-1: none): a length, a precision;
/// a value that doesn't fit is an error, as in an assignment. `format` and `send` are never given NULL.
#[derive(Clone, Copy, Debug)]
pub struct TypeIo {
    pub parse: fn(&str, i32, &Settings) -> Result<Datum>,
    pub format: fn(&Datum, &Settings, &mut String),
    pub receive: fn(&[u8], i32) -> Result<Datum>,
    pub send: fn(&Datum, &mut Vec<u8>),
}

pub type IoTable = &'static [(Oid, TypeIo)];

const TABLES: &[IoTable] = &[
    crate::number::IO,
    crate::numeric::IO,
    crate::text::IO,
    crate::bytes::IO,
    crate::time::IO,
    crate::json::IO,
    crate::misc::IO,
];

static BY_OID: LazyLock<HashMap<Oid, &'static TypeIo>> =
    LazyLock::new(|| TABLES.iter().flat_map(|table| table.iter()).map(|(oid, io)| (*oid, io)).collect());

/// What the forms of a type depend on.
#[derive(Clone, Debug)]
pub enum Form {
    Scalar(&'static TypeIo),
    Enum(Arc<EnumType>),
    Array(Arc<ArrayForm>),
    Named(Arc<dyn Names>),
    Record(Arc<RecordForm>),
}

/// Of the types whose values are oids and whose text are names, which only a catalog knows: `regclass` and the like.
pub trait Names: std::fmt::Debug + Send + Sync {
    fn parse(&self, text: &str) -> Result<Oid>;
    fn name(&self, oid: Oid) -> String;
}

#[derive(Clone, Debug)]
pub struct ArrayForm {
    pub element_type: Oid,
    pub element: Form,
    pub delimiter: u8,
}

/// Of the rows of a table's type, or of records whose fields somebody has listed.
#[derive(Clone, Debug)]
pub struct RecordForm {
    pub of: Oid,
    pub names: Arc<[Arc<str>]>,
    pub types: Arc<[Oid]>,
    /// Of each field, with its type's modifier.
    pub fields: Vec<(Form, i32)>,
}

impl Form {
    /// Of a built-in type, arrays included; none if Atoll has not got the type.
    pub fn of(oid: Oid) -> Option<Form> {
        if let Some(io) = BY_OID.get(&oid) {
            return Some(Form::Scalar(io));
        }
        let row = builtin().type_by_oid(oid).filter(|row| row.is_array())?;
        let element = Form::of(row.element)?;
        Some(Form::Array(Arc::new(ArrayForm { element_type: row.element, element, delimiter: row.delimiter })))
    }

    pub fn parse(&self, text: &str, modifier: i32, settings: &Settings) -> Result<Datum> {
        match self {
            Form::Scalar(io) => (io.parse)(text, modifier, settings),
            Form::Enum(of) => parse_enum(of, text),
            Form::Array(of) => array::parse(of, text, modifier, settings),
            Form::Named(names) => names.parse(text).map(Datum::Oid),
            Form::Record(of) => record::parse(of, text, settings),
        }
    }

    pub fn format(&self, value: &Datum, settings: &Settings, out: &mut String) {
        match (self, value) {
            (Form::Scalar(io), value) => (io.format)(value, settings, out),
            (Form::Enum(_), Datum::Enum(value)) => out.push_str(value.label()),
            (Form::Array(of), Datum::Array(value)) => array::format(of, value, settings, out),
            (Form::Named(names), Datum::Oid(value)) => out.push_str(&names.name(*value)),
            (Form::Record(_), value) => (record::IO.format)(value, settings, out),
            (form, value) => panic!("{value:?} has not the form {form:?}"),
        }
    }

    pub fn receive(&self, bytes: &[u8], modifier: i32) -> Result<Datum> {
        match self {
            Form::Scalar(io) => (io.receive)(bytes, modifier),
            Form::Enum(of) => {
                let text = std::str::from_utf8(bytes);
                parse_enum(of, text.map_err(|_| malformed("enum"))?)
            }
            Form::Array(of) => array::receive(of, bytes, modifier),
            Form::Named(_) => (BY_OID[&OID].receive)(bytes, modifier),
            Form::Record(of) => record::receive(of, bytes),
        }
    }

    pub fn send(&self, value: &Datum, out: &mut Vec<u8>) {
        match (self, value) {
            (Form::Scalar(io), value) => (io.send)(value, out),
            (Form::Enum(_), Datum::Enum(value)) => out.extend_from_slice(value.label().as_bytes()),
            (Form::Array(of), Datum::Array(value)) => array::send(of, value, out),
            (Form::Named(_), value) => (BY_OID[&OID].send)(value, out),
            (Form::Record(_), value) => (record::IO.send)(value, out),
            (form, value) => panic!("{value:?} has not the form {form:?}"),
        }
    }
}

fn parse_enum(of: &Arc<EnumType>, text: &str) -> Result<Datum> {
    let state = sqlstate::INVALID_TEXT_REPRESENTATION;
    let refused = || Error::new(state, format!("invalid input value for enum {}: \"{text}\"", of.name));
    of.by_label(text).map(Datum::Enum).ok_or_else(refused)
}

/// 22P03, for bytes that are not the binary form of the type.
pub fn malformed(type_name: &str) -> Error {
    Error::new(sqlstate::INVALID_BINARY_REPRESENTATION, format!("incorrect binary data format for type {type_name}"))
}
