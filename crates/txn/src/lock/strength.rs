//! How strongly a row is locked: PostgreSQL's four row locks and their conflicts.
//!
//! | held ↓ wanted → | `KeyShare` | `Share` | `NoKeyUpdate` | `Update` |
//! | --- | --- | --- | --- | --- |
//! | `KeyShare` (`FOR KEY SHARE`, foreign key checks) | | | | ✗ |
//! | `Share` (`FOR SHARE`) | | | ✗ | ✗ |
//! | `NoKeyUpdate` (`UPDATE` of other columns) | | ✗ | ✗ | ✗ |
//! | `Update` (`DELETE`, `UPDATE` of key columns) | ✗ | ✗ | ✗ | ✗ |
//!
//! INVARIANT: what conflicts with a strength conflicts with every greater one. So two strengths held together are worth
//! exactly the greater, and the lock table may keep the strongest of a crowd instead of looking at each of it.
//!
//! Follows PostgreSQL's manual, "Explicit Locking", table 13.3.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    KeyShare,
    Share,
    NoKeyUpdate,
    Update,
}

impl Strength {
    /// Weakest first.
    pub const ALL: [Strength; 4] = [Strength::KeyShare, Strength::Share, Strength::NoKeyUpdate, Strength::Update];

    /// Whether two transactions can't hold these on one row. Symmetric.
    pub fn conflicts(self, other: Strength) -> bool {
        self as u8 + other as u8 >= 3
    }

    /// What a transaction holds that was granted both.
    pub fn combine(self, other: Strength) -> Strength {
        self.max(other)
    }

    /// Zero is none of them, so that a field that was left out is not taken for a lock.
    pub fn to_wire(self) -> i32 {
        self as i32 + 1
    }

    pub fn from_wire(wire: i32) -> Option<Strength> {
        Strength::ALL.into_iter().find(|strength| strength.to_wire() == wire)
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Strength::KeyShare => "key share",
            Strength::Share => "share",
            Strength::NoKeyUpdate => "no key update",
            Strength::Update => "update",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Strength::*;
    use super::*;

    #[test]
    fn conflicts_are_postgresqls() {
        let conflicts = [
            (KeyShare, vec![Update]),
            (Share, vec![NoKeyUpdate, Update]),
            (NoKeyUpdate, vec![Share, NoKeyUpdate, Update]),
            (Update, vec![KeyShare, Share, NoKeyUpdate, Update]),
        ];
        for (one, with) in conflicts {
            for other in Strength::ALL {
                assert_eq!(one.conflicts(other), with.contains(&other), "{one} {other}");
                assert_eq!(one.conflicts(other), other.conflicts(one), "{one} {other}");
            }
        }
    }

    #[test]
    fn two_held_are_worth_the_greater() {
        for a in Strength::ALL {
            for b in Strength::ALL {
                for other in Strength::ALL {
                    let both = a.conflicts(other) || b.conflicts(other);
                    assert_eq!(a.combine(b).conflicts(other), both, "{a} and {b} against {other}");
                }
            }
        }
    }

    #[test]
    fn wire_values_stay() {
        assert_eq!(Strength::ALL.map(Strength::to_wire), [1, 2, 3, 4]);
        for strength in Strength::ALL {
            assert_eq!(Strength::from_wire(strength.to_wire()), Some(strength));
        }
        assert_eq!(Strength::from_wire(0), None);
        assert_eq!(Strength::from_wire(5), None);
    }
}
