//! What browsers and watchers are told, over http: whether the node is well, its metrics, and the console.
//!
//! | path | what |
//! | --- | --- |
//! | `/health` | 200 while the process is of use: also while it still starts |
//! | `/health?ready=1` | 200 while it takes statements and hears of most nodes; 503 with the reason otherwise |
//! | `/metrics` | [`metrics`], as Prometheus reads them |
//! | `/` | the console: one page, which asks `/api/overview` every second |
//!
//! It begins before the store does, because recovery may take long. Nothing can be changed by it, and connections are few
//! and short: what a slow or hostile client costs is bounded.

pub mod metrics;
mod overview;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use atoll_cluster::store;
use atoll_env::net::clients::Listener;
use atoll_env::tasks::Task;
use atoll_env::{Env, Mono};
use atoll_sql::session;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use self::overview::Overview;

const CONNECTIONS_MAX: usize = 64;
/// How long one request may take, from the connection to the end of its answer.
const PATIENCE: Duration = Duration::from_secs(10);
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

const CONSOLE: &str = include_str!("console.html");
const TEXT: &str = "text/plain; charset=utf-8";

/// Serves until it is dropped.
pub struct Http {
    state: Arc<State>,
    address: SocketAddr,
    accepting: Task<()>,
}

/// What answers are made of.
struct State {
    env: Env,
    begun: Mono,
    opened: OnceLock<Opened>,
    closing: AtomicBool,
    connections: AtomicUsize,
    overview: Overview,
}

/// Parts of a node that serves. They end without asking here.
struct Opened {
    node: Weak<store::Node>,
    sessions: Weak<session::Node>,
}

/// The same, for one answer.
struct Serving {
    node: Arc<store::Node>,
    sessions: Arc<session::Node>,
}

impl Http {
    pub fn serve(env: &Env, listener: Listener) -> Http {
        let state = Arc::new(State {
            env: env.clone(),
            begun: env.clock.mono(),
            opened: OnceLock::new(),
            closing: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            overview: Overview::default(),
        });
        let address = listener.address();
        let accepting = env.tasks.spawn("http", accept(state.clone(), listener));
        Http { state, address, accepting }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the node can be ready.
    pub fn opened(&self, node: &Arc<store::Node>, sessions: &Arc<session::Node>) {
        let opened = Opened { node: Arc::downgrade(node), sessions: Arc::downgrade(sessions) };
        // A node opens once.
        let _ = self.state.opened.set(opened);
    }

    /// From now on it is not ready: load balancers send nobody here any more.
    pub fn closing(&self) {
        self.state.closing.store(true, Ordering::Relaxed);
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    fn serving(&self) -> Option<Serving> {
        let Opened { node, sessions } = self.opened.get()?;
        Some(Serving { node: node.upgrade()?, sessions: sessions.upgrade()? })
    }

    /// Why statements should go to another node, if they should.
    fn unready(&self) -> Option<String> {
        if self.closing.load(Ordering::Relaxed) {
            return Some("the node is closing".to_owned());
        }
        let Some(Serving { node, .. }) = self.serving() else { return Some("the node is starting".to_owned()) };
        if let Some(why) = node.why_stopped() {
            return Some(why);
        }
        let nodes = node.listed();
        let silent = nodes.iter().filter(|listed| listed.silent_ms.is_some()).count();
        (2 * silent >= nodes.len()).then(|| format!("{silent} of {} nodes are silent", nodes.len()))
    }

    fn health(&self, query: &str) -> Answer {
        if query.split('&').any(|part| part == "ready=1" || part == "ready") {
            return match self.unready() {
                None => Answer::text(StatusCode::OK, "ready\n"),
                Some(why) => Answer::text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
            };
        }
        // Who has stopped by itself is about to end.
        match self.serving().and_then(|serving| serving.node.why_stopped()) {
            None => Answer::text(StatusCode::OK, "alive\n"),
            Some(why) => Answer::text(StatusCode::SERVICE_UNAVAILABLE, format!("stopped: {why}\n")),
        }
    }

    async fn answer(&self, method: &Method, path: &str, query: &str) -> Answer {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Answer::text(StatusCode::METHOD_NOT_ALLOWED, "nothing can be changed here\n");
        }
        match path {
            "/health" => self.health(query),
            "/metrics" => {
                let text = metrics::text(self).await;
                Answer { status: StatusCode::OK, kind: "text/plain; version=0.0.4; charset=utf-8", body: text.into() }
            }
            "/" => Answer {
                status: StatusCode::OK,
                kind: "text/html; charset=utf-8",
                body: Bytes::from_static(CONSOLE.as_bytes()),
            },
            "/api/overview" => match self.serving() {
                Some(serving) => {
                    let body = self.overview.of(self, &serving).await;
                    Answer { status: StatusCode::OK, kind: "application/json", body }
                }
                None => Answer::text(StatusCode::SERVICE_UNAVAILABLE, "the node is starting\n"),
            },
            _ => Answer::text(
                StatusCode::NOT_FOUND,
                "nothing is here; / is the console, /metrics and /health are for programs\n",
            ),
        }
    }
}

struct Answer {
    status: StatusCode,
    kind: &'static str,
    body: Bytes,
}

impl Answer {
    fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
        Answer { status, kind: TEXT, body: body.into() }
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

async fn accept(state: Arc<State>, mut listener: Listener) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection for http");
                state.env.clock.sleep(ACCEPT_AGAIN_AFTER).await;
                continue;
            }
        };
        let others = state.connections.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(state.clone());
        if others >= CONNECTIONS_MAX {
            continue;
        }
        let state = state.clone();
        state.env.tasks.clone().spawn("http connection", async move {
            let answering = state.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let state = answering.clone();
                async move {
                    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
                    Ok::<_, Infallible>(state.answer(request.method(), path, query).await.into_response())
                }
            });
            let connection = http1::Builder::new()
                .max_buf_size(16 << 10)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            if let Ok(Err(error)) = state.env.clock.timeout(PATIENCE, connection).await {
                tracing::debug!(%error, "an http connection ended early");
            }
            drop(counted);
        });
    }
}

/// One of the connections that there are.
struct Counted(Arc<State>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
