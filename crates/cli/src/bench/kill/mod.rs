use std::path::PathBuf;
use anyhow::Result;
use crate::exit::Code;
use crate::tuning::Tuning;
pub struct Plan {
    pub dir: PathBuf,
    pub kills: Option<u64>,
    pub secs: Option<u64>,
    pub writers: usize,
    pub ack_log: Option<PathBuf>,
    pub power_cut: bool,
    pub seed: u64,
    pub tuning: Tuning,
}
pub async fn run(_plan: Plan) -> Result<Code> { Ok(Code::Failed) }
