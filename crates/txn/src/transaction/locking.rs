//! Locks of rows, and rows that are read in order to be changed: locked first, so that what is read is what will be changed.
//! Whoever has to wait for the lock would otherwise read twice, before and after.

use super::*;

/// Locks that are remembered one by one, for the heartbeat.
const SINGLE_LOCKS_MAX: usize = 16;

impl<S: Sender> Transaction<S> {
    /// Locks rows and returns the newest version of each, with this transaction's own writes over it. READ COMMITTED
    /// goes on with these versions; SERIALIZABLE moves its snapshot up to them; REPEATABLE READ fails if one is newer
    /// than its snapshot.
    pub async fn lock(&mut self, keys: &[Bytes], strength: Strength, wait: WaitPolicy) -> Result<Vec<LockedRow>> {
        let rows = self.take_locks(keys, strength, wait).await?;
        let newest = rows.iter().map(|row| row.version).max().unwrap_or_default();
        if newest > self.read_ts {
            match self.isolation {
                Isolation::ReadCommitted => {}
                Isolation::RepeatableRead => return Err(Error::Retry(Retry::WriteConflict)),
                Isolation::Serializable => Box::pin(self.raise(newest)).await?,
            }
        }
        Ok(rows)
    }

    pub(super) async fn take_locks(
        &mut self,
        keys: &[Bytes],
        strength: Strength,
        wait: WaitPolicy,
    ) -> Result<Vec<LockedRow>> {
        self.open()?;
        if self.historical {
            return Err(Error::Misuse("a transaction that reads the past can't lock"));
        }
        if let [key] = keys
            && let Some(row) = self.take_lock_here(key, strength)
        {
            return Ok(vec![row]);
        }
        Box::pin(self.ask_for_locks(keys, strength, wait)).await
    }

    async fn ask_for_locks(&mut self, keys: &[Bytes], strength: Strength, wait: WaitPolicy) -> Result<Vec<LockedRow>> {
        let mut rows = Vec::with_capacity(keys.len());
        let mut moves = 0;
        while let Some(first) = keys.get(rows.len()) {
            let range = self.sender.locate(first).await?;
            let rest = &keys[rows.len()..];
            let here = rest.iter().take(LOCKS_MAX).take_while(|key| range.span.contains(key)).count().max(1);
            let wanted = rest[..here].to_vec();
            // Some may have been granted when the others fail: the end of the transaction lets go of these, too.
            self.keep_alive(range.span.clone());
            let body = Body::Lock(Lock { txn: self.id, keys: wanted, strength: strength.to_wire(), wait: wait as i32 });
            let locked = match self.send(&range, body).await {
                Ok(Reply::Locked(locked)) if locked.rows.len() == here => locked,
                Ok(_) => return Err(Error::Misuse("a lock request was answered with something else")),
                Err(Error::RangeMoved { .. }) if moves < MOVES_MAX => {
                    moves += 1;
                    continue;
                }
                Err(Error::RangeMoved { .. }) => return Err(Error::Unreachable { range: range.id }),
                Err(error) => return Err(error),
            };
            for mut row in locked.rows {
                if !row.skipped {
                    self.hold(&row, strength)?;
                    self.overlay_locked(&mut row);
                }
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// Takes a lock that is free, if that takes no waiting. None says nothing.
    fn take_lock_here(&mut self, key: &Bytes, strength: Strength) -> Option<LockedRow> {
        // It may be granted even when nothing is said.
        let (is_known, spans) = self.alive.as_ref().map_or((false, 0), |alive| {
            let alive = alive.lock();
            (alive.covers(key), alive.spans.len())
        });
        if !is_known {
            // Whoever asks for more finds the range that they are in.
            if spans >= SINGLE_LOCKS_MAX {
                return None;
            }
            self.keep_alive(Span::point(key));
        }
        let answer = self.sender.lock_here(self.id, &Span::point(key), strength)?;
        self.observe(&answer);
        let Reply::Locked(LockedRows { mut rows }) = answer.reply else { return None };
        let mut row = rows.pop()?;
        // A gap is told by who asks again.
        self.hold(&row, strength).ok()?;
        self.overlay_locked(&mut row);
        Some(row)
    }

    fn overlay_locked(&self, row: &mut LockedRow) {
        if let Some(own) = self.buffer.get(&row.key) {
            row.value = own.clone();
        }
    }

    /// What [`get`](Transaction::get) gives of a row once it is [locked](Transaction::lock). A row that is not there is
    /// not locked, and neither is one that REPEATABLE READ might see as it no longer is: it says so only when it is told
    /// to change it.
    pub async fn get_to_change(&mut self, key: &Bytes, strength: Strength) -> Result<Option<Bytes>> {
        let is_known = self.buffer.get(key).is_some() || self.locks.contains_key(key);
        if is_known || self.historical || self.isolation == Isolation::RepeatableRead {
            return self.get(key).await;
        }
        let row = self.lock(std::slice::from_ref(key), strength, WaitPolicy::Wait).await?.pop();
        // The lock may go before the transaction ends: with a savepoint, or with [`unlock`](Self::unlock).
        self.remember(Span::point(key));
        match row.and_then(|row| row.value) {
            Some(value) => Ok(Some(value)),
            None => {
                Box::pin(self.unlock(key)).await?;
                self.get(key).await
            }
        }
    }

    /// Asks for all locks again: those that were lost since are told as such.
    pub async fn confirm_locks(&mut self) -> Result<()> {
        for strength in Strength::ALL {
            let held = self.locks.iter().filter(|(_, held)| held.strength == strength);
            let keys: Vec<Bytes> = held.map(|(key, _)| key.clone()).collect();
            for keys in keys.chunks(LOCKS_MAX) {
                match self.ask_for_locks(keys, strength, WaitPolicy::NoWait).await {
                    Ok(_) => {}
                    Err(Error::LockNotAvailable) => return Err(Error::Retry(Retry::LockLost)),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Whether this transaction has locked the row so that `strength` adds nothing, and nobody else can change it.
    pub fn holds(&self, key: &[u8], strength: Strength) -> bool {
        self.locks.get(key).is_some_and(|held| held.strength >= strength.max(Strength::Share))
    }

    /// Lets go of one lock: the row is not changed after all. What was read under it counts as read.
    pub async fn unlock(&mut self, key: &Bytes) -> Result<()> {
        self.locks.remove(key);
        if let Some(alive) = &self.alive {
            alive.lock().spans.retain(|span| *span != Span::point(key));
        }
        let body = Body::Release(Release { txn: self.id, keys: vec![key.clone()] });
        self.send_to(key, body).await.map(drop)
    }

    /// A row that was locked before has the same token still, or there was a gap: what was read under the lock may have
    /// changed in it, and no statement should see both.
    fn hold(&mut self, row: &LockedRow, strength: Strength) -> Result<()> {
        let order = self.locks_taken;
        self.locks_taken += 1;
        let (version, present) = (row.version, row.value.is_some());
        let new = Held { token: row.token, strength, version, present, order };
        let held = self.locks.entry(row.key.clone()).or_insert(new);
        if held.token != row.token {
            return Err(Error::Retry(Retry::LockLost));
        }
        held.strength = held.strength.max(strength);
        Ok(())
    }
}
