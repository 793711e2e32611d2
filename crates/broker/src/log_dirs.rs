//! Which of the broker's log directories each replica is in: `LogManager`, as far as `log.dirs` names
//! several (KIP-113).
//!
//! Different from Kafka 4.4: a replica that moves is copied in no time, so that nobody sees the future
//! replica, and the move is not told to the controller (`AssignReplicasToDirs`, KIP-858).

use logbrook_sorted::SortedMap;

use crate::{BrokerConfig, ErrorCode};

/// Topic and partition.
type Replica = (String, i32);

/// The directories of the replicas on this broker, by their paths as `log.dirs` has them.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogDirs {
    placed: SortedMap<Replica, String>,
    /// Where replicas that are not here yet are to be created (`preferredLogDirs`).
    preferred: SortedMap<Replica, String>,
}

impl LogDirs {
    /// The directory of a replica that is here.
    pub(crate) fn of(&self, topic: &str, index: i32) -> Option<&str> {
        self.placed.get(&(topic.to_owned(), index)).map(String::as_str)
    }

    /// A replica is created: where somebody wanted it, else where the fewest are (`nextLogDirs`).
    pub(crate) fn place(&mut self, topic: &str, index: i32, config: &BrokerConfig) {
        let replica = (topic.to_owned(), index);
        let directory = self.preferred.remove(&replica).or_else(|| self.next(config));
        self.placed.insert(replica, directory.unwrap_or_default());
    }

    fn next(&self, config: &BrokerConfig) -> Option<String> {
        let mut directories = config.log_directories();
        let first = directories.first().cloned();
        let cordoned = config.list(CORDONED).unwrap_or_default();
        directories.retain(|directory| !cordoned.contains(directory));
        let count = |directory: &String| self.placed.values().filter(|d| *d == directory).count();
        // Of several the one that is named first. All are cordoned: the first takes it nevertheless.
        directories.into_iter().min_by_key(count).or(first)
    }

    /// The replicas of a topic are gone.
    pub(crate) fn remove(&mut self, topic: &str) {
        self.placed.retain(|(name, _), _| name != topic);
    }

    /// Wants a replica in another directory (`ReplicaManager.alterReplicaLogDirs`): one that is here moves,
    /// another one is remembered for when it is created.
    ///
    /// # Errors
    /// `LOG_DIR_NOT_FOUND` for a directory that is not configured, `INVALID_REPLICA_ASSIGNMENT` for one that
    /// takes no more replicas (KIP-1066).
    pub(crate) fn alter(
        &mut self,
        topic: &str,
        index: i32,
        directory: &str,
        config: &BrokerConfig,
    ) -> Result<(), ErrorCode> {
        if !config.log_directories().iter().any(|known| known == directory) {
            return Err(ErrorCode::LogDirNotFound);
        }
        if config.list(CORDONED).is_some_and(|list| list.iter().any(|name| name == directory)) {
            return Err(ErrorCode::InvalidReplicaAssignment);
        }
        let replica = (topic.to_owned(), index);
        let replicas = match self.placed.contains_key(&replica) {
            true => &mut self.placed,
            false => &mut self.preferred,
        };
        replicas.insert(replica, directory.to_owned());
        Ok(())
    }
}

const CORDONED: &str = "cordoned.log.dirs";
