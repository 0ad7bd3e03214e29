//! `int2vector` and `oidvector`: arrays of one dimension that count from 0 and look like `1 2 3`.

use std::sync::Arc;

use crate::array::{Array, Dimension};
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::Settings;
use crate::io::{Form, TypeIo, malformed};
use crate::oid::{self, Oid};

pub const INT2_IO: TypeIo = TypeIo {
    parse: |text, _, settings| parse(text, oid::INT2, settings),
    format,
    receive: |bytes, _| receive(bytes, oid::INT2_ARRAY),
    send: |value, out| send(value, oid::INT2_ARRAY, out),
};

pub const OID_IO: TypeIo = TypeIo {
    parse: |text, _, settings| parse(text, oid::OID, settings),
    format,
    receive: |bytes, _| receive(bytes, oid::OID_ARRAY),
    send: |value, out| send(value, oid::OID_ARRAY, out),
};

fn form(of: Oid) -> Result<Form> {
    Form::of(of).ok_or_else(|| Error::unsupported(format!("type {of}")))
}

fn parse(text: &str, element_type: Oid, settings: &Settings) -> Result<Datum> {
    let element = form(element_type)?;
    let elements = text.split_ascii_whitespace().map(|item| element.parse(item, -1, settings));
    let elements = elements.collect::<Result<Vec<_>>>()?;
    let length = elements.len().try_into().unwrap_or(i32::MAX);
    let array = Array::with_dimensions(element_type, vec![Dimension { length, lower: 0 }], elements)?;
    Ok(Datum::Array(Arc::new(array)))
}

fn format(value: &Datum, settings: &Settings, out: &mut String) {
    let Datum::Array(array) = value else { panic!("an array is wanted, not {value:?}") };
    for (at, element) in array.elements().iter().enumerate() {
        out.push_str(if at > 0 { " " } else { "" });
        super::record::format_any(array.element_type(), element, settings, out);
    }
}

fn receive(bytes: &[u8], array_type: Oid) -> Result<Datum> {
    match form(array_type)?.receive(bytes, -1)? {
        Datum::Array(array) if array.dimensions().len() <= 1 => Ok(Datum::Array(array)),
        _ => Err(malformed("vector")),
    }
}

fn send(value: &Datum, array_type: Oid, out: &mut Vec<u8>) {
    if let Some(form) = Form::of(array_type) {
        form.send(value, out);
    }
}
