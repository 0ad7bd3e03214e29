//! Order, equality and hash of `jsonb`, and containment.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::binary::{Jsonb, Kind, Node};

/// PostgreSQL's btree order: by kind, containers by the number of members and then by these. An oddity of its own is
/// kept: an empty array at the top comes before the scalars.
fn compare_roots(a: Node, b: Node) -> Ordering {
    let is_empty_array = |node: Node| node.as_array().is_some_and(|array| array.is_empty());
    match (a.is_container(), b.is_container()) {
        (false, true) if is_empty_array(b) => Ordering::Greater,
        (true, false) if is_empty_array(a) => Ordering::Less,
        _ => compare(a, b),
    }
}

fn compare(a: Node, b: Node) -> Ordering {
    a.kind().cmp(&b.kind()).then_with(|| match a.kind() {
        Kind::Null => Ordering::Equal,
        Kind::Bool => a.as_bool().cmp(&b.as_bool()),
        Kind::String => a.as_bytes().cmp(b.as_bytes()),
        Kind::Number => a.as_number().cmp(&b.as_number()),
        Kind::Array => {
            let (Some(a), Some(b)) = (a.as_array(), b.as_array()) else { return Ordering::Equal };
            let differ = || a.iter().zip(b.iter()).map(|(a, b)| compare(a, b)).find(|order| order.is_ne());
            a.len().cmp(&b.len()).then_with(|| differ().unwrap_or(Ordering::Equal))
        }
        Kind::Object => {
            let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return Ordering::Equal };
            let member = |((key_a, a), (key_b, b)): ((&str, Node), (&str, Node))| {
                key_a.as_bytes().cmp(key_b.as_bytes()).then_with(|| compare(a, b))
            };
            let differ = || a.iter().zip(b.iter()).map(member).find(|order| order.is_ne());
            a.len().cmp(&b.len()).then_with(|| differ().unwrap_or(Ordering::Equal))
        }
    })
}

pub fn are_equal(a: Node, b: Node) -> bool {
    a.as_bytes() == b.as_bytes() || compare(a, b).is_eq()
}

/// `@>`.
pub fn contains(a: Node, b: Node) -> bool {
    match (a.as_array(), b.as_array()) {
        (Some(array), None) if !b.is_container() => array.iter().any(|element| are_equal(element, b)),
        _ if a.is_container() || b.is_container() => contains_container(a, b),
        _ => are_equal(a, b),
    }
}

fn contains_container(a: Node, b: Node) -> bool {
    if let (Some(a), Some(b)) = (a.as_object(), b.as_object()) {
        return a.len() >= b.len() && b.iter().all(|(key, b)| a.get(key).is_some_and(|a| contains_member(a, b)));
    }
    let (Some(a), Some(b)) = (a.as_array(), b.as_array()) else { return false };
    b.iter().all(|b| a.iter().any(|a| contains_member(a, b)))
}

fn contains_member(a: Node, b: Node) -> bool {
    match b.is_container() {
        true => contains_container(a, b),
        false => are_equal(a, b),
    }
}

fn hash(node: Node, state: &mut impl Hasher) {
    state.write_u8(node.kind() as u8);
    match node.kind() {
        Kind::Null => {}
        Kind::Bool => node.as_bool().hash(state),
        Kind::String => state.write(node.as_bytes()),
        Kind::Number => node.as_number().hash(state),
        Kind::Array => node.as_array().into_iter().flat_map(|array| array.iter()).for_each(|node| hash(node, state)),
        Kind::Object => {
            for (key, value) in node.as_object().into_iter().flat_map(|object| object.iter()) {
                state.write(key.as_bytes());
                hash(value, state);
            }
        }
    }
}

impl PartialEq for Jsonb {
    fn eq(&self, other: &Jsonb) -> bool {
        are_equal(self.root(), other.root())
    }
}

impl Eq for Jsonb {}

impl Ord for Jsonb {
    fn cmp(&self, other: &Jsonb) -> Ordering {
        compare_roots(self.root(), other.root())
    }
}

impl PartialOrd for Jsonb {
    fn partial_cmp(&self, other: &Jsonb) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Jsonb {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(self.root(), state);
    }
}

impl fmt::Display for Jsonb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        super::write::compact(self.root(), &mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for Jsonb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
