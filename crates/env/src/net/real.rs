//! Requests over TCP: one connection to each peer we call, made when needed, shared by all calls to it.
//!
//! ```text
//! call ──▶ queue ──▶ ┌ task of the connection ┐ ──TCP──▶ ┌ task of the connection ┐ ──▶ a task per request
//!   ▲                │ writes, reads, pings   │          │ reads, writes          │          │
//!   └── oneshot ◀────└────────────────────────┘ ◀──TCP── └────────────────────────┘ ◀─queue──┘
//! ```
//! A call that was put into the queue and has no answer when its connection ends is lost; before that it was never
//! delivered.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout, timeout_at},
};
use tracing::{debug, warn};

use super::{
    BODY_BYTES_MAX, Error, Handler, Who,
    frame::{Frame, Kind, malformed, read_hello, write_hello},
};
use crate::{NodeId, Tasks};

const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// A silent peer is asked this often, and given up after three silent turns.
const PING_INTERVAL: Duration = Duration::from_secs(2);
const SILENT_TURNS_MAX: u32 = 3;
/// Instead of a deadline that can't be expressed.
const FAR_FUTURE: Duration = Duration::from_secs(30 * 365 * 86400);
const QUEUE_FRAMES: usize = 1024;
const READ_BUFFER_BYTES: usize = 64 << 10;

pub(super) struct RealNet {
    who: Arc<Mutex<Who>>,
    tasks: Tasks,
    services: Arc<Services>,
    peers: Mutex<BTreeMap<NodeId, Arc<Peer>>>,
}

#[derive(Default)]
struct Services {
    handlers: Mutex<BTreeMap<u8, Handler>>,
}

impl Services {
    fn handler(&self, service: u8) -> Option<Handler> {
        self.handlers.lock().get(&service).cloned()
    }
}

struct Peer {
    node: NodeId,
    address: String,
    /// Held while connecting, so that there is one attempt at a time.
    connection: tokio::sync::Mutex<Option<Arc<Connection>>>,
}

impl Peer {
    fn new(node: NodeId, address: String) -> Peer {
        Peer { node, address, connection: tokio::sync::Mutex::new(None) }
    }
}

/// Of different clusters neither may talk to the other.
fn check_cluster(one: Who, other: Who) -> io::Result<()> {
    match one.cluster == other.cluster || one.cluster == 0 || other.cluster == 0 {
        true => Ok(()),
        false => Err(malformed(format!("{} belongs to another cluster, {:032x}", other.node, other.cluster))),
    }
}

impl RealNet {
    pub(super) fn new(node: NodeId, tasks: Tasks) -> RealNet {
        let who = Who { node, cluster: 0 };
        RealNet { who: Arc::new(Mutex::new(who)), tasks, services: Arc::default(), peers: Mutex::default() }
    }

    pub(super) fn set_who(&self, who: Who) {
        let before = std::mem::replace(&mut *self.who.lock(), who);
        if before != who {
            // Connections have said hello as somebody else.
            for peer in self.peers.lock().values_mut() {
                *peer = Arc::new(Peer::new(peer.node, peer.address.clone()));
            }
        }
    }

    pub(super) fn who(&self) -> Who {
        *self.who.lock()
    }

    pub(super) async fn greet(&self, address: &str, within: Duration) -> io::Result<NodeId> {
        let found = timeout(within, self.open(address)).await.map_err(|_| io::ErrorKind::TimedOut)??.1;
        self.set_peer(found, address.to_owned());
        Ok(found)
    }

