//! Functions and operators that make a changed copy of a `jsonb`. What is not on the way to the change is copied as
//! bytes.

use std::borrow::Cow;

use super::binary::{Builder, Jsonb, Node};
use super::lex::Sink;
use super::{array_of, index_of, int_of, jsonb, position, refused, text_of, texts_of};
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::Call;
use crate::sqlstate;

/// `||`: of two objects the union, where the right one wins; otherwise arrays, for which all else counts as one element.
pub fn concatenate(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let (a, b) = (jsonb(&arguments[0]).root(), jsonb(&arguments[1]).root());
    let mut out = Builder::new();
    if let (Some(a), Some(b)) = (a.as_object(), b.as_object()) {
        out.begin_object();
        a.iter().chain(b.iter()).for_each(|(key, value)| out.member(key, value));
        out.end_object()?;
        return Ok(Datum::Jsonb(out.finish()));
    }
    out.begin_array();
    for side in [a, b] {
        match side.as_array() {
            Some(array) => array.iter().for_each(|element| out.node(element)),
            None => out.node(side),
        }
    }
    out.end_array()?;
    Ok(Datum::Jsonb(out.finish()))
}

/// Without the members, or the elements that are strings, that are dropped.
fn without(json: &Jsonb, dropped: impl Fn(&str) -> bool) -> Result<Datum> {
    let mut out = Builder::new();
    if let Some(object) = json.root().as_object() {
        out.begin_object();
        object.iter().filter(|(key, _)| !dropped(key)).for_each(|(key, value)| out.member(key, value));
        out.end_object()?;
    } else if let Some(array) = json.root().as_array() {
        out.begin_array();
        array.iter().filter(|element| !element.as_str().is_some_and(&dropped)).for_each(|element| out.node(element));
        out.end_array()?;
    } else {
        return Err(refused("cannot delete from scalar"));
    }
    Ok(Datum::Jsonb(out.finish()))
}

pub fn delete_key(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let key = text_of(&arguments[1]);
    without(jsonb(&arguments[0]), |found| found == key)
}

pub fn delete_keys(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    check_path(&arguments[1])?;
    let keys: Vec<&str> = texts_of(&arguments[1]).flatten().collect();
    without(jsonb(&arguments[0]), |found| keys.contains(&found))
}

pub fn delete_index(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let root = jsonb(&arguments[0]).root();
    let Some(array) = root.as_array() else {
        let message = match root.is_container() {
            true => "cannot delete from object using integer index",
            false => "cannot delete from scalar",
        };
        return Err(refused(message));
    };
    let Some(dropped) = position(int_of(&arguments[1]), array.len()) else { return Ok(arguments[0].clone()) };
    let mut out = Builder::new();
    out.begin_array();
    let kept = array.iter().enumerate().filter(|(at, _)| *at != dropped);
    kept.for_each(|(_, element)| out.node(element));
    out.end_array()?;
    Ok(Datum::Jsonb(out.finish()))
}

pub fn strip_nulls(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let root = jsonb(&arguments[0]).root();
    let mut out = Builder::new();
    copy_without_nulls(root, &mut out)?;
    Ok(Datum::Jsonb(out.finish()))
}

fn copy_without_nulls(node: Node, out: &mut Builder) -> Result<()> {
    if let Some(object) = node.as_object() {
        out.begin_object();
        for (key, value) in object.iter().filter(|(_, value)| !value.is_null()) {
            out.key(key);
            copy_without_nulls(value, out)?;
        }
        return out.end_object();
    }
    if let Some(array) = node.as_array() {
        out.begin_array();
        array.iter().try_for_each(|element| copy_without_nulls(element, out))?;
        return out.end_array();
    }
    out.node(node);
    Ok(())
}

/// What becomes of the value at the end of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    /// Replaced if it is there.
    Replace,
    /// Replaced, or added where its container is there.
    Set,
    Delete,
    InsertBefore,
    InsertAfter,
    /// As a subscripted assignment does it: replaced or added, with all containers that are missing on the way and
    /// nulls for missing elements; a path that does not fit is an error.
    Assign,
}

impl Change {
    fn adds(self) -> bool {
        matches!(self, Change::Set | Change::InsertBefore | Change::InsertAfter | Change::Assign)
    }
}

struct Edit<'a> {
    path: Vec<Option<Cow<'a, str>>>,
    value: Option<Node<'a>>,
    change: Change,
}

