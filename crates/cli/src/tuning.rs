//! Sizes and times of a store, for tests and measurements. Hidden from `--help`: the defaults are meant to fit.

use std::time::Duration;

use atoll_cluster::store::Options;
use clap::Args;

#[derive(Args, Clone, Debug, Default)]
pub struct Tuning {
    /// Of one file of the log
    #[arg(long, hide = true, env = "ATOLL_SEGMENT_MIB", value_name = "MIB")]
    segment_mib: Option<u64>,
    /// Above which a range is split
    #[arg(long, hide = true, env = "ATOLL_RANGE_MIB", value_name = "MIB")]
    range_mib: Option<u64>,
    /// Of new log, after which the state is flushed and the log cut
    #[arg(long, hide = true, env = "ATOLL_CHECKPOINT_MIB", value_name = "MIB")]
    checkpoint_mib: Option<u64>,
    /// Of written state in memory, at which it is flushed
    #[arg(long, hide = true, env = "ATOLL_MEMTABLE_MIB", value_name = "MIB")]
    memtable_mib: Option<u64>,
    /// Room on the disk below which writes are refused
    #[arg(long, hide = true, env = "ATOLL_RESERVE_MIB", value_name = "MIB")]
    reserve_mib: Option<u64>,
    /// Between two rounds of housekeeping
    #[arg(long, hide = true, env = "ATOLL_HOUSEKEEPING_MS", value_name = "MS")]
    housekeeping_ms: Option<u64>,
}

impl Tuning {
    pub fn options(&self) -> Options {
        let mut options = Options::default();
        if let Some(mib) = self.segment_mib {
            options.wal.segment_bytes = mib << 20;
        }
        if let Some(mib) = self.range_mib {
            options.range_bytes_max = mib << 20;
        }
        if let Some(mib) = self.checkpoint_mib {
            options.checkpoint_bytes = mib << 20;
        }
        if let Some(mib) = self.memtable_mib {
            options.engine.memtable_bytes = mib << 20;
        }
        if let Some(mib) = self.reserve_mib {
            // What is committed must still be applied when new writes are refused, so the engine's own is smaller.
            options.reserve_bytes = mib << 20;
            options.engine.reserve_bytes = (mib << 20) * 2 / 5;
        }
        if let Some(ms) = self.housekeeping_ms {
            options.housekeeping_every = Duration::from_millis(ms);
        }
        options
    }

    /// What wasn't given is so small that a short run meets every kind of event.
    pub fn or_small(self) -> Tuning {
        Tuning {
            segment_mib: self.segment_mib.or(Some(4)),
            checkpoint_mib: self.checkpoint_mib.or(Some(2)),
            reserve_mib: self.reserve_mib.or(Some(16)),
            housekeeping_ms: self.housekeeping_ms.or(Some(500)),
            ..self
        }
    }

    /// The same for a child's command line.
    pub fn arguments(&self) -> Vec<String> {
        let all = [
            ("--segment-mib", self.segment_mib),
            ("--range-mib", self.range_mib),
            ("--checkpoint-mib", self.checkpoint_mib),
            ("--memtable-mib", self.memtable_mib),
            ("--reserve-mib", self.reserve_mib),
            ("--housekeeping-ms", self.housekeeping_ms),
        ];
        let given = all.into_iter().filter_map(|(name, value)| Some((name, value?)));
        given.flat_map(|(name, value)| [name.to_owned(), value.to_string()]).collect()
    }
}
