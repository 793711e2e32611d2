//! The replicas of a partition while they move: `PartitionReassignmentReplicas` and `PartitionReassignmentRevert`.

use super::PartitionRegistration;
use crate::ErrorCode;
use crate::api_error::ApiError;

/// What a reassignment takes away, what it brings, and all replicas meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReassignmentReplicas {
    pub(super) removing: Vec<i32>,
    pub(super) adding: Vec<i32>,
    pub(super) replicas: Vec<i32>,
}

/// Replicas and ISR of a reassignment that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CompletedReassignment {
    pub(super) replicas: Vec<i32>,
    pub(super) isr: Vec<i32>,
}

impl ReassignmentReplicas {
    /// The way from these replicas to those.
    pub(super) fn between(current: &[i32], target: &[i32]) -> Self {
        let (removing, adding) = (difference(current, target), difference(target, current));
        let replicas = [target, removing.as_slice()].concat();
        Self { removing, adding, replicas }
    }

    /// What it comes to once everybody who is to stay has caught up with this ISR.
    pub(super) fn complete(&self, isr: &[i32]) -> Option<CompletedReassignment> {
        if self.removing.is_empty() && self.adding.is_empty() {
            return None;
        }
        let staying = |ids: &[i32]| without(ids, &self.removing);
        let (isr, replicas) = (staying(isr), staying(&self.replicas));
        if !self.removing.is_empty() && (isr.is_empty() || replicas.is_empty()) {
            return None;
        }
        let in_sync = |ids: &[i32]| ids.iter().all(|id| isr.contains(id));
        if !in_sync(&self.adding) {
            return None;
        }
        // Fewer replicas than before: not at the price of those that are in sync.
        if self.adding.len() < self.removing.len() && !in_sync(&replicas) {
            return None;
        }
        Some(CompletedReassignment { replicas, isr })
    }
}

/// The replicas before a reassignment that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Revert {
    pub(super) replicas: Vec<i32>,
    pub(super) isr: Vec<i32>,
    /// Nobody of them is in sync: the first is taken all the same.
    pub(super) unclean: bool,
}

impl Revert {
    /// # Errors
    /// Every replica is one that the reassignment brought.
    pub(super) fn of(partition: &PartitionRegistration) -> Result<Self, ApiError> {
        let adding = &partition.adding_replicas;
        let replicas = without(&partition.replicas, adding);
        let mut isr = without(&partition.isr, adding);
        let unclean = isr.is_empty();
        if unclean {
            let first = replicas.first().ok_or_else(|| {
                ApiError::new(
                    ErrorCode::InvalidReplicaAssignment,
                    "Invalid replica assignment: addingReplicas contains all replicas.",
                )
            })?;
            isr.push(*first);
        }
        Ok(Self { replicas, isr, unclean })
    }
}

/// The ids that are not among those others, in their order.
pub(super) fn without(ids: &[i32], others: &[i32]) -> Vec<i32> {
    ids.iter().copied().filter(|id| !others.contains(id)).collect()
}

/// [`without`], in order and each once.
fn difference(ids: &[i32], others: &[i32]) -> Vec<i32> {
    let mut ids = without(ids, others);
    logbrook_sorted::sort(&mut ids);
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests;
