//! From JSON objects to records whose columns somebody else has said: `json_populate_record`, `json_to_record`, those
//! that give a set, and the same of `jsonb`.
//!
//! Each column takes the member with its name. What a member becomes is up to the column's type: JSON arrays become
//! arrays, of as many dimensions as their first elements are deep; objects become records; `json` and `jsonb` take
//! anything; other types read the member's text as their input functions do. JSON's null is NULL. A string is read as
//! the text of the type, of arrays and records too: `"{1,2}"`, `"(1,abc)"`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::binary::{Kind, Members, Node};
use super::lex::Token;
use super::{jsonb, refused, text, text_of, write};
use crate::array::{Array, Dimension};
use crate::datum::{Datum, Record};
use crate::error::{Error, Result};
use crate::function::Settings;
use crate::io::{Form, RecordForm};
use crate::misc::record::made;
use crate::oid::{self, Oid};
use crate::sqlstate;

/// One of these functions.
#[derive(Clone, Copy, Debug)]
pub struct Populate {
    pub name: &'static str,
    /// Its first argument is a record; members that the object lacks are taken from it.
    pub takes_base: bool,
    pub is_set: bool,
}

const fn of(name: &'static str, takes_base: bool, is_set: bool) -> Populate {
    Populate { name, takes_base, is_set }
}

const FUNCTIONS: [Populate; 8] = [
    of("json_populate_record", true, false),
    of("json_populate_recordset", true, true),
    of("json_to_record", false, false),
    of("json_to_recordset", false, true),
    of("jsonb_populate_record", true, false),
    of("jsonb_populate_recordset", true, true),
    of("jsonb_to_record", false, false),
    of("jsonb_to_recordset", false, true),
];

/// The one that `pg_proc.prosrc` names.
pub fn find(source: &str) -> Option<Populate> {
    FUNCTIONS.into_iter().find(|function| function.name == source)
}

impl Populate {
    /// The records of a function that gives a set, the one of another. `json` is of its last type.
    pub fn call(self, form: &RecordForm, base: &Datum, json: &Datum, settings: &Settings) -> Result<Vec<Datum>> {
        let fill = Fill { settings };
        let root = match json {
            Datum::Null if self.is_set => return Ok(Vec::new()),
            Datum::Null => return Ok(vec![base.clone()]),
            Datum::Jsonb(_) => Value::Node(jsonb(json).root()),
            _ => Value::Text(text_of(json)),
        };
        let base = record_of(base);
        if !self.is_set {
            return fill.record(form, base, root).map(|record| vec![record]);
        }
        let Some(elements) = root.elements()? else {
            let what = match (root, root.kind()?) {
                (Value::Node(_), _) => "a non-array",
                (Value::Text(_), Kind::Object) => "an object",
                (Value::Text(_), _) => "a scalar",
            };
            return Err(refused(format!("cannot call {} on {what}", self.name)));
        };
        let mut records = Vec::with_capacity(elements.len());
        for element in elements {
            if element.kind()? != Kind::Object {
                return Err(refused(format!("argument of {} must be an array of objects", self.name)));
            }
            records.push(fill.record(form, base, element)?);
        }
        Ok(records)
    }
}

fn record_of(value: &Datum) -> Option<&Record> {
    match value {
        Datum::Record(record) => Some(record),
        _ => None,
    }
}

/// Part of a `json`, as it stands there, or of a `jsonb`.
#[derive(Clone, Copy)]
enum Value<'a> {
    Text(&'a str),
    Node(Node<'a>),
}

enum Object<'a> {
    Texts(BTreeMap<String, &'a str>),
    Members(Members<'a>),
}

impl<'a> Value<'a> {
    fn kind(self) -> Result<Kind> {
        Ok(match self {
            Value::Node(node) => node.kind(),
            Value::Text(text) => match text::open(text)?.token() {
                Token::ObjectStart => Kind::Object,
                Token::ArrayStart => Kind::Array,
                Token::String => Kind::String,
                Token::Number => Kind::Number,
                Token::True | Token::False => Kind::Bool,
                _ => Kind::Null,
            },
        })
    }

    /// None of what is no array.
    fn elements(self) -> Result<Option<Vec<Value<'a>>>> {
        match self {
            Value::Node(node) => Ok(node.as_array().map(|array| array.iter().map(Value::Node).collect())),
            Value::Text(text) => {
                let mut elements = Vec::new();
                let is_array = text::for_each_element(text, |element| elements.push(Value::Text(element)))?;
                Ok(is_array.then_some(elements))
            }
        }
    }

    fn object(self) -> Result<Object<'a>> {
        let found = match self {
            Value::Node(node) => node.as_object().map(Object::Members),
            Value::Text(text) => {
                let mut members = BTreeMap::new();
                let is_object = text::for_each_member(text, |key, value| {
                    members.insert(key.to_owned(), value);
                })?;
                is_object.then_some(Object::Texts(members))
            }
        };
        match (found, self.kind()?) {
            (Some(object), _) => Ok(object),
            (None, Kind::Array) => Err(refused("cannot call populate_composite on an array")),
            (None, _) => Err(refused("cannot call populate_composite on a scalar")),
        }
    }

    /// What a type's input function is given.
    fn text(self) -> Result<Cow<'a, str>> {
        Ok(match self {
            Value::Node(node) => match node.as_str() {
                Some(text) => Cow::Borrowed(text),
                None => Cow::Owned(json_text(node)),
            },
            Value::Text(raw) => {
                let mut lexer = text::open(raw)?;
                match lexer.token() {
                    Token::String => lexer.take_string(),
                    _ => Cow::Borrowed(raw),
                }
            }
        })
    }

    /// Containers and numbers as they stand, strings written anew.
    fn json(self) -> Result<Datum> {
        Ok(match self {
            Value::Node(node) => Datum::text(json_text(node)),
            Value::Text(raw) => {
                let mut lexer = text::open(raw)?;
                match lexer.token() {
                    Token::String => {
                        let mut out = String::new();
                        write::string(&lexer.take_string(), &mut out);
                        Datum::text(out)
                    }
                    _ => Datum::text(raw),
                }
            }
        })
    }

    fn jsonb(self) -> Result<Datum> {
        Ok(Datum::Jsonb(match self {
            Value::Node(node) => node.to_jsonb(),
            Value::Text(text) => super::parse(text)?,
        }))
    }
}

