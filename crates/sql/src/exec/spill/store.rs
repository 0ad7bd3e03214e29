//! Batches in the order in which they came, for whoever reads them more than once: in memory as far as there is room, the
//! others on disk.

use super::Writer;
use crate::exec::{Exec, Memory, Result, Rows};

#[derive(Debug, Default)]
pub struct Store {
    here: Vec<Rows>,
    /// Each batch is one chunk.
    aside: Option<Writer>,
    account: usize,
}

impl Store {
    pub fn len(&self) -> usize {
        self.here.len() + self.aside.as_ref().map_or(0, |aside| aside.run.chunks.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub async fn push(&mut self, rows: Rows, exec: &mut Exec<'_>) -> Result<()> {
        let aside = match &mut self.aside {
            Some(aside) => aside,
            None if exec.state.try_grow(&mut self.account, rows.bytes())? => {
                self.here.push(rows);
                return Ok(());
            }
            None => self.aside.insert(Writer::new(&exec.temporary().await?, rows.width())),
        };
        for row in rows.iter() {
            // However large it is.
            let _is_full = aside.push(row);
        }
        aside.flush().await
    }

    pub async fn get(&self, at: usize) -> Result<Option<Rows>> {
        if let Some(rows) = self.here.get(at) {
            return Ok(Some(rows.clone()));
        }
        let Some(aside) = &self.aside else { return Ok(None) };
        aside.run.chunk(at - self.here.len(), &mut Vec::new()).await
    }

    pub fn clear(&mut self, memory: &mut Memory) {
        (self.here, self.aside) = (Vec::new(), None);
        memory.release(&mut self.account);
    }
}
