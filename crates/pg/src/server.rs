//! All connections of a node: who is let in, who is asked to stop, and the end of all.
//!
//! INVARIANT: a connection ends by itself soon after [`Order::End`], whatever its client and its session do.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use atoll_datum::{Error, sqlstate};
use atoll_env::net::clients::Listener;
use atoll_env::{Env, tasks::Task};
use atoll_sql::exec::{Cancel, CancelReason};
use atoll_sql::session::{Connect, Node, Request as SessionRequest, Session, Signal};
use parking_lot::Mutex;
use subtle::ConstantTimeEq;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::auth::{self, Failure, Roles};
use crate::backend::Backend;
use crate::connection::{self, Ending, Watch};
use crate::scram::Key;
use crate::socket::Socket;
use crate::startup::{self, Negotiated, Request, Start};
use crate::tls::Tls;
use crate::wire::Wire;

/// How long to wait before the next try to accept, when the system refuses.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// For a client's last message and a session's end.
const FAREWELL: Duration = Duration::from_secs(5);
/// Besides those that sessions may use: for clients that are not yet let in, and cancel requests.
const MORE_SOCKETS: usize = 100;

#[derive(Clone)]
pub struct Options {
    pub connections_max: usize,
    /// The numbers that sessions get.
    pub pids: RangeInclusive<i32>,
    /// Of these, how many only superusers get.
    pub superuser_connections: usize,
    /// Clients from this machine need no password.
    pub trust_loopback: bool,
    /// Clients from elsewhere may come without TLS.
    pub plain_remote: bool,
    pub tls: Option<Tls>,
    pub roles: Roles,
    /// What roles that don't exist get their salts from. One for a cluster, so that they look alike everywhere and always.
    pub mock_secret: Key,
    /// From the first byte until a client is let in.
    pub authentication_timeout: Duration,
    /// Of a message with a statement, parameters or data.
    pub message_bytes_max: usize,
}

impl Options {
    pub fn new(roles: Roles, mock_secret: Key) -> Options {
        Options {
            connections_max: 100,
            pids: 1..=i32::MAX,
            superuser_connections: 3,
            trust_loopback: false,
            plain_remote: false,
            tls: None,
            roles,
            mock_secret,
            authentication_timeout: Duration::from_secs(60),
            message_bytes_max: 64 << 20,
        }
    }
}

/// What a connection is to do from outside; only ever more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Order {
    #[default]
    Serve,
    /// End when nothing is being done.
    Drain,
    End,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Orders {
    pub order: Order,
    /// Counts cancel requests, so that each wakes who waits for orders.
    cancels: u64,
}

pub type OrdersReceiver = watch::Receiver<Orders>;

impl Orders {
    pub async fn at_least(orders: &mut OrdersReceiver, order: Order) {
        // Fails only without a sender, and each connection has its own.
        drop(orders.wait_for(|orders| orders.order >= order).await);
    }

    pub async fn end(orders: &mut OrdersReceiver) {
        Orders::at_least(orders, Order::End).await;
    }
}

/// A connection, as others see it.
struct Control {
    secret: [u8; 4],
    orders: watch::Sender<Orders>,
    /// None until there is a session.
    cancel: Mutex<Option<Arc<Cancel>>>,
}

impl Control {
    fn order(&self, order: Order) {
        self.orders.send_modify(|orders| orders.order = orders.order.max(order));
    }

    /// For other sessions: `pg_cancel_backend` and `pg_terminate_backend`.
    fn signal(self: &Arc<Self>) -> Signal {
        let control = Arc::downgrade(self);
        Box::new(move |request| {
            let Some(control) = control.upgrade() else { return };
            match request {
                SessionRequest::Cancel => control.cancel(),
                SessionRequest::Terminate => control.order(Order::End),
            }
        })
    }

    fn cancel(&self) {
        let cancel = self.cancel.lock().clone();
        if let Some(cancel) = cancel {
            cancel.cancel(CancelReason::UserRequest);
            self.orders.send_modify(|orders| orders.cancels += 1);
        }
    }
}

pub(crate) struct Server<B: Backend> {
    node: Arc<B::Node>,
    env: Env,
    options: Options,
    connections: Arc<Connections>,
}

