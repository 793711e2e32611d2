//! Invariants of groups: who owns what, as the members themselves know it.

use logbrook_app::{AppSpec, Role};
use logbrook_client::process::AppEvent;
use logbrook_cluster::{Cluster, ProcessId};
use logbrook_sorted::{SortedMap, SortedSet};

use super::Invariant;
use super::replication::Key;
use crate::coverage::Coverage;

/// What each process has been assigned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owners {
    owned: SortedMap<ProcessId, SortedSet<Key>>,
}

impl Owners {
    pub(crate) fn observe(&mut self, process: ProcessId, event: &AppEvent) {
        match event {
            AppEvent::Assigned { partitions, .. } => {
                let owned = self.owned.entry(process).or_default();
                owned.extend(partitions.iter().map(|(topic, index)| (topic.clone(), index.0)));
            }
            AppEvent::Revoked { partitions, .. } | AppEvent::Lost { partitions, .. } => {
                let owned = self.owned.entry(process).or_default();
                for (topic, index) in partitions {
                    owned.remove(&(topic.clone(), index.0));
                }
            }
            _ => {}
        }
    }

    /// Whether each group's partitions have one owner each among the processes that run.
    pub(crate) fn check_at_rest(
        &self,
        cluster: &Cluster,
        apps: &[AppSpec],
        coverage: &mut Coverage,
    ) -> Result<(), (Invariant, String)> {
        let Some(metadata) = cluster.metadata() else { return Ok(()) };
        for spec in apps.iter().filter(|spec| spec.role == Role::Consumer) {
            let Some(app) = cluster.app(&spec.name) else { continue };
            let mut owners: SortedMap<Key, Vec<String>> = SortedMap::new();
            for process in app.processes() {
                let name =
                    cluster.process(process).map(|state| state.name.clone()).unwrap_or_default();
                for key in self.owned.get(&process).into_iter().flatten() {
                    owners.entry(key.clone()).or_default().push(name.clone());
                }
            }
            if app.processes().next().is_none() {
                continue;
            }
            for topic in &spec.topics {
                let count = metadata.topic(topic).map_or(0, |topic| topic.partitions.len());
                for index in 0..i32::try_from(count).unwrap_or_default() {
                    coverage.risked(Invariant::OneOwner);
                    coverage.risked(Invariant::EveryPartitionOwned);
                    match owners.get(&(topic.clone(), index)).map_or(&[][..], Vec::as_slice) {
                        [_one] => {}
                        [] => {
                            let what = format!("{}: nobody owns {topic}-{index}", spec.name);
                            return Err((Invariant::EveryPartitionOwned, what));
                        }
                        several => {
                            let several = several.join(" and ");
                            let what =
                                format!("{}: {topic}-{index} is owned by {several}", spec.name);
                            return Err((Invariant::OneOwner, what));
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
