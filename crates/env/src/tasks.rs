//! Concurrent work of one node.
//!
//! Every task belongs to its node's group, so that the end of the node, orderly or by a simulated crash, ends all of
//! them. The group also rides along as a task-local, for libraries that start tasks by a free function: they use
//! [`spawn_inherited`], [`inherited_clock`] and [`inherited_entropy`].
//!
//! INVARIANT: once a group has stopped, none of its tasks is polled again (threads: none past its current step), and
//! tasks spawned later never run. The simulator relies on it: a crashed node does nothing more.
//!
//! Deliberately absent: joining all tasks of a group. Whoever needs work finished awaits that work.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker, ready},
};

use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::oneshot,
    task::{AbortHandle, JoinHandle},
};

use crate::{Clock, Entropy};

tokio::task_local! {
    static GROUP: Arc<Group>;
}

/// The task was stopped before it had a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the task was stopped")]
pub struct Stopped;

#[derive(Clone)]
pub struct Tasks {
    group: Arc<Group>,
}

impl Tasks {
    pub(crate) fn real(clock: Clock, entropy: Entropy) -> Tasks {
        Tasks { group: Arc::new(Group::new(true, Inherited { clock, entropy })) }
    }

    pub(crate) fn sim(group: Arc<Group>) -> Tasks {
        Tasks { group }
    }

    /// Starts a task. Dropping the handle lets it run on.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (id, handle) = self.group.spawn(name, future);
        Task { id, group: self.group.clone(), running: Running::Task(handle) }
    }

    /// Starts a task for another thread, if one is free, while the caller goes on computing. The runtime keeps the task
    /// that was started last for the thread that started it, so there has to be a later one.
    pub fn spawn_aside<F>(&self, name: &'static str, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let task = self.spawn(name, future);
        if self.group.threads {
            drop(tokio::spawn(std::future::ready(())));
        }
        task
    }

    /// Starts a task that may block its thread for long, such as one that writes and syncs files: it gets a thread of
    /// its own where there are threads.
    pub fn spawn_dedicated<F>(&self, name: &'static str, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        if !self.group.threads {
            return self.spawn(name, future);
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let (result, running) = oneshot::channel();
        let (id, future) = self.group.adopt(name, future);
        let runtime = Handle::current();
        let body = move || {
            let stoppable = async move {
                tokio::select! {
                    biased;
                    // An error means only that the group forgot this thread, which is no reason to stop.
                    Ok(()) = stopped => None,
                    output = future => Some(output),
                }
            };
            // The result channel is the join handle: closed without a value it reads as stopped.
            match catch_unwind(AssertUnwindSafe(|| runtime.block_on(stoppable))) {
                Ok(Some(output)) => drop(result.send(Ok(output))),
                Ok(None) => (),
                Err(panic) => drop(result.send(Err(panic))),
            }
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(body).expect("the system refuses another thread");
        self.group.settle(id, Stop::Thread(stop));
        Task { id, group: self.group.clone(), running: Running::Thread(running) }
    }

    /// Stops every task of this node, for good: the caller too if it is one, at its next await.
    pub fn stop_all(&self) {
        self.group.stop();
    }
}

/// What the entrances of large crates return, the few that are called seldom. The compiler makes the code of an `async fn`
/// where it is awaited: unboxed, all that a node does would be compiled again in every binary that starts one.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Starts a task in the group of the current one, so that it ends with its node. Outside of any group it is a plain
/// task of the runtime.
pub fn spawn_inherited<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match GROUP.try_with(Arc::clone) {
        Ok(group) => group.spawn("inherited", future).1,
        Err(_) => tokio::spawn(future),
    }
}

/// The clock of the node that the current task belongs to.
pub fn inherited_clock() -> Option<Clock> {
    GROUP.try_with(|group| group.inherited.clock.clone()).ok()
}

/// The entropy of the node that the current task belongs to.
pub fn inherited_entropy() -> Option<Entropy> {
    GROUP.try_with(|group| group.inherited.entropy.clone()).ok()
}

