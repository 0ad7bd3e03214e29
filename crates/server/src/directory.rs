//! The data directory: whose it is, of which version, and that one process at a time uses it.
//!
//! ```text
//! atoll-data/lock      held by the process that uses the directory
//! atoll-data/version   text: format, node, cluster, and a checksum of the lines before it
//! atoll-data/ballast   room kept for a full disk (`ballast`)
//! atoll-data/log/      the log of all ranges (`storage::wal`)
//! atoll-data/state/    their state (`storage::engine`)
//! ```
//! The formats of log and state have versions of their own; this one counts changes of what lies where, and what all
//! releases must be able to read of the file is its first two lines.
//!
//! INVARIANT: the version file is durable before anything else is made. So data without it is not a new directory.

use std::io::ErrorKind;
use std::path::Path;

use atoll_cluster::members;
use atoll_env::disk::DirLock;
use atoll_env::{Env, NodeId};

use crate::error::Error;

/// What lies where, as this release writes it; it reads no other.
pub const FORMAT: u32 = 1;

const LOCK: &str = "lock";
const VERSION: &str = "version";
const TITLE: &str = "atoll data directory";
/// With which nobody else may be; a file system's own folder, and what a crash leaves of the version file, don't count.
const HARMLESS: [&str; 3] = [LOCK, "version.tmp", "lost+found"];

/// The node that the cluster began with.
pub const FOUNDER: NodeId = NodeId(1);

/// Which node of which cluster the data belongs to. Given once, when the directory is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub node: NodeId,
    pub cluster: u128,
}

/// A directory that is ours, as long as this lives.
pub struct Directory {
    pub identity: Identity,
    /// Whether it was made just now.
    pub new: bool,
    _lock: DirLock,
}

impl Directory {
    /// Makes the directory if there is none, or an empty one. The new node belongs to the cluster of the nodes at the
    /// addresses in `join`; if there are none, a cluster begins with it.
    pub async fn open(env: &Env, join: &[String]) -> Result<Directory, Error> {
        let dir = name(env);
        let made = env.disk.create_dir_all(Path::new("")).await;
        made.map_err(|error| Error::io(format_args!("make the data directory {dir}"), &error))?;
        let lock = lock(env, &dir).await?;
        let names = env.disk.list(Path::new("")).await;
        let names = names.map_err(|error| Error::io(format_args!("list the data directory {dir}"), &error))?;
        if names.iter().any(|name| name == VERSION) {
            let identity = read(env, &dir).await?;
            return Ok(Directory { identity, new: false, _lock: lock });
        }
        let others: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| !HARMLESS.contains(name)).take(3).collect();
        if !others.is_empty() {
            let others = others.join(", ");
            return Err(Error::Unusable(format!(
                "{dir} has no file {VERSION}, but holds {others}: not a data directory of atoll, or a damaged one"
            )));
        }
        let identity = match join {
            [] => Identity { node: FOUNDER, cluster: env.entropy.next_u128() },
            join => joined(env, join).await?,
        };
        let written = env.disk.write_atomic(Path::new(VERSION), encode(identity).as_bytes()).await;
        written.map_err(|error| Error::io(format_args!("write {dir}/{VERSION}"), &error))?;
        Ok(Directory { identity, new: true, _lock: lock })
    }

    /// Takes the directory of a node that doesn't run, and makes nothing but a lock.
    pub async fn open_existing(env: &Env) -> Result<Directory, Error> {
        let dir = name(env);
        match env.disk.exists(Path::new(VERSION)).await {
            Ok(true) => {}
            Ok(false) => {
                return Err(Error::Unusable(format!("{dir} has no file {VERSION}: not a data directory of atoll")));
            }
            Err(error) => return Err(Error::io(format_args!("look into {dir}"), &error)),
        }
        let lock = lock(env, &dir).await?;
        let identity = read(env, &dir).await?;
        Ok(Directory { identity, new: false, _lock: lock })
    }
}

