//! What all sessions of one node share.

use atoll_env::Env;

use crate::kv::GatewayRef;
use crate::mutate::RowIds;

pub struct Node {
    pub env: Env,
    pub gateway: GatewayRef,
    pub row_ids: RowIds,
}
