//! A node on a store in the simulation, and sessions that show what psql would.

pub mod golden;

use std::fmt::Write;
use std::io;
use std::sync::Arc;

use atoll_cluster::{Options, Store};
use atoll_datum::{Datum, Error, Oid};
use atoll_env::{NodeId, sim};
use atoll_sql::exec::memory::Pool;
use atoll_sql::exec::spill::Place;
use atoll_sql::kv::{GatewayRef, Senders};
use atoll_sql::session::client::Mark;
use atoll_sql::session::variables::Severity;
use atoll_sql::session::{Client, Column, Connect, Encoding, Format, Node, Scratch, Session};
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;

/// What psql would show.
#[derive(Default)]
pub struct Shell {
    text: String,
    completed: usize,
    /// What COPY FROM STDIN is given.
    input: Option<Bytes>,
}

impl Shell {
    fn message(&mut self, severity: &str, error: &Error) {
        let fields = error.fields();
        writeln!(self.text, "{severity}:  {}: {}", fields.state, fields.message).unwrap();
        for (what, text) in [("DETAIL", &fields.detail), ("HINT", &fields.hint)] {
            if let Some(text) = text {
                writeln!(self.text, "{what}:  {text}").unwrap();
            }
        }
    }
}

impl Client for Shell {
    fn describe(&mut self, _: &[Column], _: &[Format]) {}

    fn describe_nothing(&mut self) {}

    fn describe_parameters(&mut self, _: &[Oid]) {}

    fn row(&mut self, encoding: &Encoding, row: &[Datum]) {
        let mut bytes = BytesMut::new();
        encoding.encode(row, &mut Scratch::default(), &mut bytes);
        let mut rest = &bytes[..];
        let mut fields = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
            fields.push(String::from_utf8_lossy(&after[..length]).into_owned());
            rest = &after[length..];
        }
        writeln!(self.text, "{}", fields.join("|")).unwrap();
    }

    fn complete(&mut self, tag: &str) {
        self.completed = self.text.len();
        if !tag.starts_with("SELECT ") {
            writeln!(self.text, "{tag}").unwrap();
        }
    }

    fn retract_complete(&mut self) {
        self.text.truncate(self.completed);
    }

    fn complete_empty(&mut self) {}

    fn suspend(&mut self) {}

    fn parse_complete(&mut self) {}

    fn bind_complete(&mut self) {}

    fn close_complete(&mut self) {}

    fn notice(&mut self, severity: Severity, notice: &Error) {
        let severity = match severity {
            Severity::Warning => "WARNING",
            Severity::Info => "INFO",
            _ => "NOTICE",
        };
        self.message(severity, notice);
    }

    fn parameter(&mut self, _: &str, _: &str) {}

    fn relieve(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn flush(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn mark(&self) -> Mark {
        Mark(self.text.len() as u64)
    }

    fn take_back(&mut self, mark: Mark) -> bool {
        self.text.truncate(mark.0 as usize);
        true
    }

    fn copy_in(&mut self, _: Format, _: usize) {}

    fn copy_data(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, Error>> {
        let piece = self.input.take();
        Box::pin(async { Ok(piece) })
    }

    fn copy_out(&mut self, _: Format, _: usize) {}

    fn copy_row(&mut self, _: &[u8]) {}

    fn copy_done(&mut self) {}
}

pub async fn session(node: &Arc<Node>, pid: i32) -> Session {
    let connect = Connect {
        user: "postgres".into(),
        database: "postgres".into(),
        parameters: Vec::new(),
        pid,
        address: None,
        signal: Box::new(|_| {}),
    };
    Session::open(node.clone(), connect).expect("a session opens")
}

pub async fn answer(session: &mut Session, sql: &str) -> String {
    answer_with(session, sql, "").await
}

/// `data` is what follows a COPY FROM STDIN.
pub async fn answer_with(session: &mut Session, sql: &str, data: &str) -> String {
    let mut shell = Shell { input: Some(Bytes::copy_from_slice(data.as_bytes())), ..Shell::default() };
    if let Err(error) = session.simple(sql, &mut shell).await {
        shell.message("ERROR", &error);
    }
    shell.text.trim_end().to_owned()
}

pub fn small() -> Options {
    let mut options = Options::default();
    options.wal.segment_bytes = 1 << 22;
    options.reserve_bytes = 1 << 22;
    options.engine.reserve_bytes = 1 << 20;
    options
}

/// Runs a scenario on a node with a fresh store.
pub fn on_a_node<F>(scenario: impl FnOnce(Arc<Node>, Store) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    sim::run(1, sim::Options::default(), |world| async move {
        let env = world.boot(NodeId(1));
        let opened = env.clone();
        let work = env.tasks.spawn("test", async move {
            let store = Store::open(&opened, NodeId(1), small()).await.expect("the store opens");
            let gateway: GatewayRef = Arc::new(Senders(store.router()));
            let node = Node::open(opened, gateway, Pool::default(), Place::default()).await;
            scenario(node.map_err(|failure| failure.into_error()).expect("the node opens"), store).await;
        });
        work.await.expect("the scenario runs to its end");
    });
}