fn json_text(node: Node) -> String {
    let mut out = String::new();
    write::compact(node, &mut out);
    out
}

impl<'a> Object<'a> {
    fn get(&self, key: &str) -> Option<Value<'a>> {
        match self {
            Object::Texts(members) => members.get(key).map(|text| Value::Text(text)),
            Object::Members(members) => members.get(key).map(Value::Node),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Object::Texts(members) => members.is_empty(),
            Object::Members(members) => members.is_empty(),
        }
    }
}

#[derive(Clone, Copy)]
struct Fill<'a> {
    settings: &'a Settings,
}

impl Fill<'_> {
    fn record(self, form: &RecordForm, base: Option<&Record>, value: Value) -> Result<Datum> {
        let object = value.object()?;
        if let Some(base) = base.filter(|_| object.is_empty()) {
            return Ok(made(form, base.values.clone()));
        }
        let mut values = Vec::with_capacity(form.fields.len());
        for (place, (field, modifier)) in form.fields.iter().enumerate() {
            let before = base.and_then(|base| base.values.get(place)).unwrap_or(&Datum::Null);
            values.push(match object.get(&form.names[place]) {
                Some(value) => {
                    let column = Column { form: field, of: form.types[place], modifier: *modifier };
                    self.column(column, &form.names[place], before, value)?
                }
                None => before.clone(),
            });
        }
        Ok(made(form, values))
    }

    fn column(self, column: Column, name: &str, before: &Datum, value: Value) -> Result<Datum> {
        match (column.form, value.kind()?) {
            (_, Kind::Null) => Ok(Datum::Null),
            (Form::Array(form), kind) if kind != Kind::String => {
                let element = Column { form: &form.element, of: form.element_type, modifier: column.modifier };
                let mut array = Gathered {
                    fill: self,
                    element,
                    name,
                    depth: None,
                    lengths: Vec::new(),
                    places: Vec::new(),
                    elements: Vec::new(),
                };
                array.read(value)?;
                array.finish()
            }
            (Form::Record(form), kind) if kind != Kind::String => self.record(form, record_of(before), value),
            _ if column.of == oid::JSON => value.json(),
            _ if column.of == oid::JSONB => value.jsonb(),
            (form, _) => form.parse(&value.text()?, column.modifier, self.settings),
        }
    }
}

#[derive(Clone, Copy)]
struct Column<'a> {
    form: &'a Form,
    of: Oid,
    modifier: i32,
}

/// An array that is being read, level by level.
struct Gathered<'a> {
    fill: Fill<'a>,
    element: Column<'a>,
    /// Of the column.
    name: &'a str,
    /// How many levels of JSON's arrays are dimensions: known from the first element that is no array, or the first
    /// array without elements.
    depth: Option<usize>,
    /// Of each level, what its first array had.
    lengths: Vec<Option<usize>>,
    /// Of the arrays around what is being read, which element that is.
    places: Vec<usize>,
    elements: Vec<Datum>,
}

impl Gathered<'_> {
    fn read(&mut self, value: Value) -> Result<()> {
        let Some(elements) = value.elements()? else { return Err(self.no_array()) };
        let level = self.places.len();
        let length = elements.len();
        self.places.push(0);
        for (place, element) in elements.into_iter().enumerate() {
            self.places[level] = place;
            let is_array = element.kind()? == Kind::Array;
            if self.depth.is_none() && !is_array {
                self.depth = Some(level + 1);
            }
            if self.depth == Some(level + 1) {
                let element = self.fill.column(self.element, self.name, &Datum::Null, element)?;
                self.elements.push(element);
            } else {
                self.read(element)?;
            }
        }
        self.places.pop();
        self.depth.get_or_insert(level + 1);
        if self.lengths.len() <= level {
            self.lengths.resize(level + 1, None);
        }
        if *self.lengths[level].get_or_insert(length) != length {
            let detail = "Multidimensional arrays must have sub-arrays with matching dimensions.";
            return Err(Error::new(sqlstate::INVALID_TEXT_REPRESENTATION, "malformed JSON array").detail(detail));
        }
        Ok(())
    }

    fn no_array(&self) -> Error {
        let name = self.name;
        let hint = match self.places.is_empty() {
            true => format!("See the value of key \"{name}\"."),
            false => {
                let places: String = self.places.iter().map(|place| format!("[{place}]")).collect();
                format!("See the array element {places} of key \"{name}\".")
            }
        };
        Error::new(sqlstate::INVALID_TEXT_REPRESENTATION, "expected JSON array").hint(hint)
    }

    fn finish(self) -> Result<Datum> {
        let dimension = |length: &Option<usize>| {
            let length = i32::try_from(length.unwrap_or(0)).unwrap_or(i32::MAX);
            Dimension { length, lower: 1 }
        };
        let dimensions = self.lengths.iter().map(dimension).collect();
        let array = Array::with_dimensions(self.element.of, dimensions, self.elements)?;
        Ok(Datum::Array(array.into()))
    }
}
