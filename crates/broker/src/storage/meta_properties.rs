//! `meta.properties`: the cluster, the node and the directory (`MetaProperties` version 1).

use logbrook_log::{FileSystem, StorageError, read_file, write_file_atomically};
use uuid::Uuid;

use super::{uuid_from_text, uuid_text};

const META_PROPERTIES: &str = "meta.properties";

/// What a directory says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MetaProperties {
    pub(super) cluster_id: String,
    pub(super) node_id: i32,
    pub(super) directory_id: Uuid,
}

impl MetaProperties {
    /// `None` for a directory that is not formatted yet.
    pub(super) fn read(files: &dyn FileSystem) -> Result<Option<Self>, StorageError> {
        let Some(bytes) = read_file(files, META_PROPERTIES)? else { return Ok(None) };
        let wrong = |what: String| StorageError::new(META_PROPERTIES, what);
        let text = String::from_utf8_lossy(&bytes);
        let get = |name: &str| {
            text.lines()
                .filter(|line| !line.starts_with('#'))
                .filter_map(|line| line.split_once('='))
                .find(|(key, _)| key.trim() == name)
                .map(|(_, value)| value.trim().to_owned())
                .ok_or_else(|| wrong(format!("found no `{name}`, expected `{name}=…`")))
        };
        let version = get("version")?;
        if version != "1" {
            return Err(wrong(format!("version: found {version}, expected 1")));
        }
        let node_id = get("node.id")?;
        let directory_id = get("directory.id")?;
        Ok(Some(Self {
            cluster_id: get("cluster.id")?,
            node_id: node_id.parse().map_err(|_no_number| {
                wrong(format!("node.id: found `{node_id}`, expected a number"))
            })?,
            directory_id: uuid_from_text(&directory_id).ok_or_else(|| {
                wrong(format!(
                    "directory.id: found `{directory_id}`, expected an id of 22 characters"
                ))
            })?,
        }))
    }

    pub(super) fn write(&self, files: &dyn FileSystem) -> Result<(), StorageError> {
        let text = format!(
            "node.id={}\ndirectory.id={}\nversion=1\ncluster.id={}\n",
            self.node_id,
            uuid_text(self.directory_id),
            self.cluster_id
        );
        write_file_atomically(files, META_PROPERTIES, text.as_bytes())
    }
}
