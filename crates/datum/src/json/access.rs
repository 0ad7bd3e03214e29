//! Operators and functions that look into a `jsonb`.

use super::binary::{Jsonb, Kind, Node};
use super::{index_of, int_of, jsonb, optional_text, order, position, refused, text_of, texts_of, write};
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{self, Call};
use crate::numeric::Numeric;

fn json_or_null(node: Option<Node>) -> Datum {
    node.map_or(Datum::Null, |node| Datum::Jsonb(node.to_jsonb()))
}

fn text_or_null(node: Option<Node>) -> Datum {
    match node.and_then(Node::as_str) {
        Some(text) => Datum::text(text),
        None => optional_text(node.and_then(write::as_text)),
    }
}

fn field<'a>(arguments: &'a [Datum]) -> Option<Node<'a>> {
    jsonb(&arguments[0]).root().as_object()?.get(text_of(&arguments[1]))
}

pub fn object_field(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(json_or_null(field(arguments)))
}

pub fn object_field_text(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(text_or_null(field(arguments)))
}

fn element<'a>(arguments: &'a [Datum]) -> Option<Node<'a>> {
    let (root, index) = (jsonb(&arguments[0]).root(), int_of(&arguments[1]));
    match root.as_array() {
        Some(array) => array.get(position(index, array.len())?),
        // PostgreSQL stores a scalar as an array of one, and it shows here.
        None if !root.is_container() => position(index, 1).map(|_| root),
        None => None,
    }
}

pub fn array_element(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(json_or_null(element(arguments)))
}

pub fn array_element_text(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(text_or_null(element(arguments)))
}

fn step<'a>(node: Node<'a>, key: &str) -> Option<Node<'a>> {
    if let Some(object) = node.as_object() {
        return object.get(key);
    }
    let array = node.as_array()?;
    array.get(position(index_of(key)?, array.len())?)
}

fn at_path<'a>(arguments: &'a [Datum]) -> Option<Node<'a>> {
    texts_of(&arguments[1]).try_fold(jsonb(&arguments[0]).root(), |node, key| step(node, key?))
}

pub fn extract_path(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(json_or_null(at_path(arguments)))
}

pub fn extract_path_text(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(text_or_null(at_path(arguments)))
}

/// `json['a'][1]`: subscripts are `text` or `int4`. None where there is nothing, or a subscript is NULL.
pub fn get(json: &Jsonb, subscripts: &[Datum]) -> Option<Jsonb> {
    let mut node = json.root();
    for subscript in subscripts {
        node = match subscript {
            Datum::Text(key) => step(node, key)?,
            Datum::Int4(index) => step(node, &index.to_string())?,
            _ => return None,
        };
    }
    Some(node.to_jsonb())
}

pub fn array_length(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let root = jsonb(&arguments[0]).root();
    match root.as_array() {
        Some(array) => Ok(Datum::Int4(array.len() as i32)),
        None if root.is_container() => Err(refused("cannot get array length of a non-array")),
        None => Err(refused("cannot get array length of a scalar")),
    }
}

pub fn type_of(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::text(match jsonb(&arguments[0]).root().kind() {
        Kind::Null => "null",
        Kind::String => "string",
        Kind::Number => "number",
        Kind::Bool => "boolean",
        Kind::Array => "array",
        Kind::Object => "object",
    }))
}

pub fn pretty(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let mut out = String::new();
    write::pretty(jsonb(&arguments[0]).root(), 0, &mut out);
    Ok(Datum::text(out))
}

pub fn contains(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::Bool(order::contains(jsonb(&arguments[0]).root(), jsonb(&arguments[1]).root())))
}

pub fn contained(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::Bool(order::contains(jsonb(&arguments[1]).root(), jsonb(&arguments[0]).root())))
}

/// Among the keys of an object, the strings of an array, or as the string itself.
fn has(root: Node, key: &str) -> bool {
    match (root.as_object(), root.as_array()) {
        (Some(object), _) => object.find(key).is_ok(),
        (_, Some(array)) => array.iter().any(|element| element.as_str() == Some(key)),
        _ => root.as_str() == Some(key),
    }
}

pub fn exists(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::Bool(has(jsonb(&arguments[0]).root(), text_of(&arguments[1]))))
}