    /// A connection, and whose it is.
    async fn open(&self, address: &str) -> io::Result<(TcpStream, NodeId)> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let who = self.who();
        write_hello(&mut stream, who).await?;
        let found = read_hello(&mut stream).await?;
        check_cluster(who, found)?;
        Ok((stream, found.node))
    }

    pub(super) fn serve(&self, service: u8, handler: Handler) {
        self.services.handlers.lock().insert(service, handler);
    }

    pub(super) fn set_peer(&self, node: NodeId, address: String) {
        let mut peers = self.peers.lock();
        if peers.get(&node).is_none_or(|peer| peer.address != address) {
            peers.insert(node, Arc::new(Peer::new(node, address)));
        }
    }

    pub(super) async fn call(&self, to: NodeId, service: u8, body: Bytes, limit: Duration) -> Result<Bytes, Error> {
        if to == self.who().node {
            return self.call_self(service, body, limit).await;
        }
        let now = Instant::now();
        let deadline = now.checked_add(limit).unwrap_or(now + FAR_FUTURE);
        let peer = self.peers.lock().get(&to).cloned().ok_or(Error::Unreachable)?;
        let connection = match timeout_at(deadline, self.connection(&peer)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                debug!(node = %to, address = peer.address, %error, "can't connect");
                return Err(Error::Unreachable);
            }
            Err(_) => return Err(Error::Unreachable),
        };
        let (ticket, answer) = Connection::enter(&connection).ok_or(Error::Unreachable)?;
        let request = Frame { id: ticket.id, kind: Kind::Request, service, body };
        match timeout_at(deadline, connection.queue.send(request)).await {
            Ok(Ok(())) => (),
            Ok(Err(_)) | Err(_) => return Err(Error::Unreachable),
        }
        match timeout_at(deadline, answer).await {
            Ok(Ok(Frame { kind: Kind::Answer, body, .. })) => Ok(body),
            Ok(Ok(_)) => Err(Error::Unreachable),
            Ok(Err(_)) | Err(_) => Err(Error::Lost),
        }
    }

    async fn call_self(&self, service: u8, body: Bytes, limit: Duration) -> Result<Bytes, Error> {
        let handler = self.services.handler(service).ok_or(Error::Unreachable)?;
        let from = self.who().node;
        // As a task, so that it goes on when the caller gives up, as with any other node.
        let task = self.tasks.spawn("net.request", async move { handler(from, body).await });
        match timeout(limit, task).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(Error::Lost),
        }
    }

    /// The open connection to a peer, or a new one.
    async fn connection(&self, peer: &Peer) -> io::Result<Arc<Connection>> {
        let mut slot = peer.connection.lock().await;
        if let Some(connection) = slot.as_ref().filter(|connection| connection.is_open()) {
            return Ok(connection.clone());
        }
        let (stream, found) = self.open(&peer.address).await?;
        if found != peer.node {
            return Err(malformed(format!("{} is at {}, not {}", found, peer.address, peer.node)));
        }
        let (queue, queued) = mpsc::channel(QUEUE_FRAMES);
        let connection = Arc::new(Connection {
            queue,
            waiting: Mutex::new(Waiting { open: true, ..Waiting::default() }),
            received: AtomicU64::new(0),
        });
        // Detached: it ends with the connection or the node.
        drop(self.tasks.spawn("net.connection", connection.clone().run(stream, queued)));
        *slot = Some(connection.clone());
        Ok(connection)
    }

    pub(super) async fn listen(self: &Arc<Self>, address: SocketAddr) -> io::Result<SocketAddr> {
        if !address.ip().is_loopback() {
            let refusal = format!("{address} is not a loopback address, and there is no encryption yet");
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, refusal));
        }
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let net = self.clone();
        drop(self.tasks.spawn("net.listen", async move { net.accept(listener).await }));
        Ok(address)
    }

    async fn accept(&self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, address)) => {
                    let serving = serve_connection(stream, self.who(), self.tasks.clone(), self.services.clone());
                    drop(self.tasks.spawn("net.serve", async move {
                        if let Err(error) = serving.await {
                            warn!(%address, %error, "closed an incoming connection");
                        }
                    }));
                }
                Err(error) => {
                    // Most likely too many open files; some will be closed.
                    warn!(%error, "can't accept a connection");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// The calling end of a connection.
struct Connection {
    queue: mpsc::Sender<Frame>,
    waiting: Mutex<Waiting>,
    /// Frames received so far, to notice silence.
    received: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    open: bool,
    next_id: u64,
    answers: BTreeMap<u64, oneshot::Sender<Frame>>,
}

impl Connection {
    fn is_open(&self) -> bool {
        self.waiting.lock().open
    }

    /// Registers a call; None if the connection has ended.
    fn enter(this: &Arc<Connection>) -> Option<(Ticket, oneshot::Receiver<Frame>)> {
        let mut waiting = this.waiting.lock();
        if !waiting.open {
            return None;
        }
        waiting.next_id += 1;
        let id = waiting.next_id;
        let (send, receive) = oneshot::channel();
        waiting.answers.insert(id, send);
        Some((Ticket { connection: this.clone(), id }, receive))
    }

    async fn run(self: Arc<Self>, stream: TcpStream, queued: mpsc::Receiver<Frame>) {
        // Dropped however this task ends, stopped included.
        let _closing = Closing(self.clone());
        let (read, write) = stream.into_split();
        let ended = tokio::select! {
            ended = self.read(read) => ended,
            ended = write_frames(write, queued) => ended,
            ended = self.watch() => ended,
        };
        if let Err(error) = ended {
            debug!(%error, "a connection broke");
        }
    }

    async fn read(&self, stream: OwnedReadHalf) -> io::Result<()> {
        let mut stream = BufReader::with_capacity(READ_BUFFER_BYTES, stream);
        while let Some(frame) = Frame::read(&mut stream).await? {
            self.received.fetch_add(1, Ordering::Relaxed);
            match frame.kind {
                Kind::Answer | Kind::Refusal => {
                    let waiter = self.waiting.lock().answers.remove(&frame.id);
                    if let Some(waiter) = waiter {
                        // Fails if the caller has given up just now.
                        drop(waiter.send(frame));
                    }
                }
                Kind::Pong => (),
                Kind::Request | Kind::Ping => return Err(malformed("a request from the called side")),
            }
        }
        Ok(())
    }

    /// Ends when the peer has been silent for too long.
    async fn watch(&self) -> io::Result<()> {
        let mut silent_turns = 0;
        let mut seen = 0;
        loop {
            sleep(PING_INTERVAL).await;
            let received = self.received.load(Ordering::Relaxed);
            silent_turns = if received == seen { silent_turns + 1 } else { 0 };
            seen = received;
            if silent_turns > SILENT_TURNS_MAX {
                return Err(io::ErrorKind::TimedOut.into());
            }
            // A full queue needs no ping: its frames are waiting for the peer already.
            drop(self.queue.try_send(Frame::signal(Kind::Ping)));
        }
    }
}

/// Closes a connection when its task ends: no more calls, and those in flight are lost.
struct Closing(Arc<Connection>);

impl Drop for Closing {
    fn drop(&mut self) {
        let answers = {
            let mut waiting = self.0.waiting.lock();
            waiting.open = false;
            std::mem::take(&mut waiting.answers)
        };
        drop(answers);
    }
}

/// A registered call; gone when its caller has what it wanted or has given up.
struct Ticket {
    connection: Arc<Connection>,
    id: u64,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let forgotten = self.connection.waiting.lock().answers.remove(&self.id);
        drop(forgotten);
    }
}

