//! Ctrl-C: what is running is cancelled; if nothing is, a script ends, and a person goes on.
//!
//! The signal is taken for the whole life of the process. While somebody types, it does not come at all: the line
//! editor sees a key.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

pub struct Interrupts {
    running: AtomicBool,
    pressed: Notify,
}

impl Interrupts {
    pub fn listen(interactive: bool) -> Result<Arc<Interrupts>> {
        let interrupts = Arc::new(Interrupts { running: AtomicBool::new(false), pressed: Notify::new() });
        let mut signals = signal(SignalKind::interrupt())?;
        let listener = interrupts.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if listener.running.load(Ordering::SeqCst) {
                    listener.pressed.notify_one();
                } else if !interactive {
                    // As the signal would have ended it by itself.
                    std::process::exit(130);
                }
            }
        });
        Ok(interrupts)
    }

    /// From now on Ctrl-C is for what runs.
    pub fn begin(&self) {
        self.running.store(true, Ordering::SeqCst);
    }

    pub fn end(&self) {
        self.running.store(false, Ordering::SeqCst);
        // One that came too late must not hit the next statement.
        self.take();
    }

    /// Whether it was pressed and nobody knows yet.
    pub fn take(&self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        pin!(self.pressed.notified()).poll(&mut context).is_ready()
    }

    pub async fn pressed(&self) {
        self.pressed.notified().await;
    }
}
