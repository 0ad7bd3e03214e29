//! Where a value would stand in PostgreSQL's own `jsonb`: the ids that `.keyvalue()` gives are such offsets, and clients
//! see them.
//!
//! PostgreSQL's container is a header and one entry for each key and each value, four bytes wide each, then the keys and
//! the values one behind the other. Strings are their bytes; null, true and false are in their entries; numbers and
//! containers begin at multiples of four.

use crate::json::binary::Node;
use crate::numeric::Numeric;

const WORD: usize = 4;

/// Of a container within another, or of that itself. None if it isn't there.
pub fn offset(outer: Node, wanted: Node) -> Option<usize> {
    let bytes = |node: Node| (node.as_bytes().as_ptr().addr(), node.as_bytes().len());
    let (start, length) = bytes(wanted);
    let mut node = outer;
    let mut offset = 0;
    while bytes(node) != (start, length) {
        let holds = |child: Node| {
            let (child_start, child_length) = bytes(child);
            child_start <= start && start < child_start + child_length
        };
        let (mut at, children) = opened(node)?;
        let mut children = children.into_iter();
        node = loop {
            let child = children.next()?;
            if holds(child) {
                break child;
            }
            at = end(child, at);
        };
        offset += at.next_multiple_of(WORD);
    }
    Some(offset)
}

/// Where its values begin, and these.
fn opened(container: Node) -> Option<(usize, Vec<Node>)> {
    if let Some(array) = container.as_array() {
        return Some((WORD + WORD * array.len(), array.iter().collect()));
    }
    let object = container.as_object()?;
    let keys: usize = object.iter().map(|(key, _)| key.len()).sum();
    Some((WORD + 2 * WORD * object.len() + keys, object.iter().map(|(_, value)| value).collect()))
}

/// Where a value ends that is written at `at` of a container.
fn end(node: Node, at: usize) -> usize {
    if let Some(text) = node.as_str() {
        return at + text.len();
    }
    if let Some(number) = node.as_number() {
        return at.next_multiple_of(WORD) + number_bytes(&number);
    }
    match opened(node) {
        Some((begin, children)) => {
            at.next_multiple_of(WORD) + children.into_iter().fold(begin, |at, child| end(child, at))
        }
        None => at,
    }
}

/// A length, a header that is long for numbers with many digits, and groups of four digits.
fn number_bytes(number: &Numeric) -> usize {
    let mut sent = Vec::new();
    number.send(&mut sent);
    let field = |at: usize| [sent[at], sent[at + 1]];
    let (groups, weight) = (usize::from(u16::from_be_bytes(field(0))), i16::from_be_bytes(field(2)));
    let is_short = number.scale() <= 0x3f && (-64..=63).contains(&weight);
    WORD + if is_short { 2 } else { 4 } + 2 * groups
}
