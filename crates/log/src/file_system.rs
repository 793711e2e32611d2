//! Where a log's files are: the seam that the server fills with the operating system, tests with a disk
//! that fails, and the simulated cluster with nothing at all.
//!
//! Names are relative to the log directory, with `/` between folder and file:
//! `orders-0/00000000000000000000.log`. Nothing here is asynchronous: when a call returns, what it wrote
//! is where a killed process cannot lose it (the page cache), and after [`File::sync`] where a lost
//! machine cannot.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// A call into the file system that failed: `KAFKA_STORAGE_ERROR` to a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StorageError {
    /// The file and what the system said of it.
    message: String,
}

impl StorageError {
    /// Kafka's error code.
    pub const CODE: i16 = 56;

    /// Names the file and what went wrong with it.
    #[must_use]
    pub fn new(name: &str, what: impl fmt::Display) -> Self {
        Self { message: format!("{name}: {what}") }
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for StorageError {}

/// One file, read and written at positions.
pub trait File: fmt::Debug + Send + Sync {
    /// Its size in bytes; 0 where it does not exist.
    ///
    /// # Errors
    /// The system's.
    fn size(&self) -> Result<usize, StorageError>;

    /// Fills `buffer` with the bytes from `position` on, which must be there.
    ///
    /// # Errors
    /// The system's, and a file that ends before.
    fn read_at(&self, position: usize, buffer: &mut [u8]) -> Result<(), StorageError>;

    /// Writes the parts one after the other from `position` on, all or, with an error, any number of
    /// their bytes. Creates the file.
    ///
    /// # Errors
    /// The system's: a full disk.
    fn write_at(&self, position: usize, parts: &[&[u8]]) -> Result<(), StorageError>;

    /// Cuts the file, or extends it with zeros that take no room. Creates the file.
    ///
    /// # Errors
    /// The system's.
    fn set_size(&self, size: usize) -> Result<(), StorageError>;

    /// Does not return before everything written is safe from a loss of power.
    ///
    /// # Errors
    /// The system's.
    fn sync(&self) -> Result<(), StorageError>;
}

/// A folder with the logs of a broker (`log.dirs`).
pub trait FileSystem: fmt::Debug + Send + Sync {
    /// The file of this name, which need not exist yet.
    fn file(&self, name: &str) -> Arc<dyn File>;

    /// The names in a folder, sorted; `""` is the folder of everything. Nothing for one that does not exist.
    ///
    /// # Errors
    /// The system's.
    fn list(&self, folder: &str) -> Result<Vec<String>, StorageError>;

    /// Creates a folder where there is none.
    ///
    /// # Errors
    /// The system's.
    fn create_folder(&self, name: &str) -> Result<(), StorageError>;

    /// Renames a file or folder, in the place of a file that has the name already.
    ///
    /// # Errors
    /// The system's.
    fn rename(&self, from: &str, to: &str) -> Result<(), StorageError>;

    /// Removes a file, where there is one.
    ///
    /// # Errors
    /// The system's.
    fn remove(&self, name: &str) -> Result<(), StorageError>;

    /// Removes a folder with all that is in it, where there is one.
    ///
    /// # Errors
    /// The system's.
    fn remove_folder(&self, name: &str) -> Result<(), StorageError>;

    /// Makes creations and renames in a folder safe from a loss of power.
    ///
    /// # Errors
    /// The system's.
    fn sync_folder(&self, name: &str) -> Result<(), StorageError>;

    /// Why the folder is not used any more, once a call has failed (`LogDirFailureChannel`).
    fn failure(&self) -> Option<StorageError> {
        None
    }
}

/// All bytes of a file; `None` where it does not exist or has none.
///
/// # Errors
/// The system's.
pub fn read_file(files: &dyn FileSystem, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
    let file = files.file(name);
    let mut bytes = vec![0; file.size()?];
    if bytes.is_empty() {
        return Ok(None);
    }
    file.read_at(0, &mut bytes)?;
    Ok(Some(bytes))
}

/// Writes a small file so that a crash leaves the old one or the new one (`CheckpointFile`, `Utils.atomicMoveWithFallback`).
///
/// # Errors
/// The system's; the old file is there then.
pub fn write_file_atomically(
    files: &dyn FileSystem,
    name: &str,
    bytes: &[u8],
) -> Result<(), StorageError> {
    let temporary = write_temporary(files, name, bytes)?;
    files.file(&temporary).sync()?;
    files.rename(&temporary, name)?;
    files.sync_folder(name.rsplit_once('/').map_or("", |(folder, _)| folder))
}

fn write_temporary(
    files: &dyn FileSystem,
    name: &str,
    bytes: &[u8],
) -> Result<String, StorageError> {
    let temporary = format!("{name}.tmp");
    let file = files.file(&temporary);
    file.set_size(0)?;
    file.write_at(0, &[bytes])?;
    Ok(temporary)
}

/// The folder of one partition.
#[derive(Clone, Debug)]
pub struct LogFolder {
    files: Arc<dyn FileSystem>,
    name: String,
}

impl LogFolder {
    /// The folder `name` among `files`: `orders-0`.
    #[must_use]
    pub fn new(files: Arc<dyn FileSystem>, name: &str) -> Self {
        Self { files, name: name.to_string() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is in.
    #[must_use]
    pub fn files(&self) -> &dyn FileSystem {
        &*self.files
    }

    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.name)
    }

    pub(crate) fn file(&self, name: &str) -> Arc<dyn File> {
        self.files.file(&self.path(name))
    }

    pub(crate) fn create(&self) -> Result<(), StorageError> {
        self.files.create_folder(&self.name)
    }

    pub(crate) fn list(&self) -> Result<Vec<String>, StorageError> {
        self.files.list(&self.name)
    }

    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
        read_file(self.files(), &self.path(name))
    }

    /// As a whole, but only as safe as the page cache.
    pub(crate) fn write_unflushed(&self, name: &str, bytes: &[u8]) -> Result<(), StorageError> {
        let temporary = write_temporary(self.files(), &self.path(name), bytes)?;
        self.files.rename(&temporary, &self.path(name))
    }

    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        self.files.rename(&self.path(from), &self.path(to))
    }

    pub(crate) fn remove(&self, name: &str) -> Result<(), StorageError> {
        self.files.remove(&self.path(name))
    }

    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        self.files.sync_folder(&self.name)
    }
}

/// `LogFileUtils.filenamePrefixFromOffset`: 20 digits.
pub(crate) fn segment_file_name(base_offset: logbrook_record::Offset, suffix: &str) -> String {
    format!("{:020}{suffix}", base_offset.0)
}