/// A started task: await it for its result. A panic of the task goes on in whoever awaits it.
pub struct Task<T> {
    id: u64,
    group: Arc<Group>,
    running: Running<T>,
}

enum Running<T> {
    Task(JoinHandle<T>),
    Thread(oneshot::Receiver<std::thread::Result<T>>),
}

impl<T> Task<T> {
    /// Stops the task at its next await.
    pub fn abort(&self) {
        self.group.abort(self.id);
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, Stopped>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = match &mut self.running {
            Running::Task(handle) => match ready!(Pin::new(handle).poll(cx)) {
                Ok(output) => Ok(Ok(output)),
                Err(error) if error.is_panic() => Err(error.into_panic()),
                Err(_) => Ok(Err(Stopped)),
            },
            Running::Thread(result) => match ready!(Pin::new(result).poll(cx)) {
                Ok(Ok(output)) => Ok(Ok(output)),
                Ok(Err(panic)) => Err(panic),
                Err(_) => Ok(Err(Stopped)),
            },
        };
        match ended {
            Ok(result) => Poll::Ready(result),
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// What a task finds through its group.
pub(crate) struct Inherited {
    pub clock: Clock,
    pub entropy: Entropy,
}

/// All tasks of one node (in the simulator: of one incarnation of it).
pub(crate) struct Group {
    /// Whether dedicated tasks get threads.
    threads: bool,
    inherited: Inherited,
    members: Mutex<Members>,
    /// While set, tasks keep still when polled and leave their wakers behind.
    held: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

#[derive(Default)]
struct Members {
    stopped: bool,
    next_id: u64,
    /// Present from before the task starts until its future is dropped. None in the short while between.
    running: BTreeMap<u64, Option<Stop>>,
}

enum Stop {
    Task(AbortHandle),
    Thread(oneshot::Sender<()>),
}

impl Stop {
    fn stop(self) {
        match self {
            Stop::Task(handle) => handle.abort(),
            // Fails only if the thread has ended already.
            Stop::Thread(sender) => drop(sender.send(())),
        }
    }
}

impl Group {
    pub(crate) fn new(threads: bool, inherited: Inherited) -> Group {
        Group { threads, inherited, members: Mutex::default(), held: AtomicBool::new(false), waiting: Mutex::default() }
    }

    fn spawn<F>(self: &Arc<Self>, name: &'static str, future: F) -> (u64, JoinHandle<F::Output>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (id, future) = self.adopt(name, future);
        let handle = tokio::spawn(future);
        self.settle(id, Stop::Task(handle.abort_handle()));
        (id, handle)
    }

    /// Enters a future into the group: from here on the group knows it until it is dropped.
    fn adopt<F: Future>(
        self: &Arc<Self>,
        name: &'static str,
        future: F,
    ) -> (u64, impl Future<Output = F::Output> + use<F>) {
        let id = {
            let mut members = self.members.lock();
            members.next_id += 1;
            let id = members.next_id;
            members.running.insert(id, None);
            id
        };
        let membership = Membership { group: self.clone(), id, name };
        let group = self.clone();
        let body = async move {
            let _membership = membership;
            let mut future = pin!(future);
            poll_fn(|cx| if group.holds(cx) { Poll::Pending } else { future.as_mut().poll(cx) }).await
        };
        (id, GROUP.scope(self.clone(), body))
    }

    /// Notes how to stop a task that was adopted and has been started, unless it has ended already.
    fn settle(&self, id: u64, stop: Stop) {
        let late = {
            let mut members = self.members.lock();
            if members.stopped {
                Some(stop)
            } else {
                match members.running.get_mut(&id) {
                    Some(entry) => {
                        *entry = Some(stop);
                        None
                    }
                    None => None,
                }
            }
        };
        if let Some(stop) = late {
            stop.stop();
        }
    }

    fn abort(&self, id: u64) {
        let stop = self.members.lock().running.get_mut(&id).and_then(Option::take);
        if let Some(stop) = stop {
            stop.stop();
        }
    }

    pub(crate) fn stop(&self) {
        let running = {
            let mut members = self.members.lock();
            members.stopped = true;
            std::mem::take(&mut members.running)
        };
        running.into_values().flatten().for_each(Stop::stop);
        self.hold(false);
    }

    /// Keeps all tasks from running, as a process that gets no processor, or lets them run again.
    pub(crate) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::SeqCst);
        if !held {
            let waiting = std::mem::take(&mut *self.waiting.lock());
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    fn holds(&self, cx: &Context<'_>) -> bool {
        let held = self.held.load(Ordering::Relaxed);
        if held {
            self.waiting.lock().push(cx.waker().clone());
        }
        held
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.members.lock().running.len()
    }
}

/// Lives inside a task's future and takes the task off the group's list when that is dropped.
struct Membership {
    group: Arc<Group>,
    id: u64,
    name: &'static str,
}

impl Drop for Membership {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task = self.name, "a task panicked");
        }
        // The stop handle goes outside the lock: what it frees may itself look at the group.
        let stop = self.group.members.lock().running.remove(&self.id);
        drop(stop);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn tasks() -> Tasks {
        Tasks::real(Clock::real(), Entropy::real())
    }

    #[tokio::test]
    async fn results_come_back_and_finished_tasks_are_forgotten() {
        let tasks = tasks();
        assert_eq!(tasks.spawn("add", async { 1 + 1 }).await, Ok(2));
        assert_eq!(tasks.spawn_dedicated("add", async { 2 + 2 }).await, Ok(4));
        assert_eq!(tasks.group.len(), 0);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn dedicated_tasks_can_use_timers_and_channels_of_the_runtime() {
        let tasks = tasks();
        let clock = Clock::real();
        let (send, mut receive) = tokio::sync::mpsc::channel(1);
        let task = tasks.spawn_dedicated("echo", async move {
            clock.sleep(Duration::from_millis(2)).await;
            receive.recv().await
        });
        send.send(5).await.unwrap();
        assert_eq!(task.await, Ok(Some(5)));
    }

    #[tokio::test]
    async fn stopping_reaches_tasks_threads_inherited_ones_and_later_ones() {
        let tasks = tasks();
        let task = tasks.spawn("never", std::future::pending::<()>());
        let thread = tasks.spawn_dedicated("never", std::future::pending::<()>());
        let (send, inherited) = oneshot::channel();
        let parent = tasks.spawn("parent", async move {
            assert!(inherited_clock().is_some() && inherited_entropy().is_some());
            send.send(spawn_inherited(std::future::pending::<()>())).unwrap();
        });
        parent.await.unwrap();
        let inherited = inherited.await.unwrap();
        tasks.stop_all();
        assert_eq!(task.await, Err(Stopped));
        assert_eq!(thread.await, Err(Stopped));
        assert!(inherited.await.unwrap_err().is_cancelled());
        assert_eq!(tasks.spawn("late", async { 1 }).await, Err(Stopped));
        assert!(inherited_clock().is_none());
    }

    #[tokio::test]
    async fn abort_ends_one_task_and_drop_ends_none() {
        let tasks = tasks();
        let task = tasks.spawn("never", std::future::pending::<()>());
        task.abort();
        assert_eq!(task.await, Err(Stopped));
        let (send, receive) = oneshot::channel();
        drop(tasks.spawn("detached", async move { send.send(3) }));
        assert_eq!(receive.await, Ok(3));
    }

    #[tokio::test]
    async fn a_panic_reaches_whoever_awaits() {
        let tasks = tasks();
        for dedicated in [false, true] {
            let broken = async { panic!("broken on purpose") };
            let task = if dedicated { tasks.spawn_dedicated("p", broken) } else { tasks.spawn("p", broken) };
            let watcher = tokio::spawn(async move { task.await.map(|(): ()| ()) });
            assert!(watcher.await.unwrap_err().is_panic());
        }
    }
}
