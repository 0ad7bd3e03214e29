//! Some of the rows of a stream whose length nobody knows, each as likely to be among them as any other: Vitter's
//! algorithm R.
//!
//! INVARIANT: whatever the rows, a sample takes no more than [`BYTES_MAX`] and one row. It holds fewer rows then, and
//! still favours none.

use atoll_env::Entropy;

use crate::optimize::analyze::Sampled;

const BYTES_MAX: usize = 64 << 20;

pub struct Sample {
    /// With the row's place in the stream.
    rows: Vec<(u64, Vec<Sampled>)>,
    most: usize,
    seen: u64,
    bytes: usize,
    entropy: Entropy,
}

impl Sample {
    /// Of at most so many rows; none at all for 0.
    pub fn new(most: usize, entropy: Entropy) -> Sample {
        Sample { rows: Vec::new(), most, seen: 0, bytes: 0, entropy }
    }

    /// How many rows there were.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The next row of the stream; made only if it is wanted.
    pub fn offer<E>(&mut self, row: impl FnOnce() -> Result<Vec<Sampled>, E>) -> Result<(), E> {
        let number = self.seen;
        self.seen += 1;
        if self.rows.len() < self.most {
            let row = row()?;
            self.bytes += bytes(&row);
            self.rows.push((number, row));
        } else if self.most > 0 {
            let place = self.entropy.below(self.seen);
            let Some(out) = usize::try_from(place).ok().and_then(|place| self.rows.get_mut(place)) else {
                return Ok(());
            };
            let row = row()?;
            self.bytes = self.bytes - bytes(&out.1) + bytes(&row);
            *out = (number, row);
        }
        while self.bytes > BYTES_MAX && self.rows.len() > 1 {
            self.halve();
        }
        Ok(())
    }

    fn halve(&mut self) {
        self.most = self.rows.len() / 2;
        while self.rows.len() > self.most {
            let out = self.entropy.below(self.rows.len() as u64) as usize;
            let (_, row) = self.rows.swap_remove(out);
            self.bytes -= bytes(&row);
        }
    }

    /// The rows in the order in which they came.
    pub fn into_rows(mut self) -> Vec<Vec<Sampled>> {
        self.rows.sort_unstable_by_key(|(number, _)| *number);
        self.rows.into_iter().map(|(_, row)| row).collect()
    }
}

fn bytes(row: &[Sampled]) -> usize {
    size_of::<(u64, Vec<Sampled>)>() + row.iter().map(Sampled::bytes).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use atoll_datum::Datum;
    use atoll_env::{Env, NodeId};

    use super::*;

    fn sample_of(most: usize, rows: i32, value: impl Fn(i32) -> Datum) -> Sample {
        let mut sample = Sample::new(most, Env::real_client(NodeId::default()).entropy);
        for row in 0..rows {
            let Ok(()) = sample.offer(|| Ok::<_, std::convert::Infallible>(vec![Sampled::new(value(row))]));
        }
        sample
    }

    #[test]
    fn few_rows_are_all_there_in_their_order() {
        let rows = sample_of(10, 5, Datum::Int4).into_rows();
        let expected: Vec<_> = (0..5).map(|row| vec![Sampled::Value(Datum::Int4(row))]).collect();
        assert_eq!(rows, expected);
        assert!(sample_of(0, 5, Datum::Int4).into_rows().is_empty());
    }

    #[test]
    fn many_rows_are_spread_over_all() {
        let sample = sample_of(1000, 100_000, Datum::Int4);
        assert_eq!(sample.seen(), 100_000);
        let rows = sample.into_rows();
        let late = rows.iter().filter(|row| matches!(row[0], Sampled::Value(Datum::Int4(50_000..)))).count();
        assert_eq!(rows.len(), 1000);
        // Sixteen standard deviations.
        assert!((250..750).contains(&late), "{late} of 1000 rows are of the second half");
    }

    #[test]
    fn memory_is_bounded() {
        let sample = sample_of(200_000, 200_000, |row| Datum::text(format!("{row:0900}")));
        assert!(sample.bytes <= BYTES_MAX && sample.rows.len() > 20_000);
        let rows = sample.into_rows();
        assert!(rows.len() < 100_000);
    }
}
