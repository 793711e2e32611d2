//! A disk in memory that fails where a test wants it to: after so many bytes, or by losing power.

#![allow(dead_code, reason = "not every test file uses each helper")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use logbrook_log::{File, FileSystem, StorageError};

/// What a file has, and what of it would survive a loss of power.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    pub(crate) bytes: Vec<u8>,
    synced: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
struct State {
    files: BTreeMap<String, Contents>,
    folders: BTreeSet<String>,
    /// Bytes and other changes that still succeed; without end if none.
    budget: Option<usize>,
    /// A call has failed: so does every further one that changes something.
    dead: bool,
}

impl State {
    /// How much of a change of this size is made.
    fn spend(&mut self, size: usize) -> usize {
        if self.dead {
            return 0;
        }
        let Some(budget) = &mut self.budget else { return size };
        let spent = size.min(*budget);
        *budget -= spent;
        self.dead = spent < size;
        spent
    }

    fn change(&mut self, name: &str) -> Result<(), StorageError> {
        if self.spend(1) == 1 { Ok(()) } else { Err(full(name)) }
    }
}

fn full(name: &str) -> StorageError {
    StorageError::new(name, "No space left on device (os error 28)")
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics with the lock")
    }

    /// Fails in the middle of what comes after so many bytes.
    pub(crate) fn fail_after(&self, bytes: usize) {
        self.state().budget = Some(bytes);
    }

    /// The process is killed: everything written is there for the next one.
    pub(crate) fn after_kill(&self) -> Disk {
        let mut state = self.state().clone();
        (state.budget, state.dead) = (None, false);
        Disk(Arc::new(Mutex::new(state)))
    }

    /// The machine loses power: of what a file grew by since it was synced, `keep` says how much is there,
    /// and zeros may stand where the rest was.
    pub(crate) fn after_power_loss(&self, mut keep: impl FnMut(usize) -> (usize, bool)) -> Disk {
        let disk = self.after_kill();
        for file in disk.state().files.values_mut() {
            let synced = file.synced.len().min(file.bytes.len());
            let grown = file.bytes.len() - synced;
            let (kept, zeros) = keep(grown);
            let kept = synced + kept.min(grown);
            let length = if zeros { file.bytes.len() } else { kept };
            file.bytes.truncate(kept);
            file.bytes.resize(length, 0);
        }
        disk
    }

    /// Names of all files.
    pub(crate) fn names(&self) -> Vec<String> {
        self.state().files.keys().cloned().collect()
    }

    pub(crate) fn edit<T>(&self, name: &str, edit: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        edit(&mut self.state().files.entry(name.to_owned()).or_default().bytes)
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        self.edit(name, |file| *file = bytes.to_vec());
    }
}

#[derive(Debug)]
struct OpenFile {
    disk: Disk,
    name: String,
}

impl File for OpenFile {
    fn size(&self) -> Result<usize, StorageError> {
        Ok(self.disk.state().files.get(&self.name).map_or(0, |file| file.bytes.len()))
    }

    fn read_at(&self, position: usize, buffer: &mut [u8]) -> Result<(), StorageError> {
        let state = self.disk.state();
        let bytes = state.files.get(&self.name).map_or(&[][..], |file| &file.bytes);
        let found = bytes.get(position..position + buffer.len());
        buffer.copy_from_slice(found.ok_or_else(|| StorageError::new(&self.name, "it ends"))?);
        Ok(())
    }

    fn write_at(&self, position: usize, parts: &[&[u8]]) -> Result<(), StorageError> {
        let data = parts.concat();
        let mut state = self.disk.state();
        let written = state.spend(data.len());
        let bytes = &mut state.files.entry(self.name.clone()).or_default().bytes;
        if bytes.len() < position + written {
            bytes.resize(position + written, 0);
        }
        bytes[position..position + written].copy_from_slice(&data[..written]);
        if written < data.len() { Err(full(&self.name)) } else { Ok(()) }
    }

    fn set_size(&self, size: usize) -> Result<(), StorageError> {
        let mut state = self.disk.state();
        state.change(&self.name)?;
        state.files.entry(self.name.clone()).or_default().bytes.resize(size, 0);
        Ok(())
    }

    fn sync(&self) -> Result<(), StorageError> {
        let mut state = self.disk.state();
        state.change(&self.name)?;
        let file = state.files.entry(self.name.clone()).or_default();
        file.synced = file.bytes.clone();
        Ok(())
    }
}

impl FileSystem for Disk {
    fn file(&self, name: &str) -> Arc<dyn File> {
        Arc::new(OpenFile { disk: self.clone(), name: name.to_owned() })
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, StorageError> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let state = self.state();
        let files = state.files.keys().chain(&state.folders);
        Ok(files
            .filter_map(|name| name.strip_prefix(&prefix))
            .filter(|name| !name.is_empty() && !name.contains('/'))
            .map(str::to_owned)
            .collect())
    }

    fn create_folder(&self, name: &str) -> Result<(), StorageError> {
        let mut state = self.state();
        state.change(name)?;
        state.folders.insert(name.to_owned());
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        let mut state = self.state();
        state.change(from)?;
        if state.folders.remove(from) {
            state.folders.insert(to.to_owned());
            let prefix = format!("{from}/");
            let inside = state.files.split_off(&prefix);
            for (name, file) in inside {
                let name =
                    name.strip_prefix(&prefix).map_or(name.clone(), |rest| format!("{to}/{rest}"));
                state.files.insert(name, file);
            }
            return Ok(());
        }
        match state.files.remove(from) {
            Some(file) => {
                state.files.insert(to.to_owned(), file);
                Ok(())
            }
            None => Err(StorageError::new(from, "No such file or directory (os error 2)")),
        }
    }

    fn remove(&self, name: &str) -> Result<(), StorageError> {
        let mut state = self.state();
        if state.files.contains_key(name) {
            state.change(name)?;
            state.files.remove(name);
        }
        Ok(())
    }

    fn remove_folder(&self, name: &str) -> Result<(), StorageError> {
        let mut state = self.state();
        state.change(name)?;
        let prefix = format!("{name}/");
        state.files.retain(|file, _| !file.starts_with(&prefix));
        state.folders.remove(name);
        Ok(())
    }

    fn sync_folder(&self, name: &str) -> Result<(), StorageError> {
        self.state().change(name)
    }
}
