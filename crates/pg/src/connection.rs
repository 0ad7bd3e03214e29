//! The conversation with one client after it was let in.
//!
//! Messages are taken from what has arrived, one after the other, and answered in order; answers leave at Sync, Flush, the
//! end of a simple query, when much has gathered, and before waiting for the client. After an error in the extended
//! protocol everything up to Sync is thrown away.
//!
//! While the session works, somebody watches: a client that vanishes, a limit, or an order to end stops the statement by
//! its cancel handle. One that doesn't stop by that is dropped after `PATIENCE_TURNS`.

use std::collections::BTreeMap;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use atoll_datum::{Error, sqlstate};
use atoll_env::Clock;
use atoll_sql::exec::{Cancel, CancelReason};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::backend::Backend;
use crate::message::{Bind, Message, Target};
use crate::server::{Order, Orders, OrdersReceiver};
use crate::wire::Wire;

/// How often, and how many times, a statement that has to end is told so.
const PATIENCE_TURN: Duration = Duration::from_millis(100);
const PATIENCE_TURNS: u32 = 50;
/// Texts of prepared statements that are kept to tell where in them an error is.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// Why the conversation is over.
#[derive(Debug)]
pub enum Ending {
    /// The client said goodbye, or nobody is there.
    Gone,
    /// The client is to be told.
    Fatal(Error),
}

pub struct Conversation<'w, 's, B, S> {
    backend: B,
    wire: &'w mut Wire<'s, S>,
    watch: Watch<'s, S>,
    /// An error has occurred, and the client has not said Sync since.
    skipping: bool,
    texts: Texts,
}

/// What is looked at while the session works.
pub struct Watch<'s, S> {
    pub socket: &'s crate::socket::Socket<S>,
    pub orders: OrdersReceiver,
    pub clock: Clock,
    pub cancel: Arc<Cancel>,
}

/// Runs until the end of the conversation and gives the session back, for its own end.
pub async fn converse<'s, B: Backend, S: AsyncRead + AsyncWrite + Unpin + Send>(
    backend: B,
    wire: &mut Wire<'s, S>,
    watch: Watch<'s, S>,
) -> (B, Ending) {
    let mut conversation = Conversation { backend, wire, watch, skipping: false, texts: Texts::default() };
    let Err(ending) = conversation.run().await;
    (conversation.backend, ending)
}

impl<B: Backend, S: AsyncRead + AsyncWrite + Unpin + Send> Conversation<'_, '_, B, S> {
    async fn run(&mut self) -> Result<std::convert::Infallible, Ending> {
        self.ready().await?;
        // Nothing is asked and not answered.
        let mut idle = true;
        loop {
            let order = self.watch.orders.borrow().order;
            if order == Order::End || order == Order::Drain && idle {
                return Err(Ending::Fatal(terminated()));
            }
            let Some(frame) = self.wire.take_frame().map_err(Ending::Fatal)? else {
                self.wait(idle).await?;
                continue;
            };
            let message = match frame.message() {
                Ok(message) => message,
                Err(_) if self.skipping && frame.tag != b'S' => continue,
                Err(error) => {
                    self.backend.fail();
                    self.wire.error(&error, None);
                    self.skipping = !matches!(frame.tag, b'Q' | b'S');
                    if !self.skipping {
                        self.ready().await?;
                    }
                    continue;
                }
            };
            idle = false;
            match message {
                Message::Terminate => return Err(Ending::Gone),
                Message::Sync => {
                    self.sync().await?;
                    idle = true;
                }
                _ if self.skipping => {}
                Message::Query(sql) => {
                    self.simple(sql).await?;
                    idle = true;
                }
                Message::FunctionCall => {
                    self.backend.fail();
                    self.wire.error(&Error::unsupported("fastpath function call"), None);
                    self.ready().await?;
                    idle = true;
                }
                Message::Flush => self.send().await?,
                Message::Copy => {}
                step => self.step(step).await?,
            }
        }
    }