fn check_path(path: &Datum) -> Result<()> {
    match array_of(path).dimensions().len() {
        0 | 1 => Ok(()),
        _ => Err(Error::new(sqlstate::ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts")),
    }
}

fn edit(arguments: &[Datum], value: Option<Node>, change: Change, scalar: &str) -> Result<Datum> {
    check_path(&arguments[1])?;
    let root = jsonb(&arguments[0]).root();
    if !root.is_container() {
        return Err(refused(scalar));
    }
    let is_empty = root.as_object().is_some_and(|object| object.is_empty())
        || root.as_array().is_some_and(|array| array.is_empty());
    let path: Vec<_> = texts_of(&arguments[1]).map(|key| key.map(Cow::Borrowed)).collect();
    if path.is_empty() || is_empty && !change.adds() {
        return Ok(arguments[0].clone());
    }
    let mut out = Builder::new();
    Edit { path, value, change }.apply(root, 0, &mut out)?;
    Ok(Datum::Jsonb(out.finish()))
}

pub fn set(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let change = if arguments[3].is_true() { Change::Set } else { Change::Replace };
    edit(arguments, Some(jsonb(&arguments[2]).root()), change, "cannot set path in scalar")
}

pub fn insert(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let change = if arguments[3].is_true() { Change::InsertAfter } else { Change::InsertBefore };
    edit(arguments, Some(jsonb(&arguments[2]).root()), change, "cannot set path in scalar")
}

pub fn delete_path(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    edit(arguments, None, Change::Delete, "cannot delete path in scalar")
}

pub fn set_lax(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    let [target, path, value, create, treatment] = arguments else {
        return Err(Error::internal("jsonb_set_lax takes five arguments"));
    };
    if target.is_null() || path.is_null() || create.is_null() {
        return Ok(Datum::Null);
    }
    let treatment = if treatment.is_null() { "" } else { text_of(treatment) };
    let known = ["delete_key", "return_target", "use_json_null", "raise_exception"];
    if !known.contains(&treatment) && (value.is_null() || treatment.is_empty()) {
        let names = "\"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"";
        return Err(refused(format!("null_value_treatment must be {names}")));
    }
    if !value.is_null() {
        return set(call, arguments);
    }
    match treatment {
        "delete_key" => delete_path(call, &arguments[..2]),
        "return_target" => Ok(target.clone()),
        "use_json_null" => {
            let mut null = Builder::new();
            null.null();
            set(call, &[target.clone(), path.clone(), Datum::Jsonb(null.finish()), create.clone()])
        }
        _ => {
            let error = Error::new(sqlstate::NULL_VALUE_NOT_ALLOWED, "JSON value must not be null");
            let detail = "Exception was raised because null_value_treatment is \"raise_exception\".";
            let hint =
                "To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.";
            Err(error.detail(detail).hint(hint))
        }
    }
}

/// `json['a'][1] = value`: subscripts are `text` or `int4`. Without a value to begin with, the first subscript decides
/// between object and array.
pub fn assign(json: Option<&Jsonb>, subscripts: &[Datum], value: &Jsonb) -> Result<Jsonb> {
    let key = |subscript: &Datum| match subscript {
        Datum::Text(key) => Ok(Some(Cow::Owned(key.to_string()))),
        Datum::Int4(index) => Ok(Some(Cow::Owned(index.to_string()))),
        _ => {
            let message = "jsonb subscript in assignment must not be null";
            Err(Error::new(sqlstate::NULL_VALUE_NOT_ALLOWED, message))
        }
    };
    let path = subscripts.iter().map(key).collect::<Result<Vec<_>>>()?;
    let mut empty = Builder::new();
    match subscripts.first() {
        Some(Datum::Int4(_)) => {
            empty.begin_array();
            empty.end_array()?;
        }
        _ => {
            empty.begin_object();
            empty.end_object()?;
        }
    }
    let empty = empty.finish();
    let root = json.unwrap_or(&empty).root();
    let mut out = Builder::new();
    Edit { path, value: Some(value.root()), change: Change::Assign }.apply(root, 0, &mut out)?;
    Ok(out.finish())
}

impl Edit<'_> {
    fn is_last(&self, level: usize) -> bool {
        level + 1 == self.path.len()
    }

    fn key(&self, level: usize) -> Result<&str> {
        self.path[level].as_deref().ok_or_else(|| {
            let message = format!("path element at position {} is null", level + 1);
            Error::new(sqlstate::NULL_VALUE_NOT_ALLOWED, message)
        })
    }

    fn write_value(&self, out: &mut Builder) {
        if let Some(value) = self.value {
            out.node(value);
        }
    }

    /// Writes the node that the path has led to, changed.
    fn apply(&self, node: Node, level: usize, out: &mut Builder) -> Result<()> {
        let key = self.key(level)?;
        if node.as_object().is_some() {
            self.apply_to_object(node, level, key, out)
        } else if node.as_array().is_some() {
            self.apply_to_array(node, level, key, out)
        } else if self.change == Change::Assign {
            let detail = "The path assumes key is a composite object, but it is a scalar value.";
            Err(refused("cannot replace existing key").detail(detail))
        } else {
            out.node(node);
            Ok(())
        }
    }

    fn apply_to_object(&self, node: Node, level: usize, key: &str, out: &mut Builder) -> Result<()> {
        let mut found = false;
        out.begin_object();
        for (name, value) in node.as_object().into_iter().flat_map(|object| object.iter()) {
            if name != key {
                out.member(name, value);
                continue;
            }
            found = true;
            if !self.is_last(level) {
                out.key(name);
                self.apply(value, level + 1, out)?;
                continue;
            }
            if matches!(self.change, Change::InsertBefore | Change::InsertAfter) {
                let hint = "Try using the function jsonb_set to replace key value.";
                return Err(refused("cannot replace existing key").hint(hint));
            }
            if self.change != Change::Delete {
                out.key(name);
                self.write_value(out);
            }
        }
        if !found && self.is_last(level) && self.change.adds() {
            out.key(key);
            self.write_value(out);
        } else if !found && self.change == Change::Assign {
            out.key(key);
            self.write_missing(level + 1, out)?;
        }
        out.end_object()
    }

    fn apply_to_array(&self, node: Node, level: usize, key: &str, out: &mut Builder) -> Result<()> {
        let elements = node.as_array().into_iter().flat_map(|array| array.iter());
        let length = elements.clone().count();
        let Some(index) = index_of(key) else {
            let message = format!("path element at position {} is not an integer: \"{key}\"", level + 1);
            return Err(Error::new(sqlstate::INVALID_TEXT_REPRESENTATION, message));
        };
        let at = i64::from(index) + if index < 0 { length as i64 } else { 0 };
        if at < 0 && self.change == Change::Assign {
            return Err(refused(format!("path element at position {} is out of range: {index}", level + 1)));
        }
        let adds_here = self.is_last(level) && self.change.adds();
        out.begin_array();
        if at < 0 && adds_here {
            self.write_value(out);
        }
        for (number, element) in elements.enumerate() {
            if number as i64 != at {
                out.node(element);
            } else if !self.is_last(level) {
                self.apply(element, level + 1, out)?;
            } else {
                match self.change {
                    Change::Delete => {}
                    Change::InsertBefore => {
                        self.write_value(out);
                        out.node(element);
                    }
                    Change::InsertAfter => {
                        out.node(element);
                        self.write_value(out);
                    }
                    Change::Replace | Change::Set | Change::Assign => self.write_value(out),
                }
            }
        }
        if at >= length as i64 {
            if self.change == Change::Assign {
                fill_with_nulls(at - length as i64, out)?;
            }
            if adds_here {
                self.write_value(out);
            } else if self.change == Change::Assign {
                self.write_missing(level + 1, out)?;
            }
        }
        out.end_array()
    }

    /// Containers for the rest of the path, the value in the innermost.
    fn write_missing(&self, level: usize, out: &mut Builder) -> Result<()> {
        if level == self.path.len() {
            self.write_value(out);
            return Ok(());
        }
        let key = self.key(level)?;
        match index_of(key) {
            Some(index) => {
                out.begin_array();
                fill_with_nulls(i64::from(index), out)?;
                self.write_missing(level + 1, out)?;
                out.end_array()
            }
            None => {
                out.begin_object();
                out.key(key);
                self.write_missing(level + 1, out)?;
                out.end_object()
            }
        }
    }
}

fn fill_with_nulls(count: i64, out: &mut Builder) -> Result<()> {
    const ELEMENTS_MAX: i64 = 0x0fff_ffff;
    if count > ELEMENTS_MAX {
        let message = format!("number of jsonb array elements exceeds the maximum allowed ({ELEMENTS_MAX})");
        return Err(Error::new(sqlstate::PROGRAM_LIMIT_EXCEEDED, message));
    }
    (0..count).for_each(|_| out.null());
    Ok(())
}
