//! JSON from values: constructors, and the aggregates that construct.

use super::binary::Builder;
use super::convert::{self, key_text};
use super::lex::Sink;
use super::{array_of, refused, texts_of, write};
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{Aggregate, AggregateEntry, AggregateTable, Call, Settings};
use crate::oid::Oid;
use crate::sqlstate;

pub const AGGREGATES: AggregateTable = &[
    ("json_agg", "2283", AggregateEntry { new: |_| Box::new(JsonArray::default()), skips_nulls: false }),
    ("json_object_agg", "2276 2276", AggregateEntry { new: |_| Box::new(JsonObject::default()), skips_nulls: false }),
    ("jsonb_agg", "2283", AggregateEntry { new: |_| Box::new(JsonbArray::default()), skips_nulls: false }),
    ("jsonb_object_agg", "2276 2276", AggregateEntry { new: |_| Box::new(JsonbObject::default()), skips_nulls: false }),
];

pub fn to_json(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    let mut out = String::new();
    convert::to_json(call.argument_types[0], &arguments[0], false, call.settings, &mut out);
    Ok(Datum::text(out))
}

pub fn to_json_pretty(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    let mut out = String::new();
    convert::to_json(call.argument_types[0], &arguments[0], arguments[1].is_true(), call.settings, &mut out);
    Ok(Datum::text(out))
}

pub fn to_jsonb(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    let mut out = Builder::new();
    convert::to_jsonb(call.argument_types[0], &arguments[0], call.settings, &mut out)?;
    Ok(Datum::Jsonb(out.finish()))
}

/// The arguments of a VARIADIC "any" function with their types. An array after the word VARIADIC is spread by the caller.
fn typed<'a>(call: &'a Call, arguments: &'a [Datum]) -> impl Iterator<Item = (Oid, &'a Datum)> {
    call.argument_types.iter().copied().zip(arguments)
}

pub fn json_array(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    let mut out = String::from("[");
    for (at, (of, value)) in typed(call, arguments).enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        convert::to_json(of, value, false, call.settings, &mut out);
    }
    out.push(']');
    Ok(Datum::text(out))
}

pub fn jsonb_array(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    let mut out = Builder::new();
    out.begin_array();
    for (of, value) in typed(call, arguments) {
        convert::to_jsonb(of, value, call.settings, &mut out)?;
    }
    out.end_array()?;
    Ok(Datum::Jsonb(out.finish()))
}

fn check_pairs(arguments: &[Datum], function: &str) -> Result<()> {
    if arguments.len().is_multiple_of(2) {
        return Ok(());
    }
    let hint = format!("The arguments of {function}() must consist of alternating keys and values.");
    Err(refused("argument list must have even number of elements").hint(hint))
}

fn no_key() -> Error {
    refused("key value must be scalar, not array, composite, or json")
}

pub fn json_object(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    check_pairs(arguments, "json_build_object")?;
    let mut out = String::from("{");
    for (at, pair) in arguments.chunks_exact(2).enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        if pair[0].is_null() {
            let message = format!("argument {} cannot be null", 2 * at + 1);
            return Err(refused(message).hint("Object keys should be text."));
        }
        let types = &call.argument_types[2 * at..];
        write_member(&mut out, (types[0], &pair[0]), (types[1], &pair[1]), call.settings)?;
    }
    out.push('}');
    Ok(Datum::text(out))
}

fn write_member(out: &mut String, key: (Oid, &Datum), value: (Oid, &Datum), settings: &Settings) -> Result<()> {
    write::string(&key_text(key.0, key.1, settings).ok_or_else(no_key)?, out);
    out.push_str(" : ");
    convert::to_json(value.0, value.1, false, settings, out);
    Ok(())
}

fn build_member(out: &mut Builder, key: (Oid, &Datum), value: (Oid, &Datum), settings: &Settings) -> Result<()> {
    out.key(&key_text(key.0, key.1, settings).ok_or_else(no_key)?);
    convert::to_jsonb(value.0, value.1, settings, out)
}

pub fn jsonb_object(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    check_pairs(arguments, "jsonb_build_object")?;
    let mut out = Builder::new();
    out.begin_object();
    for (at, pair) in arguments.chunks_exact(2).enumerate() {
        if pair[0].is_null() {
            return Err(refused(format!("argument {}: key must not be null", 2 * at + 1)));
        }
        let types = &call.argument_types[2 * at..];
        build_member(&mut out, (types[0], &pair[0]), (types[1], &pair[1]), call.settings)?;
    }
    out.end_object()?;
    Ok(Datum::Jsonb(out.finish()))
}

