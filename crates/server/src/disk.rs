//! A log directory on the disk of this machine: [`FileSystem`] over `std::fs`.
//!
//! A file is opened when it is first read or written and stays open, so that an idle partition costs no
//! descriptor. The first call that fails takes the directory offline: from then on everything here fails,
//! as Kafka does with a log directory (`LogDirFailureChannel`).

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use logbrook_log::{File, FileSystem, StorageError};

/// A folder of the operating system.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Directory>);

#[derive(Debug)]
struct Directory {
    path: PathBuf,
    failure: OnceLock<StorageError>,
    /// Locked while somebody uses the directory.
    _lock: fs::File,
}

/// The name of the file that shows that a directory is in use.
const LOCK: &str = ".lock";

impl Disk {
    /// Opens a folder, made where there is none, for this process alone.
    ///
    /// # Errors
    /// The system's; a folder that another process uses.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path.exists() && !path.is_dir() {
            return Err(io::Error::new(ErrorKind::NotADirectory, "a file; a folder was expected"));
        }
        fs::create_dir_all(path)?;
        let lock = OpenOptions::new().create(true).append(true).open(path.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::Error(error) => error,
            fs::TryLockError::WouldBlock => io::Error::new(
                ErrorKind::WouldBlock,
                "another process uses it (a Kafka or Logbrook server that still runs)",
            ),
        })?;
        let path = path.to_owned();
        Ok(Self(Arc::new(Directory { path, failure: OnceLock::new(), _lock: lock })))
    }
}

impl Directory {
    /// Runs a call on a file unless the directory is offline; an error takes it there.
    fn call<T>(&self, name: &str, call: impl FnOnce() -> io::Result<T>) -> Result<T, StorageError> {
        if let Some(failure) = self.failure.get() {
            return Err(failure.clone());
        }
        call().map_err(|error| {
            let error = StorageError::new(&self.path.join(name).display().to_string(), error);
            self.failure.get_or_init(|| error).clone()
        })
    }
}

/// What does not exist is as good as gone.
fn gone<T: Default>(result: io::Result<T>) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(T::default()),
        other => other,
    }
}

impl FileSystem for Disk {
    fn file(&self, name: &str) -> Arc<dyn File> {
        Arc::new(OpenFile {
            directory: Arc::clone(&self.0),
            name: name.to_owned(),
            handle: Mutex::new(None),
        })
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, StorageError> {
        self.0.call(folder, || {
            let entries = match fs::read_dir(self.0.path.join(folder)) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
                entries => entries?,
            };
            let mut names = Vec::new();
            for entry in entries {
                // A name that is no text is none of ours.
                names.extend(entry?.file_name().into_string().ok());
            }
            names.sort_unstable();
            Ok(names)
        })
    }

    fn create_folder(&self, name: &str) -> Result<(), StorageError> {
        self.0.call(name, || fs::create_dir_all(self.0.path.join(name)))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        self.0.call(from, || fs::rename(self.0.path.join(from), self.0.path.join(to)))
    }

    fn remove(&self, name: &str) -> Result<(), StorageError> {
        self.0.call(name, || gone(fs::remove_file(self.0.path.join(name))))
    }

    fn remove_folder(&self, name: &str) -> Result<(), StorageError> {
        self.0.call(name, || gone(fs::remove_dir_all(self.0.path.join(name))))
    }

    fn sync_folder(&self, name: &str) -> Result<(), StorageError> {
        // Only where a folder can be opened as a file.
        if cfg!(unix) {
            self.0.call(name, || fs::File::open(self.0.path.join(name))?.sync_all())
        } else {
            Ok(())
        }
    }

    fn failure(&self) -> Option<StorageError> {
        self.0.failure.get().cloned()
    }
}

#[derive(Debug)]
struct OpenFile {
    directory: Arc<Directory>,
    name: String,
    handle: Mutex<Option<Arc<fs::File>>>,
}

impl OpenFile {
    fn locked(&self) -> MutexGuard<'_, Option<Arc<fs::File>>> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self) -> PathBuf {
        self.directory.path.join(&self.name)
    }

    /// The open file; one that is not there is made for a write, and an error for a read.
    fn open(&self, create: bool) -> io::Result<Arc<fs::File>> {
        let mut handle = self.locked();
        if let Some(file) = &*handle {
            return Ok(Arc::clone(file));
        }
        let options = OpenOptions::new().read(true).write(true).create(create).to_owned();
        let file = Arc::new(options.open(self.path())?);
        *handle = Some(Arc::clone(&file));
        Ok(file)
    }

    fn call<T>(&self, call: impl FnOnce() -> io::Result<T>) -> Result<T, StorageError> {
        self.directory.call(&self.name, call)
    }
}

impl File for OpenFile {
    fn size(&self) -> Result<usize, StorageError> {
        self.call(|| {
            let metadata = match &*self.locked() {
                Some(file) => file.metadata(),
                None => match fs::metadata(self.path()) {
                    Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
                    metadata => metadata,
                },
            };
            Ok(usize::try_from(metadata?.len()).unwrap_or(usize::MAX))
        })
    }

    fn read_at(&self, position: usize, buffer: &mut [u8]) -> Result<(), StorageError> {
        self.call(|| positioned::read(&*self.open(false)?, buffer, position as u64))
    }

    fn write_at(&self, position: usize, parts: &[&[u8]]) -> Result<(), StorageError> {
        self.call(|| positioned::write(&*self.open(true)?, parts, position as u64))
    }

    fn set_size(&self, size: usize) -> Result<(), StorageError> {
        self.call(|| self.open(true)?.set_len(size as u64))
    }

    fn sync(&self) -> Result<(), StorageError> {
        self.call(|| self.open(true)?.sync_all())
    }
}

#[cfg(unix)]
mod positioned {
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::FileExt;

    pub(super) fn read(file: &File, buffer: &mut [u8], position: u64) -> io::Result<()> {
        file.read_exact_at(buffer, position)
    }

    pub(super) fn write(file: &File, parts: &[&[u8]], mut position: u64) -> io::Result<()> {
        // One call for a small batch: the copy is cheaper than the second call.
        const JOINED_BYTES: usize = 64 * 1024;
        let total: usize = parts.iter().map(|part| part.len()).sum();
        if parts.len() > 1 && total <= JOINED_BYTES {
            return file.write_all_at(&parts.concat(), position);
        }
        for part in parts {
            file.write_all_at(part, position)?;
            position += part.len() as u64;
        }
        Ok(())
    }
}

#[cfg(not(unix))]
mod positioned {
    use std::fs::File;
    use std::io::{self, Read, Seek, SeekFrom, Write};

    // One thread uses a file, so that its cursor is nobody else's.
    pub(super) fn read(mut file: &File, buffer: &mut [u8], position: u64) -> io::Result<()> {
        file.seek(SeekFrom::Start(position))?;
        file.read_exact(buffer)
    }

    pub(super) fn write(mut file: &File, parts: &[&[u8]], position: u64) -> io::Result<()> {
        file.seek(SeekFrom::Start(position))?;
        parts.iter().try_for_each(|part| file.write_all(part))
    }
}
