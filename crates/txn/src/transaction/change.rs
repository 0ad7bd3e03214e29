//! Rows that are read in order to be changed: locked first, so that what is read is what will be changed. Whoever has to
//! wait for the lock would otherwise read twice, before and after.

use super::*;

impl<S: Sender> Transaction<S> {
    /// What [`get`](Transaction::get) gives of a row once it is [locked](Transaction::lock). A row that is not there is
    /// not locked, and neither is one that REPEATABLE READ might see as it no longer is: it says so only when it is told
    /// to change it.
    pub async fn get_to_change(&mut self, key: &Bytes, strength: Strength) -> Result<Option<Bytes>> {
        let is_known = self.buffer.get(key).is_some() || self.locks.contains_key(key);
        if is_known || self.historical || self.isolation == Isolation::RepeatableRead {
            return self.get(key).await;
        }
        let row = self.lock(std::slice::from_ref(key), strength, WaitPolicy::Wait).await?.pop();
        match row.and_then(|row| row.value) {
            Some(value) => Ok(Some(value)),
            None => {
                Box::pin(self.unlock(key)).await?;
                self.get(key).await
            }
        }
    }

    /// The row is not changed after all: it has only been read.
    pub async fn leave_unchanged(&mut self, key: &Bytes) -> Result<()> {
        self.unlock(key).await?;
        // The lock would have kept it as it is.
        self.get(key).await.map(drop)
    }

    /// Whether this transaction has locked the row so that `strength` adds nothing.
    pub fn holds(&self, key: &[u8], strength: Strength) -> bool {
        self.locks.get(key).is_some_and(|held| held.strength >= strength)
    }

    pub(super) async fn unlock(&mut self, key: &Bytes) -> Result<()> {
        self.locks.remove(key);
        if let Some(alive) = &self.alive {
            alive.lock().keys.remove(key);
        }
        let body = Body::Release(Release { txn: self.id, keys: vec![key.clone()] });
        self.send_to(key, body).await.map(drop)
    }
}