    /// ReadyForQuery.
    async fn ready(&mut self) -> Result<(), Ending> {
        self.wire.ready_for_query(self.backend.status());
        self.send().await
    }

    async fn send(&mut self) -> Result<(), Ending> {
        self.wire.send().await.map_err(|_| self.gone())
    }

    /// An order to end also ends waiting for the client to take what it is sent.
    fn gone(&self) -> Ending {
        match self.watch.orders.borrow().order {
            Order::End => Ending::Fatal(terminated()),
            _ => Ending::Gone,
        }
    }

    /// Waits for the client to say more.
    async fn wait(&mut self, idle: bool) -> Result<(), Ending> {
        self.send().await?;
        let limit = self.backend.idle_limit().filter(|_| idle);
        let Watch { socket, orders, clock, .. } = &mut self.watch;
        let too_long = async {
            match limit {
                Some((limit, error)) => {
                    clock.sleep(limit).await;
                    error
                }
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            more = socket.fill() => if more.unwrap_or(false) { Ok(()) } else { Err(Ending::Gone) },
            () = Orders::at_least(orders, if idle { Order::Drain } else { Order::End }) => Ok(()),
            error = too_long => Err(Ending::Fatal(error)),
        }
    }

    async fn simple(&mut self, sql: &str) -> Result<(), Ending> {
        let limit = self.backend.statement_limit();
        let work = self.backend.simple(sql, &mut *self.wire);
        let outcome = self.watch.over(limit, work).await?;
        // The unnamed statement and portal don't outlive a simple query.
        self.texts.forget_unnamed();
        self.told(outcome, Some(sql))?;
        self.ready().await
    }

    async fn sync(&mut self) -> Result<(), Ending> {
        self.skipping = false;
        let limit = self.backend.statement_limit();
        let work = self.backend.sync(&mut *self.wire);
        let outcome = self.watch.over(limit, work).await?;
        self.told(outcome, None)?;
        self.ready().await
    }

    /// One message of the extended protocol.
    async fn step(&mut self, message: Message<'_>) -> Result<(), Ending> {
        let Conversation { backend, wire, watch, texts, .. } = self;
        let wire: &mut Wire<'_, S> = wire;
        let limit = backend.statement_limit();
        let (outcome, text) = match message {
            Message::Parse { name, sql, types } => {
                let outcome = watch.over(limit, backend.parse(name, sql, &types, wire)).await?;
                if outcome.is_ok() {
                    texts.keep_statement(name, sql.into());
                }
                (outcome, Some(sql.into()))
            }
            Message::Bind(Bind { portal, statement, formats, parameters, results }) => {
                let work = backend.bind(portal, statement, &formats, parameters, &results, wire);
                let outcome = watch.over(limit, work).await?;
                let text = texts.statement(statement);
                if let (Ok(()), Some(text)) = (&outcome, &text) {
                    texts.keep_portal(portal, text.clone());
                }
                (outcome, text)
            }
            Message::Describe(Target::Statement(name)) => {
                (watch.over(limit, backend.describe_statement(name, wire)).await?, texts.statement(name))
            }
            Message::Describe(Target::Portal(name)) => {
                (watch.over(limit, backend.describe_portal(name, wire)).await?, texts.portal(name))
            }
            Message::Execute { portal, rows_max } => {
                (watch.over(limit, backend.execute(portal, rows_max, wire)).await?, texts.portal(portal))
            }
            Message::Close(Target::Statement(name)) => {
                backend.close_statement(name, wire);
                texts.forget_statement(name);
                (Ok(()), None)
            }
            Message::Close(Target::Portal(name)) => {
                backend.close_portal(name, wire);
                texts.forget_portal(name);
                (Ok(()), None)
            }
            other => (Err(Error::internal(format!("{other:?} is not a step of the extended protocol"))), None),
        };
        self.skipping = outcome.is_err();
        self.told(outcome, text.as_deref())
    }

    fn told(&mut self, outcome: Result<(), Error>, text: Option<&str>) -> Result<(), Ending> {
        match outcome {
            Ok(()) => Ok(()),
            Err(error) if error.state() == sqlstate::ADMIN_SHUTDOWN => Err(Ending::Fatal(error)),
            Err(error) => {
                self.wire.error(&error, text);
                Ok(())
            }
        }
    }
}

pub fn terminated() -> Error {
    Error::new(sqlstate::ADMIN_SHUTDOWN, "terminating connection due to administrator command")
}

/// What stops a statement from outside.
enum Disturbance {
    Gone,
    Ordered,
    Limit,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Watch<'_, S> {
    /// The outcome of the session's work, watched over.
    async fn over<T>(&mut self, mut limit: Option<Duration>, work: impl Future<Output = T>) -> Result<T, Ending> {
        let mut work = pin!(work);
        let reason = loop {
            let disturbance = tokio::select! {
                biased;
                outcome = &mut work => return Ok(outcome),
                disturbance = self.disturbance(limit) => disturbance,
            };
            match disturbance {
                Disturbance::Gone => break CancelReason::UserRequest,
                Disturbance::Ordered => break CancelReason::Shutdown,
                Disturbance::Limit => {
                    self.cancel.cancel(CancelReason::StatementTimeout);
                    limit = None;
                }
            }
        };
        for _ in 0..PATIENCE_TURNS {
            // Again each time, because a session that goes on to its next statement forgets it.
            self.cancel.cancel(reason);
            tokio::select! {
                biased;
                outcome = &mut work => return Ok(outcome),
                () = self.clock.sleep(PATIENCE_TURN) => {}
            }
        }
        tracing::warn!("a statement did not stop and was abandoned");
        Err(match reason {
            CancelReason::Shutdown => Ending::Fatal(terminated()),
            _ => Ending::Gone,
        })
    }