/// The called end of a connection.
async fn serve_connection(mut stream: TcpStream, who: Who, tasks: Tasks, services: Arc<Services>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let hello = async {
        let from = read_hello(&mut stream).await?;
        // Whoever is refused shall know by whom.
        write_hello(&mut stream, who).await?;
        check_cluster(who, from)?;
        io::Result::Ok(from.node)
    };
    let from = timeout(HELLO_TIMEOUT, hello).await.map_err(|_| io::ErrorKind::TimedOut)??;
    let (read, write) = stream.into_split();
    let (queue, queued) = mpsc::channel(QUEUE_FRAMES);
    tokio::select! {
        ended = serve_requests(read, from, tasks, services, queue) => ended,
        ended = write_frames(write, queued) => ended,
    }
}

async fn serve_requests(
    stream: OwnedReadHalf,
    from: NodeId,
    tasks: Tasks,
    services: Arc<Services>,
    queue: mpsc::Sender<Frame>,
) -> io::Result<()> {
    let mut stream = BufReader::with_capacity(READ_BUFFER_BYTES, stream);
    while let Some(Frame { id, kind, service, body }) = Frame::read(&mut stream).await? {
        let immediate = match kind {
            Kind::Ping => Frame::signal(Kind::Pong),
            Kind::Request => match services.handler(service) {
                Some(handler) => {
                    let queue = queue.clone();
                    drop(tasks.spawn("net.request", async move {
                        let body = handler(from, body).await;
                        assert!(body.len() <= BODY_BYTES_MAX, "an answer of {} bytes is too long", body.len());
                        // Fails if the connection has ended; the caller knows.
                        drop(queue.send(Frame { id, kind: Kind::Answer, service, body }).await);
                    }));
                    continue;
                }
                None => Frame { id, kind: Kind::Refusal, service, body: Bytes::new() },
            },
            Kind::Answer | Kind::Refusal | Kind::Pong => return Err(malformed("an answer from the calling side")),
        };
        if queue.send(immediate).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Writes queued frames, as many at once as there are, until the queue or the connection ends.
async fn write_frames(mut stream: OwnedWriteHalf, mut queued: mpsc::Receiver<Frame>) -> io::Result<()> {
    let mut frames = Vec::new();
    let mut bytes = BytesMut::new();
    while queued.recv_many(&mut frames, 64).await > 0 {
        frames.drain(..).for_each(|frame| frame.encode(&mut bytes));
        stream.write_all(&bytes).await?;
        if bytes.capacity() > 1 << 20 {
            bytes = BytesMut::new();
        }
        bytes.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::super::Service;
    use super::*;
    use crate::Env;

    const SECOND: Duration = Duration::from_secs(1);
    const ANY: &str = "127.0.0.1:0";

    async fn server(id: u64, handled: &Arc<AtomicU64>) -> (Env, SocketAddr) {
        let env = Env::real_client(NodeId(id));
        let handled = handled.clone();
        env.net.serve(Service::Status, move |from, body| {
            handled.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                if body.is_empty() {
                    sleep(SECOND * 60).await;
                }
                let mut answer = from.0.to_be_bytes().to_vec();
                answer.extend(body);
                answer.into()
            })
        });
        let address = env.net.listen(ANY.parse().unwrap()).await.unwrap();
        (env, address)
    }

    fn client(peer: u64, address: SocketAddr) -> Env {
        let env = Env::real_client(NodeId(100));
        env.net.set_peer(NodeId(peer), address.to_string());
        env
    }

    #[tokio::test]
    async fn many_calls_share_a_connection() {
        let (_server, address) = server(1, &Arc::default()).await;
        let client = client(1, address);
        let calls = (0..50usize).map(|n| {
            let net = client.net.clone();
            client.tasks.spawn("call", async move {
                let body = vec![n as u8 + 1; n * 5_000 + 1];
                let answer = net.call(NodeId(1), Service::Status, body.clone().into(), SECOND * 20).await.unwrap();
                assert_eq!(answer[..8], 100u64.to_be_bytes());
                assert_eq!(answer[8..], body);
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
        client.net.set_node(NodeId(101), 0);
        let answer = client.net.call(NodeId(1), Service::Status, Bytes::from_static(b"x"), SECOND).await.unwrap();
        assert_eq!(answer[..8], 101u64.to_be_bytes());
    }

    #[tokio::test]
    async fn unreachable_before_and_lost_after_the_request_left() {
        let handled = Arc::new(AtomicU64::new(0));
        let (server, address) = server(1, &handled).await;
        let client = client(1, address);
        let call = |node: u64, service, body: &'static [u8], limit| {
            let net = client.net.clone();
            async move { net.call(NodeId(node), service, Bytes::from_static(body), limit).await }
        };
        assert_eq!(call(7, Service::Status, b"x", SECOND).await, Err(Error::Unreachable), "an unknown node");
        assert_eq!(call(1, Service::Raft, b"x", SECOND).await, Err(Error::Unreachable), "an unknown service");
        client.net.set_peer(NodeId(2), address.to_string());
        assert_eq!(call(2, Service::Status, b"x", SECOND).await, Err(Error::Unreachable), "another node is there");
        assert_eq!(handled.load(Ordering::Relaxed), 0);
        assert_eq!(call(1, Service::Status, b"", SECOND / 20).await, Err(Error::Lost), "it takes too long");
        // A call in flight when the server dies, and those after.
        let waiting = client.tasks.spawn("call", call(1, Service::Status, b"", SECOND * 20));
        while handled.load(Ordering::Relaxed) < 2 {
            sleep(Duration::from_millis(1)).await;
        }
        server.tasks.stop_all();
        assert_eq!(waiting.await.unwrap(), Err(Error::Lost));
        let mut after = call(1, Service::Status, b"x", SECOND).await;
        // The listener may outlive its last accepted connection by a moment.
        while after == Err(Error::Lost) {
            after = call(1, Service::Status, b"x", SECOND).await;
        }
        assert_eq!(after, Err(Error::Unreachable));
    }

    #[tokio::test]
    async fn who_listens_is_learnt_and_another_cluster_is_refused() {
        let (server, address) = server(1, &Arc::default()).await;
        server.net.set_node(NodeId(1), 7);
        let client = Env::real_client(NodeId(100));
        assert_eq!(client.net.greet(&address.to_string(), SECOND).await.unwrap(), NodeId(1));
        let call = || client.net.call(NodeId(1), Service::Status, Bytes::from_static(b"x"), SECOND);
        call().await.unwrap();
        client.net.set_node(NodeId(2), 8);
        assert_eq!(call().await, Err(Error::Unreachable));
        let refused = client.net.greet(&address.to_string(), SECOND).await.unwrap_err().to_string();
        assert_eq!(refused, format!("n1 belongs to another cluster, {:032x}", 7));
        client.net.set_node(NodeId(2), 7);
        call().await.unwrap();
    }

    #[tokio::test]
    async fn a_restarted_peer_is_found_again() {
        let handled = Arc::new(AtomicU64::new(0));
        let (first, address) = server(1, &handled).await;
        let client = client(1, address);
        let call = || client.net.call(NodeId(1), Service::Status, Bytes::from_static(b"x"), SECOND);
        call().await.unwrap();
        first.tasks.stop_all();
        let (_second, address) = server(1, &handled).await;
        client.net.set_peer(NodeId(1), address.to_string());
        call().await.unwrap();
        assert_eq!(handled.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn malformed_frames_close_the_connection_and_strangers_get_nothing() {
        let (_server, address) = server(1, &Arc::default()).await;
        for hello in [true, false] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            if hello {
                write_hello(&mut stream, Who { node: NodeId(5), cluster: 0 }).await.unwrap();
                assert_eq!(read_hello(&mut stream).await.unwrap().node, NodeId(1));
            }
            stream.write_all(&[0xff; 64]).await.unwrap();
            let mut rest = Vec::new();
            // Closed, or reset because it still had our bytes; never an answer.
            match timeout(SECOND * 5, stream.read_to_end(&mut rest)).await.expect("the connection stays open") {
                Ok(read) => assert_eq!(read, 0),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
            }
        }
    }

    #[tokio::test]
    async fn a_node_calls_itself_and_listens_on_loopback_only() {
        let (server, _) = server(1, &Arc::default()).await;
        let answer = server.net.call(NodeId(1), Service::Status, Bytes::from_static(b"me"), SECOND).await.unwrap();
        assert_eq!(answer, [&1u64.to_be_bytes()[..], b"me"].concat());
        let refused = server.net.listen("0.0.0.0:0".parse().unwrap()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    }
}