struct Connections {
    open: Mutex<Open>,
    sockets: AtomicUsize,
    /// How many sessions there are, for those who wait for none.
    count: watch::Sender<usize>,
    order: watch::Sender<Orders>,
}

#[derive(Default)]
struct Open {
    last_pid: i32,
    controls: BTreeMap<i32, Arc<Control>>,
}

/// Speaks the protocol on this listener.
pub fn serve(node: Arc<Node>, env: Env, listener: Listener, options: Options) -> Handle {
    serve_backend::<Session>(node, env, listener, options)
}

pub(crate) fn serve_backend<B: Backend>(node: Arc<B::Node>, env: Env, listener: Listener, options: Options) -> Handle {
    let address = listener.address();
    let server = Arc::new(Server::<B>::new(node, env.clone(), options));
    let connections = server.connections.clone();
    let accepting = env.tasks.spawn("pg.accept", server.accept(listener));
    Handle { connections, env, accepting, address }
}

/// The running server. Dropped, it goes on.
pub struct Handle {
    connections: Arc<Connections>,
    env: Env,
    accepting: Task<()>,
    address: SocketAddr,
}

impl Handle {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sessions that are open now.
    pub fn sessions(&self) -> usize {
        *self.connections.count.borrow()
    }

    /// Stops what a session is doing. False if there is no such session.
    pub fn cancel(&self, pid: i32) -> bool {
        self.connections.control(pid).inspect(|control| control.cancel()).is_some()
    }

    /// Ends a session. False if there is no such session.
    pub fn terminate(&self, pid: i32) -> bool {
        self.connections.control(pid).inspect(|control| control.order(Order::End)).is_some()
    }

    /// Lets nobody in any more, ends idle sessions, gives running statements this long, and returns when all have ended.
    pub async fn stop(self, grace: Duration) {
        self.accepting.abort();
        let mut count = self.connections.count.subscribe();
        self.connections.order_all(Order::Drain);
        let drained = self.env.clock.timeout(grace, none_left(&mut count)).await;
        if drained.is_err() {
            self.connections.order_all(Order::End);
            none_left(&mut count).await;
        }
    }
}

async fn none_left(count: &mut watch::Receiver<usize>) {
    // The sender is in the handle that waits here.
    drop(count.wait_for(|count| *count == 0).await);
}

impl Connections {
    fn control(&self, pid: i32) -> Option<Arc<Control>> {
        self.open.lock().controls.get(&pid).cloned()
    }

    fn order_all(&self, order: Order) {
        self.order.send_modify(|orders| orders.order = orders.order.max(order));
        let controls: Vec<Arc<Control>> = self.open.lock().controls.values().cloned().collect();
        controls.iter().for_each(|control| control.order(order));
    }

    /// Does what a cancel request asks. Nobody is told whether it was a right one.
    fn cancel(&self, pid: i32, secret: &[u8]) {
        if let Some(control) = self.control(pid)
            && bool::from(control.secret.as_slice().ct_eq(secret))
        {
            control.cancel();
        }
    }

    /// Lets a session in, if there is room.
    fn enter(self: &Arc<Self>, superuser: bool, options: &Options, secret: [u8; 4]) -> Result<Entered, Error> {
        let mut open = self.open.lock();
        // Under the lock, so that whoever is let in hears of every later order.
        if self.order.borrow().order > Order::Serve {
            return Err(shutting_down());
        }
        let taken = open.controls.len();
        if taken >= options.connections_max {
            return Err(Error::new(sqlstate::TOO_MANY_CONNECTIONS, "sorry, too many clients already"));
        }
        if !superuser && taken >= options.connections_max.saturating_sub(options.superuser_connections) {
            return Err(Error::new(
                sqlstate::TOO_MANY_CONNECTIONS,
                "remaining connection slots are reserved for non-replication superuser connections",
            ));
        }
        let mut pid = open.last_pid;
        loop {
            let goes_on = options.pids.contains(&pid) && pid < *options.pids.end();
            pid = if goes_on { pid + 1 } else { *options.pids.start() };
            if !open.controls.contains_key(&pid) {
                break;
            }
        }
        open.last_pid = pid;
        let control = Arc::new(Control { secret, orders: watch::Sender::default(), cancel: Mutex::default() });
        open.controls.insert(pid, control.clone());
        self.count.send_replace(open.controls.len());
        Ok(Entered { connections: self.clone(), control, pid })
    }
}

