//! What the console shows, as JSON: nodes, ranges, and what sessions of this node have done.

use std::time::Duration;

use atoll_cluster::members::Standing;
use atoll_cluster::show::Shown;
use atoll_env::{Mono, NodeId};
use atoll_sql::session::counts::BOUNDS_MICROS;
use atoll_storage::engine::Space;
use atoll_txn::key;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Serving, State};

/// However many look, nodes are asked this often.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// More are only counted.
const RANGES_MAX: usize = 500;

/// The last answer, and when it was made.
#[derive(Default)]
pub(super) struct Overview(tokio::sync::Mutex<Option<(Mono, Bytes)>>);

impl Overview {
    pub async fn of(&self, state: &State, serving: &Serving) -> Bytes {
        let mut last = self.0.lock().await;
        let now = state.env.clock.mono();
        if let Some((made, body)) = &*last
            && now - *made < ASK_EVERY
        {
            return body.clone();
        }
        let body = Bytes::from(overview(state, serving).await.to_string());
        *last = Some((now, body.clone()));
        body
    }
}

async fn overview(state: &State, Serving { node, sessions }: &Serving) -> Value {
    let totals = sessions.counts();
    let nodes = node.listed().into_iter().map(|listed| {
        let leaving = listed.member.standing() == Standing::Leaving;
        json!({
            "id": listed.member.id,
            "address": listed.member.address,
            "leaving": leaving,
            "silent_ms": listed.silent_ms,
            "replicas": listed.load.replicas,
            "leases": listed.load.leases,
        })
    });
    let ranges = node.ranges().await;
    json!({
        "node": node.id.0,
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_s": (state.env.clock.mono() - state.begun).as_secs(),
        "unready": state.unready(),
        "nodes": nodes.collect::<Vec<_>>(),
        "ranges_in_all": ranges.len(),
        "ranges": ranges.iter().take(RANGES_MAX).map(range).collect::<Vec<_>>(),
        "sessions": sessions.backends().len(),
        "statements": totals.statements,
        "errors": totals.failed,
        "committed": totals.committed,
        "rolled_back": totals.rolled_back,
        "bounds_micros": BOUNDS_MICROS,
        "took": totals.took,
        "now_ms": (state.env.clock.mono() - state.begun).as_millis() as u64,
    })
}

fn range(shown: &Shown) -> Value {
    let numbers = |nodes: &[NodeId]| nodes.iter().map(|node| node.0).collect::<Vec<_>>();
    let pretty = |bytes: &[u8]| key::pretty(Space::Current, bytes);
    let span = &shown.range.span;
    json!({
        "id": shown.range.id,
        "generation": shown.range.generation,
        "start": pretty(&span.start),
        "end": if span.end.is_empty() { "the end".to_owned() } else { pretty(&span.end) },
        "leaseholder": shown.leaseholder.map(|node| node.0),
        "voters": numbers(&shown.voters),
        "learners": numbers(&shown.learners),
        "bytes": shown.bytes,
    })
}
