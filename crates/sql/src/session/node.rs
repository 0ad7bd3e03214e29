//! What all sessions of one node share.

use atoll_env::Env;

use crate::kv::GatewayRef;

pub struct Node {
    pub env: Env,
    pub gateway: GatewayRef,
}
