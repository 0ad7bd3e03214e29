//! Metrics, in the text format that Prometheus reads. Their names and meanings are promised in `docs/metrics.md`: one that
//! changes is another one.

use std::fmt::{Display, Write};

use atoll_env::machine::Process;
use atoll_sql::session::counts::{BOUNDS_MICROS, Totals};

use super::{Serving, State};

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

struct Text(String);

impl Text {
    /// Begins a metric; its samples follow.
    fn begin(&mut self, name: &str, kind: Kind, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {}", kind.name()));
    }

    fn sample(&mut self, name: &str, labels: impl Display, value: impl Display) {
        self.line(format_args!("{name}{labels} {value}"));
    }

    fn one(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.begin(name, kind, help);
        self.sample(name, "", value);
    }

    fn line(&mut self, line: impl Display) {
        writeln!(self.0, "{line}").expect("a String takes everything");
    }
}

pub(super) async fn text(state: &State) -> String {
    use Kind::{Counter, Gauge};
    let mut text = Text(String::with_capacity(8 << 10));
    text.begin("atoll_build_info", Gauge, "The release that runs.");
    text.sample("atoll_build_info", format_args!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1);
    let uptime = state.env.clock.mono() - state.begun;
    text.one("atoll_uptime_seconds", Gauge, "Since the process began to start.", uptime.as_secs_f64());
    text.one("atoll_ready", Gauge, "1 while /health?ready=1 says so.", u8::from(state.unready().is_none()));
    process(&mut text);
    if let Ok(space) = state.env.disk.space().await {
        text.one("atoll_disk_free_bytes", Gauge, "Room left where the data lies.", space.free_bytes);
        text.one("atoll_disk_size_bytes", Gauge, "Room there is in all.", space.total_bytes);
    }
    if let Some(Serving { node, sessions }) = state.serving() {
        let memory = &sessions.memory;
        text.one("atoll_sql_sessions", Gauge, "Sessions that are open.", sessions.backends().len());
        text.one("atoll_sql_memory_bytes", Gauge, "What running statements keep in memory.", memory.used());
        sql(&mut text, &sessions.counts());
        cluster(&mut text, &node);
        let log = node.wal.status();
        text.one("atoll_log_syncs_total", Counter, "Times that the log was made durable.", log.syncs);
        text.one("atoll_log_written_bytes_total", Counter, "Written to the log.", log.written_bytes);
        text.one("atoll_log_entries_total", Counter, "Entries appended to the log.", log.appended_entries);
        text.one("atoll_log_bytes", Gauge, "What the log takes on the disk.", log.bytes);
    }
    text.0
}

fn process(text: &mut Text) {
    use Kind::{Counter, Gauge};
    let Some(Process { resident_bytes, cpu, open_files, threads }) = Process::now() else { return };
    text.one("process_cpu_seconds_total", Counter, "Time on all cores.", cpu.as_secs_f64());
    text.one("process_resident_memory_bytes", Gauge, "Memory of the process.", resident_bytes);
    text.one("process_open_fds", Gauge, "Files and connections that are open.", open_files);
    text.one("process_threads", Gauge, "Threads of the process.", threads);
}

fn sql(text: &mut Text, totals: &Totals) {
    use Kind::{Counter, Histogram};
    text.one("atoll_sql_statements_total", Counter, "Statements that did what they should.", totals.statements);
    text.one("atoll_sql_errors_total", Counter, "Messages that were answered with an error.", totals.failed);
    let name = "atoll_sql_transactions_total";
    text.begin(name, Counter, "Transactions that ended, those of single statements included.");
    text.sample(name, "{outcome=\"committed\"}", totals.committed);
    text.sample(name, "{outcome=\"rolled_back\"}", totals.rolled_back);
    let name = "atoll_sql_request_seconds";
    text.begin(name, Histogram, "From the arrival of a query, or of the last statement before a Sync, to its answer.");
    let mut sum = 0;
    for (bound, count) in BOUNDS_MICROS.iter().zip(&totals.took) {
        sum += count;
        let bound = *bound as f64 / 1e6;
        text.sample("atoll_sql_request_seconds_bucket", format_args!("{{le=\"{bound}\"}}"), sum);
    }
    sum += totals.took[BOUNDS_MICROS.len()];
    text.sample("atoll_sql_request_seconds_bucket", "{le=\"+Inf\"}", sum);
    text.sample("atoll_sql_request_seconds_sum", "", totals.took_micros as f64 / 1e6);
    text.sample("atoll_sql_request_seconds_count", "", sum);
}

fn cluster(text: &mut Text, node: &atoll_cluster::store::Node) {
    use Kind::Gauge;
    let nodes = node.listed();
    let silent = nodes.iter().filter(|listed| listed.silent_ms.is_some()).count();
    text.begin("atoll_nodes", Gauge, "Nodes of the cluster, as this one hears of them.");
    text.sample("atoll_nodes", "{state=\"up\"}", nodes.len() - silent);
    text.sample("atoll_nodes", "{state=\"silent\"}", silent);
    let replicas = node.replicas();
    let leases = replicas.iter().filter(|replica| replica.holds_lease()).count();
    text.one("atoll_replicas", Gauge, "Replicas of ranges on this node.", replicas.len());
    text.one("atoll_leases", Gauge, "Ranges that this node has the lease of.", leases);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_adds_up() {
        let mut totals = Totals { took_micros: 1_500_000, ..Totals::default() };
        (totals.took[0], totals.took[3], totals.took[16]) = (5, 2, 1);
        let mut text = Text(String::new());
        sql(&mut text, &totals);
        for line in [
            "# TYPE atoll_sql_request_seconds histogram",
            "atoll_sql_request_seconds_bucket{le=\"0.0001\"} 5",
            "atoll_sql_request_seconds_bucket{le=\"0.001\"} 7",
            "atoll_sql_request_seconds_bucket{le=\"10\"} 7",
            "atoll_sql_request_seconds_bucket{le=\"+Inf\"} 8",
            "atoll_sql_request_seconds_sum 1.5",
            "atoll_sql_request_seconds_count 8",
        ] {
            assert!(text.0.lines().any(|other| other == line), "{line}\n{}", text.0);
        }
    }
}