async fn joined(env: &Env, addresses: &[String]) -> Result<Identity, Error> {
    // A number that no node has, until there is one.
    env.net.set_node(NodeId(env.entropy.next_u64() | 1 << 63), 0);
    let joined = members::join(env, addresses).await;
    let joined = joined.map_err(|why| Error::Failed(format!("join the cluster: {why}")))?;
    let cluster = joined.cluster().ok_or_else(|| Error::Failed("join the cluster: it has no number".to_owned()))?;
    Ok(Identity { node: NodeId(joined.node), cluster })
}

/// How the directory is called in messages.
pub(crate) fn name(env: &Env) -> String {
    env.disk.root().map_or_else(|| "the data directory".to_owned(), |root| root.display().to_string())
}

async fn lock(env: &Env, dir: &str) -> Result<DirLock, Error> {
    env.disk.lock(Path::new(LOCK)).await.map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => Error::Locked { dir: dir.to_owned() },
        _ => Error::io(format_args!("lock the data directory {dir}"), &error),
    })
}

async fn read(env: &Env, dir: &str) -> Result<Identity, Error> {
    let path = format!("{dir}/{VERSION}");
    let content = env.disk.read(Path::new(VERSION)).await;
    let content = content.map_err(|error| Error::io(format_args!("read {path}"), &error))?;
    decode(&path, &content)
}

fn encode(Identity { node, cluster }: Identity) -> String {
    let lines = format!("{TITLE}\nformat {FORMAT}\nnode {}\ncluster {cluster:032x}\n", node.0);
    format!("{lines}crc32c {:08x}\n", crc32c::crc32c(lines.as_bytes()))
}

fn decode(path: &str, content: &[u8]) -> Result<Identity, Error> {
    let damaged = |what: &str| Error::Damaged(format!("{path} is damaged: {what}"));
    let text = str::from_utf8(content).map_err(|_| damaged("it is not text"))?;
    let mut lines = text.lines();
    if lines.next() != Some(TITLE) {
        return Err(damaged("it doesn't begin as it should"));
    }
    let format = lines.next().and_then(|line| line.strip_prefix("format "));
    let format: u32 = format.and_then(|format| format.parse().ok()).ok_or_else(|| damaged("it names no format"))?;
    // Before the checksum: of a later format only the first two lines are known.
    if format != FORMAT {
        return Err(Error::Version(format!(
            "{path} says format {format}; this release ({}) knows format {FORMAT} only",
            env!("CARGO_PKG_VERSION")
        )));
    }
    let mut number = |name: &str, radix: u32| {
        let number = lines.next().and_then(|line| line.strip_prefix(name)).and_then(|line| line.strip_prefix(' '));
        number.and_then(|number| u128::from_str_radix(number, radix).ok())
    };
    let identity = (number("node", 10).and_then(|node| u64::try_from(node).ok()), number("cluster", 16));
    let (Some(node), Some(cluster)) = identity else { return Err(damaged("node or cluster is missing")) };
    let identity = Identity { node: NodeId(node), cluster };
    if encode(identity) != text {
        return Err(damaged("its checksum doesn't fit"));
    }
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: Identity = Identity { node: NodeId(1), cluster: 0xabc };

    #[test]
    fn an_identity_comes_back() {
        assert_eq!(decode("version", encode(IDENTITY).as_bytes()).unwrap(), IDENTITY);
    }

    #[test]
    fn no_changed_bit_goes_unnoticed() {
        let good = encode(IDENTITY).into_bytes();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(decode("version", &bad).is_err(), "bit {bit}");
        }
        for len in 0..good.len() {
            assert!(decode("version", &good[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn another_format_is_named() {
        let later = format!("{TITLE}\nformat 2\nwhatever comes then\n");
        let error = decode("dir/version", later.as_bytes()).unwrap_err();
        assert!(matches!(error, Error::Version(_)));
        let text = error.to_string();
        assert!(text.starts_with("dir/version says format 2; this release") && text.ends_with("knows format 1 only"));
    }
}
