//! `.type()`, `.size()`, `.double()` and the others, except `.datetime()`.

use super::execute::{Base, Item, Run, Status};
use super::{Expression, Method, layout};
use crate::error::Result;
use crate::json::binary::{Builder, Kind};
use crate::json::lex::Sink;
use crate::json::path::execute::Found;
use crate::number::float_text::parse_f64;
use crate::numeric::Numeric;
use crate::sqlstate;

/// What the ids of `.keyvalue()` have of the value they were found in.
const IDS_OF_A_VALUE: i64 = 10_000_000_000;

impl<'a> Run<'a> {
    pub fn method(
        &mut self,
        of: &'a Expression,
        at: usize,
        method: Method,
        item: Item<'a>,
        found: Found<'_, 'a>,
    ) -> Result<Status> {
        let refusal = |wanted: &str| {
            let name = method.name();
            format!("jsonpath item method .{name}() can only be applied to {wanted}")
        };
        let item = match method {
            Method::Type => Item::Text(type_name(&item)),
            Method::Size => match item.array() {
                Some(array) => Item::Number(Numeric::from_i64(array.len() as i64)),
                None if self.lax => Item::Number(Numeric::ONE),
                None => {
                    return self.fail_structure(sqlstate::SQL_JSON_ARRAY_NOT_FOUND, || refusal("an array"));
                }
            },
            Method::Double => match double(&item) {
                Ok(item) => item,
                Err(message) => return self.fail(sqlstate::NON_NUMERIC_SQL_JSON_ITEM, || message.to_owned()),
            },
            Method::Abs | Method::Floor | Method::Ceiling => {
                let Some(number) = item.number() else {
                    return self.fail(sqlstate::NON_NUMERIC_SQL_JSON_ITEM, || refusal("a numeric value"));
                };
                Item::Number(match method {
                    Method::Abs => number.abs(),
                    Method::Floor => number.floor()?,
                    _ => number.ceil()?,
                })
            }
            Method::KeyValue => return self.key_value(of, at, item, found),
        };
        self.next(of, at + 1, item, found)
    }

    /// An object for each member, which tells by its id of which object it is.
    fn key_value(&mut self, of: &'a Expression, at: usize, item: Item<'a>, mut found: Found<'_, 'a>) -> Result<Status> {
        let (Item::Node(node), Some(object)) = (&item, item.object()) else {
            return self.fail(sqlstate::SQL_JSON_OBJECT_NOT_FOUND, || {
                "jsonpath item method .keyvalue() can only be applied to an object".to_owned()
            });
        };
        if object.is_empty() {
            return Ok(Status::NotFound);
        }
        if at + 1 == of.steps.len() && found.is_none() {
            return Ok(Status::Found);
        }
        let offset = self.base.value.and_then(|base| layout::offset(base, *node)).unwrap_or(0);
        let id = Numeric::from_i64(offset as i64 + self.base.id * IDS_OF_A_VALUE);
        let mut status = Status::NotFound;
        for (key, value) in object.iter() {
            let mut made = Builder::new();
            made.begin_object();
            made.key("key");
            made.string(key);
            made.key("value");
            made.node(value);
            made.key("id");
            made.number(&id);
            made.end_object()?;
            let made = self.keep(made.finish());
            let base = Base { value: Some(made), id: self.next_id };
            self.next_id += 1;
            status = self.with_base(base, |run| run.next(of, at + 1, Item::Node(made), found.as_deref_mut()))?;
            if status == Status::Failed || (status == Status::Found && found.is_none()) {
                break;
            }
        }
        Ok(status)
    }
}

fn type_name(item: &Item) -> &'static str {
    match item {
        Item::Node(node) => match node.kind() {
            Kind::Null => "null",
            Kind::String => "string",
            Kind::Number => "number",
            Kind::Bool => "boolean",
            Kind::Array => "array",
            Kind::Object => "object",
        },
        Item::Null => "null",
        Item::Bool(_) => "boolean",
        Item::Number(_) => "number",
        Item::Text(_) => "string",
        Item::Moment(moment) => moment.type_name(),
    }
}

/// A number stays as it is, if a float can be as large; of a string it is what the float is.
fn double<'a>(item: &Item<'a>) -> std::result::Result<Item<'a>, &'static str> {
    let finite = |text: &str| parse_f64(text).ok().filter(|value| value.is_finite());
    if let Some(number) = item.number() {
        let message = "numeric argument of jsonpath item method .double() is out of range for type double precision";
        return finite(&number.to_string()).map(|_| item.clone()).ok_or(message);
    }
    let Some(text) = item.text() else {
        return Err("jsonpath item method .double() can only be applied to a string or numeric value");
    };
    let message = "string argument of jsonpath item method .double() is not a valid representation of a double precision \
                   number";
    finite(text).map(|value| Item::Number(Numeric::from_f64(value))).ok_or(message)
}
