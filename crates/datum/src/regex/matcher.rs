//! Walks the tree of an expression over a text: where may a match end, and what did each group match?
//!
//! The automata of [`pattern`](super::pattern) say fast whether and where there is a match; they know neither groups as
//! PostgreSQL assigns them, nor references, nor looking around. Here is the slow and exact way, which is gone only for
//! what needs it:
//!
//! - `Matcher::ends` follows sets of positions through the tree. A reference stands there for anything that its group
//!   could match, so that with references the ends are too many, never too few.
//! - `Matcher::take_apart` assigns a given span to the parts of the tree, each part as long (or short) as it
//!   prefers, the earlier parts first, and compares references with what their groups matched.
//!
//! INVARIANT: all positions are boundaries of characters.

use std::collections::HashSet;

use super::syntax::{Around, Kind, Node, Place, Prefer, Reference, Repeat, Tree, invalid};
use crate::error::Result;

/// Where a group matched.
pub type Span = Option<(usize, usize)>;

/// Of steps with references, whose search may otherwise take exponential time.
const STEPS_MAX: usize = 20_000_000;

pub struct Matcher<'a> {
    tree: &'a Tree,
    text: &'a str,
    spans: Vec<Span>,
    steps: usize,
}

impl<'a> Matcher<'a> {
    pub fn new(tree: &'a Tree, text: &'a str) -> Matcher<'a> {
        Matcher { tree, text, spans: vec![None; tree.groups], steps: 0 }
    }

    /// What the groups matched in the span that was taken apart last.
    pub fn into_spans(self) -> Vec<Span> {
        self.spans
    }

    /// The end of the match that begins at `start`; none if there is none.
    pub fn match_at(&mut self, start: usize) -> Result<Option<usize>> {
        let tree = self.tree;
        let mut ends = self.ends(&tree.root, &[start], self.text.len())?;
        if tree.root.prefer != Prefer::Shortest {
            ends.reverse();
        }
        if !tree.has_references {
            return Ok(ends.first().copied());
        }
        for end in ends {
            if self.groups_of(start, end)? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    /// Assigns a match to the groups. `false` if references make it none.
    pub fn groups_of(&mut self, start: usize, end: usize) -> Result<bool> {
        self.spans.fill(None);
        self.take_apart(&self.tree.root, start, end)
    }

    /// Where matches of `node` that begin at any of `starts` may end, not beyond `limit`; ascending as `starts` are.
    fn ends(&mut self, node: &Node, starts: &[usize], limit: usize) -> Result<Vec<usize>> {
        self.count(starts.len())?;
        Ok(match &node.kind {
            Kind::Empty => starts.to_vec(),
            Kind::Set(set) => {
                let matched = |start: &usize| {
                    let character = self.text[*start..limit].chars().next().filter(|next| set.contains(*next))?;
                    Some(start + character.len_utf8())
                };
                starts.iter().filter_map(matched).collect()
            }
            Kind::At(place) => starts.iter().copied().filter(|start| self.is_at(*place, *start)).collect(),
            Kind::Around(around) => {
                let mut kept = Vec::new();
                for start in starts {
                    if self.finds_around(around, *start)? != around.negative {
                        kept.push(*start);
                    }
                }
                kept
            }
            Kind::Reference(reference) => match group(&self.tree.root, reference.number) {
                Some(referred) => self.ends_of_repeat(referred, reference.min, reference.max, starts, limit)?,
                None => Vec::new(),
            },
            Kind::Sequence(items) => self.ends_of_all(items, starts, limit)?,
            Kind::Alternatives(branches) => {
                let mut ends = Vec::new();
                for branch in branches {
                    let more = self.ends(branch, starts, limit)?;
                    add_new(&mut ends, more);
                }
                ends
            }
            Kind::Repeat(repeat) => self.ends_of_repeat(&repeat.node, repeat.min, repeat.max, starts, limit)?,
            Kind::Group(_, node) => self.ends(node, starts, limit)?,
        })
    }

    fn ends_of_all(&mut self, items: &[Node], starts: &[usize], limit: usize) -> Result<Vec<usize>> {
        let mut ends = starts.to_vec();
        for item in items {
            if ends.is_empty() {
                break;
            }
            ends = self.ends(item, &ends, limit)?;
        }
        Ok(ends)
    }

    fn ends_of_repeat(
        &mut self,
        node: &Node,
        min: u32,
        max: Option<u32>,
        starts: &[usize],
        limit: usize,
    ) -> Result<Vec<usize>> {
        let mut ends = starts.to_vec();
        for _ in 0..min {
            ends = self.ends(node, &ends, limit)?;
        }
        let mut fresh = ends.clone();
        let mut count = min;
        while !fresh.is_empty() && max.is_none_or(|max| count < max) {
            let reached = self.ends(node, &fresh, limit)?;
            fresh = add_new(&mut ends, reached);
            count += 1;
        }
        Ok(ends)
    }

    fn is_at(&self, place: Place, at: usize) -> bool {
        let bytes = self.text.as_bytes();
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let before = || at > 0 && is_word(&bytes[at - 1]);
        let after = || bytes.get(at).is_some_and(is_word);
        match place {
            Place::TextStart => at == 0,
            Place::TextEnd => at == bytes.len(),
            Place::LineStart => at == 0 || bytes[at - 1] == b'\n',
            Place::LineEnd => at == bytes.len() || bytes[at] == b'\n',
            Place::WordStart => !before() && after(),
            Place::WordEnd => before() && !after(),
            Place::WordEdge => before() != after(),
            Place::NotWordEdge => before() == after(),
        }
    }

    fn finds_around(&mut self, around: &Around, at: usize) -> Result<bool> {
        if around.ahead {
            return Ok(!self.ends(&around.node, &[at], self.text.len())?.is_empty());
        }
        let text = self.text;
        let starts: Vec<usize> = match width(&around.node) {
            Some(0) => vec![at],
            Some(width) => {
                let back = text[..at].char_indices().rev().nth(width - 1);
                back.into_iter().map(|(start, _)| start).collect()
            }
            None => text[..at].char_indices().map(|(start, _)| start).chain([at]).collect(),
        };
        Ok(self.ends(&around.node, &starts, at)?.last() == Some(&at))
    }

    /// Whether `node` may match exactly this span.
    fn fits(&mut self, node: &Node, start: usize, end: usize) -> Result<bool> {
        Ok(self.ends(node, &[start], end)?.last() == Some(&end))
    }

    /// Assigns to groups what `node` matched. What is called with is a span that `node` fits.
    fn take_apart(&mut self, node: &Node, start: usize, end: usize) -> Result<bool> {
        if !node.has_groups {
            return Ok(true);
        }
        self.count(1)?;
        match &node.kind {
            Kind::Group(number, node) => {
                let taken = self.take_apart(node, start, end)?;
                if taken {
                    self.spans[number - 1] = Some((start, end));
                }
                Ok(taken)
            }
            Kind::Reference(reference) => Ok(self.refers(reference, start, end)),
            Kind::Sequence(items) => self.take_sequence_apart(items, start, end),
            Kind::Alternatives(branches) => {
                for branch in branches {
                    if self.fits(branch, start, end)? && self.take_apart(branch, start, end)? {
                        return Ok(true);
                    }
                    self.forget(branch);
                }
                Ok(false)
            }
            Kind::Repeat(repeat) if repeat.min > 0 && !refers(&repeat.node) => {
                self.take_last_apart(repeat, node.prefer, start, end)
            }
            Kind::Repeat(repeat) => self.take_row_apart(repeat, start, end),
            Kind::Empty | Kind::Set(_) | Kind::At(_) | Kind::Around(_) => Ok(true),
        }
    }

    /// Whether the span is so many times what a group matched. If that matched nothing, not even none is right.
    fn refers(&self, reference: &Reference, start: usize, end: usize) -> bool {
        let Some((from, to)) = self.spans[reference.number - 1] else { return false };
        let (referred, matched) = (&self.text.as_bytes()[from..to], &self.text.as_bytes()[start..end]);
        if referred.is_empty() {
            return matched.is_empty();
        }
        let count = matched.len() / referred.len();
        let is_count = matched.len() % referred.len() == 0 && count >= reference.min as usize;
        let mut times = matched.chunks(referred.len());
        is_count
            && reference.max.is_none_or(|max| count <= max as usize)
            && times.all(|one| if self.tree.ignore_case { one.eq_ignore_ascii_case(referred) } else { one == referred })
    }

    fn take_sequence_apart(&mut self, items: &[Node], start: usize, end: usize) -> Result<bool> {
        let Some((first, rest)) = items.split_first() else { return Ok(start == end) };
        if rest.is_empty() {
            return self.take_apart(first, start, end);
        }
        let mut middles = self.ends(first, &[start], end)?;
        if first.prefer != Prefer::Shortest {
            middles.reverse();
        }
        for middle in middles {
            let fits = self.ends_of_all(rest, &[middle], end)?.last() == Some(&end);
            if fits && self.take_apart(first, start, middle)? && self.take_sequence_apart(rest, middle, end)? {
                return Ok(true);
            }
            if fits {
                items.iter().for_each(|item| self.forget(item));
            }
        }
        Ok(false)
    }

    /// Of a repetition without references only the last match counts: what is before it is as long (or short) as it can
    /// be, as if `x{2,3}` were `x{1,2}x`. The last match may so be empty.
    fn take_last_apart(&mut self, repeat: &Repeat, prefer: Prefer, start: usize, end: usize) -> Result<bool> {
        let (min, max) = (repeat.min - 1, repeat.max.map(|max| max - 1));
        let mut middles = self.ends_of_repeat(&repeat.node, min, max, &[start], end)?;
        if prefer != Prefer::Shortest {
            middles.reverse();
        }
        for middle in middles {
            if self.fits(&repeat.node, middle, end)? {
                return self.take_apart(&repeat.node, middle, end);
            }
        }
        Ok(false)
    }

    /// Finds a row of matches that fills the span, each as long (or short) as the repeated part prefers. Groups keep what
    /// they matched in the last.
    fn take_row_apart(&mut self, repeat: &Repeat, start: usize, end: usize) -> Result<bool> {
        let shortest = repeat.node.prefer == Prefer::Shortest;
        if start == end && repeat.min == 0 {
            // One empty match is better than none, but not if it is to be short.
            let once = !shortest && self.fits(&repeat.node, start, end)?;
            if !once || !self.take_apart(&repeat.node, start, end)? {
                self.forget(&repeat.node);
            }
            return Ok(true);
        }
        let min = repeat.min.max(1) as usize;
        let max = repeat.max.map_or(usize::MAX, |max| max as usize);
        // One entry a match so far: where it may end, the best last, and where it begins.
        let mut row: Vec<(Vec<usize>, usize)> = vec![(self.choices(&repeat.node, min - 1, start, end)?, start)];
        // Counts beyond the minimum are alike as long as there is no maximum.
        let mut failed: HashSet<(usize, usize)> = HashSet::new();
        let key = |count: usize, at: usize| (if max == usize::MAX { count.min(min) } else { count }, at);
        while let Some((choices, begun)) = row.last_mut() {
            let Some(at) = choices.pop() else {
                let dead = *begun;
                row.pop();
                if !self.tree.has_references {
                    failed.insert(key(row.len(), dead));
                }
                continue;
            };
            let count = row.len();
            if at == end {
                if count >= min && self.take_matches_apart(repeat, &row, end)? {
                    return Ok(true);
                }
                self.forget(&repeat.node);
            } else if count < max && !failed.contains(&key(count, at)) {
                let next = self.choices(&repeat.node, min.saturating_sub(count + 1), at, end)?;
                row.push((next, at));
            }
        }
        Ok(false)
    }

    /// Where a match that begins at `at` may end, the best last. It is only empty if there must be at least as many more
    /// matches as characters are left.
    fn choices(&mut self, node: &Node, more: usize, at: usize, end: usize) -> Result<Vec<usize>> {
        let mut ends = self.ends(node, &[at], end)?;
        if at < end && (more == 0 || self.text[at..end].chars().count() > more) {
            ends.retain(|end| *end != at);
        }
        if node.prefer == Prefer::Shortest {
            ends.reverse();
        }
        Ok(ends)
    }

    fn take_matches_apart(&mut self, repeat: &Repeat, row: &[(Vec<usize>, usize)], end: usize) -> Result<bool> {
        // Only references can refuse a match, and then each match of the row must be asked.
        let from = if self.tree.has_references { 0 } else { row.len() - 1 };
        for at in from..row.len() {
            self.forget(&repeat.node);
            let stop = row.get(at + 1).map_or(end, |(_, begun)| *begun);
            if !self.take_apart(&repeat.node, row[at].1, stop)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn forget(&mut self, node: &Node) {
        if !node.has_groups {
            return;
        }
        match &node.kind {
            Kind::Group(number, node) => {
                self.spans[number - 1] = None;
                self.forget(node);
            }
            Kind::Sequence(items) | Kind::Alternatives(items) => items.iter().for_each(|item| self.forget(item)),
            Kind::Repeat(repeat) => self.forget(&repeat.node),
            _ => {}
        }
    }

    fn count(&mut self, steps: usize) -> Result<()> {
        self.steps += steps;
        if self.steps > STEPS_MAX && self.tree.has_references {
            return Err(invalid(super::syntax::TOO_COMPLEX));
        }
        Ok(())
    }
}

/// Merges ascending positions; returns those that were not there.
fn add_new(all: &mut Vec<usize>, more: Vec<usize>) -> Vec<usize> {
    let last = all.last().copied();
    if more.first().is_some_and(|first| last.is_none_or(|last| *first > last)) {
        all.extend_from_slice(&more);
        return more;
    }
    let fresh: Vec<usize> = more.into_iter().filter(|at| all.binary_search(at).is_err()).collect();
    if !fresh.is_empty() {
        all.extend_from_slice(&fresh);
        all.sort_unstable();
    }
    fresh
}

pub fn group(node: &Node, number: usize) -> Option<&Node> {
    if !node.has_groups {
        return None;
    }
    match &node.kind {
        Kind::Group(own, inner) if *own == number => Some(inner),
        Kind::Group(_, inner) => group(inner, number),
        Kind::Sequence(items) | Kind::Alternatives(items) => items.iter().find_map(|item| group(item, number)),
        Kind::Repeat(repeat) => group(&repeat.node, number),
        _ => None,
    }
}

/// Whether a reference is within.
fn refers(node: &Node) -> bool {
    node.has_groups
        && match &node.kind {
            Kind::Reference(_) => true,
            Kind::Group(_, inner) => refers(inner),
            Kind::Sequence(items) | Kind::Alternatives(items) => items.iter().any(refers),
            Kind::Repeat(repeat) => refers(&repeat.node),
            _ => false,
        }
}

/// The number of characters of every match, if it is one number.
fn width(node: &Node) -> Option<usize> {
    match &node.kind {
        Kind::Empty | Kind::At(_) | Kind::Around(_) => Some(0),
        Kind::Set(_) => Some(1),
        Kind::Reference(_) => None,
        Kind::Sequence(items) => items.iter().map(width).sum(),
        Kind::Alternatives(branches) => {
            let first = width(&branches[0])?;
            branches.iter().all(|branch| width(branch) == Some(first)).then_some(first)
        }
        Kind::Repeat(repeat) if repeat.max == Some(repeat.min) => Some(width(&repeat.node)? * repeat.min as usize),
        Kind::Repeat(_) => None,
        Kind::Group(_, node) => width(node),
    }
}