pub fn exists_any(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let root = jsonb(&arguments[0]).root();
    Ok(Datum::Bool(texts_of(&arguments[1]).flatten().any(|key| has(root, key))))
}

pub fn exists_all(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let root = jsonb(&arguments[0]).root();
    Ok(Datum::Bool(texts_of(&arguments[1]).flatten().all(|key| has(root, key))))
}

fn cannot_cast(node: Node, to: &str) -> Error {
    let kind = match node.kind() {
        Kind::Null => "null",
        Kind::String => "string",
        Kind::Number => "numeric",
        Kind::Bool => "boolean",
        Kind::Array => "array",
        Kind::Object => "object",
    };
    refused(format!("cannot cast jsonb {kind} to type {to}"))
}

pub fn to_bool(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let root = jsonb(&arguments[0]).root();
    root.as_bool().map(Datum::Bool).ok_or_else(|| cannot_cast(root, "boolean"))
}

fn number(arguments: &[Datum], to: &str) -> Result<Numeric> {
    let root = jsonb(&arguments[0]).root();
    root.as_number().ok_or_else(|| cannot_cast(root, to))
}

pub fn to_numeric(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::Numeric(number(arguments, "numeric")?))
}

/// By the cast from `numeric`, which has its own rules for what does not fit.
fn cast(call: &Call, arguments: &[Datum], to: &str, source: &str) -> Result<Datum> {
    let number = Datum::Numeric(number(arguments, to)?);
    let cast = function::scalar(source).ok_or_else(|| Error::unsupported(format!("a cast from numeric to {to}")))?;
    cast(call, &[number])
}

pub fn to_int2(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    cast(call, arguments, "smallint", "numeric_int2")
}

pub fn to_int4(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    cast(call, arguments, "integer", "numeric_int4")
}

pub fn to_int8(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    cast(call, arguments, "bigint", "numeric_int8")
}

pub fn to_float4(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    cast(call, arguments, "real", "numeric_float4")
}

pub fn to_float8(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    cast(call, arguments, "double precision", "numeric_float8")
}

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

/// One row for each member; the value is shared with the iterator.
fn members(arguments: &[Datum], name: &str, row: fn(&str, Node) -> Vec<Datum>) -> Result<Rows> {
    let json = jsonb(&arguments[0]).clone();
    let Some(count) = json.root().as_object().map(|object| object.len()) else {
        return Err(refused(format!("cannot call {name} on a non-object")));
    };
    Ok(Box::new((0..count).filter_map(move |at| {
        let object = json.root().as_object()?;
        Some(Ok(row(object.key(at), object.value(at))))
    })))
}

pub fn each(_: &Call, arguments: &[Datum]) -> Result<Rows> {
    members(arguments, "jsonb_each", |key, value| vec![Datum::text(key), Datum::Jsonb(value.to_jsonb())])
}

pub fn each_text(_: &Call, arguments: &[Datum]) -> Result<Rows> {
    members(arguments, "jsonb_each_text", |key, value| vec![Datum::text(key), optional_text(write::as_text(value))])
}

pub fn object_keys(_: &Call, arguments: &[Datum]) -> Result<Rows> {
    let kind = match jsonb(&arguments[0]).root().kind() {
        Kind::Object => return members(arguments, "jsonb_object_keys", |key, _| vec![Datum::text(key)]),
        Kind::Array => "an array",
        _ => "a scalar",
    };
    Err(refused(format!("cannot call jsonb_object_keys on {kind}")))
}

fn elements(arguments: &[Datum], row: fn(Node) -> Datum) -> Result<Rows> {
    let json = jsonb(&arguments[0]).clone();
    let Some(count) = json.root().as_array().map(|array| array.len()) else {
        let kind = if json.root().is_container() { "an object" } else { "a scalar" };
        return Err(refused(format!("cannot extract elements from {kind}")));
    };
    Ok(Box::new((0..count).filter_map(move |at| Some(Ok(vec![row(json.root().as_array()?.get(at)?)])))))
}

pub fn array_elements(_: &Call, arguments: &[Datum]) -> Result<Rows> {
    elements(arguments, |node| Datum::Jsonb(node.to_jsonb()))
}

pub fn array_elements_text(_: &Call, arguments: &[Datum]) -> Result<Rows> {
    elements(arguments, |node| optional_text(write::as_text(node)))
}
