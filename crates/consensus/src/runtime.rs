//! The runtime that openraft runs on: tokio's tasks and channels, with the clock and the randomness of the node.
//!
//! - Tasks join the group of the task that spawns them, so a simulated crash stops the whole of a replica.
//! - Time is the node's own monotonic clock, which drifts from node to node in the simulator as it does outside.
//! - Randomness (election timeouts, the phase of the tick) is the node's, so one seed gives one trace.
//!
//! INVARIANT: openraft is built and started inside a task of its node, and everything it spawns inherits that. Only
//! waiting, not telling the time, is possible elsewhere: a caller's task may wait for a core that has stopped.

use std::convert::Infallible;
use std::future::Future;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use atoll_env::clock::Elapsed;
use atoll_env::{Entropy, Mono, tasks};
use openraft::{AsyncRuntime, OptionalSend, TokioRuntime};

/// See the module.
#[derive(Debug)]
pub struct Runtime;

type Tokio = TokioRuntime;

impl AsyncRuntime for Runtime {
    type JoinError = <Tokio as AsyncRuntime>::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = <Tokio as AsyncRuntime>::JoinHandle<T>;
    type Sleep = Sleep;
    type Instant = Instant;
    type TimeoutError = Elapsed;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = Timeout<T>;
    type ThreadLocalRng = NodeRandom;
    type Mpsc = <Tokio as AsyncRuntime>::Mpsc;
    type Watch = <Tokio as AsyncRuntime>::Watch;
    type Oneshot = <Tokio as AsyncRuntime>::Oneshot;
    type Mutex<T: OptionalSend + 'static> = <Tokio as AsyncRuntime>::Mutex<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        tasks::spawn_inherited(future)
    }

    fn sleep(duration: Duration) -> Sleep {
        Sleep(match tasks::inherited_clock() {
            Some(clock) => Box::pin(async move { clock.sleep(duration).await }),
            None => Box::pin(Tokio::sleep(duration)),
        })
    }

    fn sleep_until(deadline: Instant) -> Sleep {
        Self::sleep(deadline - Instant::current())
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(duration: Duration, future: F) -> Timeout<F> {
        Timeout { future: Box::pin(future), sleep: Self::sleep(duration) }
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(deadline: Instant, future: F) -> Timeout<F> {
        Self::timeout(deadline - Instant::current(), future)
    }

    fn is_panic(error: &Self::JoinError) -> bool {
        Tokio::is_panic(error)
    }

    fn thread_rng() -> NodeRandom {
        NodeRandom(tasks::inherited_entropy().expect(OUTSIDE))
    }

    // Openraft asks for the next two in its own tests only.
    fn new(_threads: usize) -> Self {
        Runtime
    }

    fn block_on<F, T>(&mut self, _future: F) -> T
    where
        F: Future<Output = T>,
    {
        unreachable!("a replica lives on the runtime of its node")
    }
}

const OUTSIDE: &str = "openraft runs inside the tasks of its node";

/// Random numbers of the node whose task asks for them.
pub struct NodeRandom(Entropy);

impl rand::TryRng for NodeRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        // The upper half: the better one in most generators.
        Ok((self.0.next_u64() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(into);
        Ok(())
    }
}

/// A moment on the node's monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub(crate) Mono);

impl Instant {
    fn current() -> Instant {
        Instant(tasks::inherited_clock().expect(OUTSIDE).mono())
    }
}

impl openraft::Instant for Instant {
    fn now() -> Instant {
        Instant::current()
    }

    fn elapsed(&self) -> Duration {
        Instant::current() - *self
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, duration: Duration) -> Instant {
        Instant(self.0 + duration)
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    /// Before the start of the process there is nothing.
    fn sub(self, duration: Duration) -> Instant {
        Instant(Mono::after_start(self.0.since_start().saturating_sub(duration)))
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        self.0 - earlier.0
    }
}

/// A wait on the node's clock.
pub struct Sleep(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

/// A future with a deadline.
pub struct Timeout<F> {
    future: Pin<Box<F>>,
    sleep: Sleep,
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut self.sleep).poll(cx).map(|()| Err(Elapsed))
    }
}
