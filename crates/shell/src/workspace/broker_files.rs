//! The log directories of the simulated brokers, as a shell on their hosts sees them.

use bytes::Bytes;
use logbrook_broker::log_dir_files;
use logbrook_cluster::{Cluster, log_dir};

use crate::tools::kafka_dump_log::{self, Files};

/// The broker in whose log directory a path is, and the path below it.
fn place<'a>(cluster: &Cluster, path: &'a str) -> Option<(i32, &'a str)> {
    (1..=cluster.config().brokers).find_map(|node| {
        let rest = path.strip_prefix(log_dir(node).as_str())?;
        (rest.is_empty() || rest.starts_with('/')).then(|| (node, rest.trim_matches('/')))
    })
}

/// A file's bytes.
pub(super) fn read(cluster: &Cluster, path: &str) -> Option<Bytes> {
    let (node, below) = place(cluster, path)?;
    let (folder, name) = below.split_once('/')?;
    log_dir_files::read(cluster.broker(node)?, folder, name)
}

/// The names in a folder, sorted; `None` where there is none.
pub(super) fn list(cluster: &Cluster, path: &str) -> Option<Vec<String>> {
    let (node, below) = place(cluster, path)?;
    let broker = cluster.broker(node)?;
    match below {
        "" => Some(log_dir_files::folders(broker)),
        folder => log_dir_files::names(broker, folder),
    }
}

/// The files that a command line of `kafka-dump-log.sh` needs.
pub(super) fn named(cluster: &Cluster, argv: &[String]) -> Files {
    let files = kafka_dump_log::files_of(argv).into_iter();
    files.filter_map(|path| read(cluster, &path).map(|bytes| (path, bytes))).collect()
}