    async fn disturbance(&mut self, limit: Option<Duration>) -> Disturbance {
        let Watch { socket, orders, clock, .. } = self;
        let passed = async {
            match limit {
                Some(limit) => clock.sleep(limit).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = Orders::end(orders) => Disturbance::Ordered,
            () = poll_fn(|cx| socket.poll_gone(cx)) => Disturbance::Gone,
            () = passed => Disturbance::Limit,
        }
    }
}

/// The texts of statements and portals, to tell positions in. Those that SQL itself deallocates stay; when there are too
/// many, all are forgotten, and later errors in them come without a position.
#[derive(Default)]
struct Texts {
    statements: BTreeMap<String, Arc<str>>,
    portals: BTreeMap<String, Arc<str>>,
    bytes: usize,
}

impl Texts {
    fn statement(&self, name: &str) -> Option<Arc<str>> {
        self.statements.get(name).cloned()
    }

    fn portal(&self, name: &str) -> Option<Arc<str>> {
        self.portals.get(name).cloned()
    }

    fn keep_statement(&mut self, name: &str, text: Arc<str>) {
        self.forget_statement(name);
        if self.make_room(name.len() + text.len()) {
            self.statements.insert(name.to_owned(), text);
        }
    }

    fn keep_portal(&mut self, name: &str, text: Arc<str>) {
        self.forget_portal(name);
        if self.make_room(name.len() + text.len()) {
            self.portals.insert(name.to_owned(), text);
        }
    }

    fn make_room(&mut self, bytes: usize) -> bool {
        if bytes > TEXT_BYTES_MAX {
            return false;
        }
        if self.bytes + bytes > TEXT_BYTES_MAX {
            *self = Texts::default();
        }
        self.bytes += bytes;
        true
    }

    fn forget_statement(&mut self, name: &str) {
        if let Some(text) = self.statements.remove(name) {
            self.bytes -= name.len() + text.len();
        }
    }

    fn forget_portal(&mut self, name: &str) {
        if let Some(text) = self.portals.remove(name) {
            self.bytes -= name.len() + text.len();
        }
    }

    fn forget_unnamed(&mut self) {
        self.forget_statement("");
        self.forget_portal("");
    }
}