/// A session's place; free again when this is dropped.
struct Entered {
    connections: Arc<Connections>,
    control: Arc<Control>,
    pid: i32,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        open.controls.remove(&self.pid);
        self.connections.count.send_replace(open.controls.len());
    }
}

/// One of the sockets that may be open.
struct Place(Arc<Connections>);

impl Place {
    fn take(connections: &Arc<Connections>, places: usize) -> Option<Place> {
        let taken = connections.sockets.fetch_add(1, Ordering::Relaxed);
        // Gives back at once what is one too many.
        let place = Place(connections.clone());
        (taken < places).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}

fn shutting_down() -> Error {
    Error::new(sqlstate::CANNOT_CONNECT_NOW, "the database system is shutting down")
}

impl<B: Backend> Server<B> {
    pub(crate) fn new(node: Arc<B::Node>, env: Env, options: Options) -> Server<B> {
        let connections = Arc::new(Connections {
            open: Mutex::default(),
            sockets: AtomicUsize::new(0),
            count: watch::Sender::default(),
            order: watch::Sender::default(),
        });
        Server { node, env, options, connections }
    }

    async fn accept(self: Arc<Self>, mut listener: Listener) {
        let places = self.options.connections_max.saturating_add(MORE_SOCKETS);
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => match Place::take(&self.connections, places) {
                    Some(place) => {
                        let server = self.clone();
                        // Detached: it ends with its client or the server.
                        drop(self.env.tasks.spawn("pg.connection", async move {
                            let _place = place;
                            server.attend(stream, peer).await;
                        }));
                    }
                    None => tracing::warn!(%peer, "closed a connection: there are too many"),
                },
                Err(error) => {
                    // Most likely too many open files; some will be closed.
                    tracing::warn!(%error, "can't accept a connection");
                    self.env.clock.sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// A connection, from its first byte to its last.
    pub(crate) async fn attend<S: AsyncRead + AsyncWrite + Unpin + Send>(&self, stream: S, peer: SocketAddr) {
        let began = self.env.clock.mono();
        let mut node_orders = self.connections.order.subscribe();
        let negotiating = startup::negotiate(stream, self.options.tls.as_ref());
        let negotiated = tokio::select! {
            biased;
            negotiated = self.env.clock.timeout(self.options.authentication_timeout, negotiating) => negotiated,
            () = Orders::at_least(&mut node_orders, Order::Drain) => return,
        };
        let Negotiated { stream, packet, rest } = match negotiated {
            Ok(Ok(negotiated)) => negotiated,
            Ok(Err(error)) => return tracing::debug!(%peer, %error, "a client did not come to its startup packet"),
            Err(_) => return tracing::debug!(%peer, "a client took too long for its startup packet"),
        };
        let encrypted = matches!(stream, startup::Stream::Tls(_));
        let socket = Socket::new(stream, rest);
        let start = match Request::parse(&packet) {
            Ok(Request::Start(start)) => start,
            Ok(Request::Cancel { pid, secret }) => return self.connections.cancel(pid, &secret),
            Err(error) => {
                let mut wire = Wire::new(&socket, node_orders, self.options.message_bytes_max);
                return self.bid_farewell(&mut wire, Some(&error), peer).await;
            }
        };

        let left = self.options.authentication_timeout.saturating_sub(self.env.clock.mono() - began);
        let mut secret = [0; 4];
        self.env.entropy.secret(&mut secret);
        let mut wire = Wire::new(&socket, node_orders.clone(), self.options.message_bytes_max);
        let identified = tokio::select! {
            biased;
            identified = self.env.clock.timeout(left, self.identify(&mut wire, &start, peer, encrypted)) => identified,
            () = Orders::at_least(&mut node_orders, Order::Drain) => Ok(Err(shutting_down().into())),
        };
        let entered = match identified {
            Ok(Ok(superuser)) => self.connections.enter(superuser, &self.options, secret).map_err(Failure::Refused),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(Failure::Gone(io::ErrorKind::TimedOut.into())),
        };
        let entered = match entered {
            Ok(entered) => entered,
            Err(Failure::Refused(error)) => return self.bid_farewell(&mut wire, Some(&error), peer).await,
            Err(Failure::Gone(error)) => return tracing::debug!(%peer, %error, "a client did not log in"),
        };
        wire.set_orders(entered.control.orders.subscribe());
        let error = self.converse(&entered, &socket, &mut wire, start, peer).await;
        self.bid_farewell(&mut wire, error.as_ref(), peer).await;
    }

    /// Whether the user is a superuser, once it is known that it is the user.
    async fn identify<S: AsyncRead + AsyncWrite + Unpin + Send>(
        &self,
        wire: &mut Wire<'_, S>,
        start: &Start,
        peer: SocketAddr,
        encrypted: bool,
    ) -> Result<bool, Failure> {
        wire.put(|out| start.answer_version(out));
        let options = &self.options;
        let local = peer.ip().to_canonical().is_loopback();
        if !local && !encrypted && !options.plain_remote {
            let (host, Start { user, database, .. }) = (peer.ip(), start);
            let message = format!(
                "no pg_hba.conf entry for host \"{host}\", user \"{user}\", database \"{database}\", no encryption"
            );
            return Err(Error::new(sqlstate::INVALID_AUTHORIZATION_SPECIFICATION, message).into());
        }
        let role = (options.roles)(&start.user).await?;
        if !(local && options.trust_loopback) {
            let end_point = options.tls.as_ref().filter(|_| encrypted).and_then(Tls::end_point);
            let entropy = &self.env.entropy;
            auth::ask_password(wire, &start.user, role.as_ref(), end_point, &options.mock_secret, entropy).await?;
        }
        auth::put_ok(wire);
        Ok(role.is_some_and(|role| role.superuser))
    }

    /// From the session's beginning to its end. Returns what the client is still to be told.
    async fn converse<'s, S: AsyncRead + AsyncWrite + Unpin + Send>(
        &self,
        entered: &Entered,
        socket: &'s Socket<S>,
        wire: &mut Wire<'s, S>,
        start: Start,
        peer: SocketAddr,
    ) -> Option<Error> {
        let Start { user, database, parameters, .. } = start;
        let connect = Connect {
            user,
            database,
            parameters,
            pid: entered.pid,
            address: Some(peer),
            signal: entered.control.signal(),
        };
        let mut orders = entered.control.orders.subscribe();
        let opened = tokio::select! {
            biased;
            opened = B::open(self.node.clone(), connect) => opened,
            () = Orders::end(&mut orders) => Err(shutting_down()),
        };
        let backend = match opened {
            Ok(backend) => backend,
            Err(error) => return Some(error),
        };
        let cancel = backend.cancel_handle();
        *entered.control.cancel.lock() = Some(cancel.clone());
        wire.set_cancel(cancel.clone());
        for (name, value) in backend.parameters() {
            wire.put(|out| crate::reply::parameter_status(out, &name, &value));
        }
        auth::put_key(wire, entered.pid, entered.control.secret);
        let watch = Watch { socket, orders, clock: self.env.clock.clone(), cancel };
        let (backend, ending) = connection::converse(backend, wire, watch).await;
        if self.env.clock.timeout(FAREWELL, backend.close()).await.is_err() {
            tracing::warn!(pid = entered.pid, "a session did not close in time");
        }
        match ending {
            Ending::Gone => None,
            Ending::Fatal(error) => Some(error),
        }
    }

    async fn bid_farewell<S: AsyncRead + AsyncWrite + Unpin + Send>(
        &self,
        wire: &mut Wire<'_, S>,
        error: Option<&Error>,
        peer: SocketAddr,
    ) {
        if let Some(error) = error {
            tracing::debug!(%peer, state = %error.state(), %error, "closing a client's connection");
        }
        // Whether it arrives is up to the client.
        if let Ok(Err(error)) = self.env.clock.timeout(FAREWELL, wire.end(error)).await {
            tracing::debug!(%peer, %error, "a client was gone before its connection was closed");
        }
    }
}
