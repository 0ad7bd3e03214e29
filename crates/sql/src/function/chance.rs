//! Chance and the clock.

use std::time::Duration;

use atoll_datum::Datum;
use futures_util::future::BoxFuture;

use super::{SessionTable, WaitingTable};
use crate::exec::{self, Exec};

pub const SESSION: SessionTable = &[
    ("clock_timestamp", |scope, _, _| Ok(Datum::TimestampTz(micros(scope.node.env.clock.wall_ns())))),
    ("drandom", |scope, _, _| {
        let bits = scope.node.env.entropy.next_u64() >> 11;
        Ok(Datum::Float8(bits as f64 / (1u64 << 53) as f64))
    }),
    ("gen_random_uuid", |scope, _, _| {
        let mut bytes = [0; 16];
        scope.node.env.entropy.secret(&mut bytes);
        // Version 4, variant 1.
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Ok(Datum::Uuid(bytes))
    }),
];

pub const WAITING: WaitingTable = &[("pg_sleep", sleep)];

/// Microseconds between 1970-01-01 and 2000-01-01.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

fn micros(unix_ns: u64) -> i64 {
    (unix_ns / 1000) as i64 - EPOCH_MICROS
}

/// Ends early with its statement, which is dropped when it is cancelled.
fn sleep<'a>(exec: &'a mut Exec<'_>, arguments: &'a [Datum]) -> BoxFuture<'a, exec::Result<Datum>> {
    let scope = exec.scope;
    Box::pin(async move {
        if let [Datum::Float8(seconds)] = arguments
            && *seconds > 0.0
        {
            // A century is as good as for ever.
            scope.node.env.clock.sleep(Duration::from_secs_f64(seconds.min(3e9))).await;
        }
        Ok(Datum::Void)
    })
}
