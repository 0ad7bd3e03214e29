//! The last items seen: enough to notice what comes twice within a while, in bounded memory.

use std::collections::{BTreeSet, VecDeque};

pub(crate) struct Recent<T> {
    set: BTreeSet<T>,
    order: VecDeque<T>,
    items_max: usize,
}

impl<T: Ord + Copy> Recent<T> {
    pub fn new(items_max: usize) -> Recent<T> {
        Recent { set: BTreeSet::new(), order: VecDeque::new(), items_max }
    }

    /// Whether it is new.
    pub fn insert(&mut self, item: T) -> bool {
        if !self.set.insert(item) {
            return false;
        }
        self.order.push_back(item);
        if self.order.len() > self.items_max
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
        true
    }

    pub fn contains(&self, item: T) -> bool {
        self.set.contains(&item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut recent = Recent::new(2);
        assert!(recent.insert(1) && recent.insert(2) && !recent.insert(1));
        assert!(recent.insert(3));
        assert!(!recent.contains(1) && recent.contains(2) && recent.contains(3));
    }
}