/// Keys and values of `json_object`: from one array of pairs, or from an array of each.
fn pairs_of(arguments: &[Datum]) -> Result<Vec<(&str, Option<&str>)>> {
    let refuse = |message: &str| Err(Error::new(sqlstate::ARRAY_SUBSCRIPT_ERROR, message));
    let dimensions = array_of(&arguments[0]).dimensions();
    let pairs: Vec<(Option<&str>, Option<&str>)> = if let Some(values) = arguments.get(1) {
        let (keys_count, values_count) = (dimensions.len(), array_of(values).dimensions().len());
        if keys_count > 1 || keys_count != values_count {
            return refuse("wrong number of array subscripts");
        }
        if array_of(&arguments[0]).elements().len() != array_of(values).elements().len() {
            return refuse("mismatched array dimensions");
        }
        texts_of(&arguments[0]).zip(texts_of(values)).collect()
    } else {
        match dimensions {
            [] => {}
            [dimension] if dimension.length % 2 == 0 => {}
            [_] => return refuse("array must have even number of elements"),
            [_, inner] if inner.length == 2 => {}
            [_, _] => return refuse("array must have two columns"),
            _ => return refuse("wrong number of array subscripts"),
        }
        let texts: Vec<_> = texts_of(&arguments[0]).collect();
        texts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
    };
    let null_key = || Error::new(sqlstate::NULL_VALUE_NOT_ALLOWED, "null value not allowed for object key");
    pairs.into_iter().map(|(key, value)| Ok((key.ok_or_else(null_key)?, value))).collect()
}

pub fn json_object_of_texts(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let mut out = String::from("{");
    for (at, (key, value)) in pairs_of(arguments)?.into_iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        write::string(key, &mut out);
        out.push_str(" : ");
        match value {
            Some(value) => write::string(value, &mut out),
            None => out.push_str("null"),
        }
    }
    out.push('}');
    Ok(Datum::text(out))
}

pub fn jsonb_object_of_texts(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let mut out = Builder::new();
    out.begin_object();
    for (key, value) in pairs_of(arguments)? {
        out.key(key);
        match value {
            Some(value) => out.string(value),
            None => out.null(),
        }
    }
    out.end_object()?;
    Ok(Datum::Jsonb(out.finish()))
}

#[derive(Default)]
struct JsonArray(String);

impl Aggregate for JsonArray {
    fn step(&mut self, call: &Call, arguments: &[Datum]) -> Result<()> {
        // PostgreSQL begins a line for what may be long.
        let lines = matches!(arguments[0], Datum::Array(_) | Datum::Record(_));
        self.0.push_str(match (self.0.is_empty(), lines) {
            (true, _) => "[",
            (false, true) => ", \n ",
            (false, false) => ", ",
        });
        convert::to_json(call.argument_types[0], &arguments[0], false, call.settings, &mut self.0);
        Ok(())
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        Ok(if self.0.is_empty() { Datum::Null } else { Datum::text(format!("{}]", self.0)) })
    }

    fn bytes(&self) -> usize {
        self.0.len()
    }
}

fn null_field_name() -> Error {
    refused("field name must not be null")
}

#[derive(Default)]
struct JsonObject(String);

impl Aggregate for JsonObject {
    fn step(&mut self, call: &Call, arguments: &[Datum]) -> Result<()> {
        self.0.push_str(if self.0.is_empty() { "{ " } else { ", " });
        if arguments[0].is_null() {
            return Err(null_field_name());
        }
        let types = call.argument_types;
        write_member(&mut self.0, (types[0], &arguments[0]), (types[1], &arguments[1]), call.settings)
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        Ok(if self.0.is_empty() { Datum::Null } else { Datum::text(format!("{} }}", self.0)) })
    }

    fn bytes(&self) -> usize {
        self.0.len()
    }
}

/// None before the first row.
#[derive(Default)]
struct JsonbArray(Option<Builder>);

impl Aggregate for JsonbArray {
    fn step(&mut self, call: &Call, arguments: &[Datum]) -> Result<()> {
        let open = || {
            let mut builder = Builder::new();
            builder.begin_array();
            builder
        };
        convert::to_jsonb(call.argument_types[0], &arguments[0], call.settings, self.0.get_or_insert_with(open))
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        let Some(mut builder) = self.0.clone() else { return Ok(Datum::Null) };
        builder.end_array()?;
        Ok(Datum::Jsonb(builder.finish()))
    }

    fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, Builder::bytes)
    }
}

#[derive(Default)]
struct JsonbObject(Option<Builder>);

impl Aggregate for JsonbObject {
    fn step(&mut self, call: &Call, arguments: &[Datum]) -> Result<()> {
        if arguments[0].is_null() {
            return Err(null_field_name());
        }
        let open = || {
            let mut builder = Builder::new();
            builder.begin_object();
            builder
        };
        let (out, types) = (self.0.get_or_insert_with(open), call.argument_types);
        build_member(out, (types[0], &arguments[0]), (types[1], &arguments[1]), call.settings)
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        let Some(mut builder) = self.0.clone() else { return Ok(Datum::Null) };
        builder.end_object()?;
        Ok(Datum::Jsonb(builder.finish()))
    }

    fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, Builder::bytes)
    }
}
