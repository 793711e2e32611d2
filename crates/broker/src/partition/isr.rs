//! The replicas in sync as their leader has them: committed by the controller, or asked for and not
//! yet answered (`CommittedPartitionState`, `PendingExpandIsr`, `PendingShrinkIsr`; KIP-497).

use logbrook_sorted::SortedSet;

/// The ISR of a partition at its leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IsrState {
    committed: Vec<i32>,
    pending: Option<PendingIsr>,
}

/// A change of the ISR that the controller was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum PendingIsr {
    Expand(i32),
    Shrink(Vec<i32>),
}

impl IsrState {
    /// As the controller committed it.
    pub(crate) fn committed(isr: Vec<i32>) -> IsrState {
        IsrState { committed: isr, pending: None }
    }

    /// What the controller has committed.
    pub(crate) fn isr(&self) -> &[i32] {
        &self.committed
    }

    /// A change was asked for and has not been answered.
    pub(crate) fn is_inflight(&self) -> bool {
        self.pending.is_some()
    }

    /// Whoever may be in sync: one that is to be added counts already, one that is to be removed still
    /// does. More is stricter for the high watermark, and so safe whatever the controller decides.
    pub(crate) fn maximal_contains(&self, replica: i32) -> bool {
        self.committed.contains(&replica)
            || matches!(self.pending, Some(PendingIsr::Expand(added)) if added == replica)
    }

    /// How many may be in sync.
    pub(crate) fn maximal_len(&self) -> usize {
        self.committed.len() + usize::from(matches!(self.pending, Some(PendingIsr::Expand(_))))
    }

    /// Asks to add a replica; the ISR to send.
    pub(crate) fn expand(&mut self, replica: i32) -> Vec<i32> {
        self.pending = Some(PendingIsr::Expand(replica));
        let all: SortedSet<i32> = self.committed.iter().copied().chain([replica]).collect();
        all.into_iter().collect()
    }

    /// Asks to remove replicas; the ISR to send.
    pub(crate) fn shrink(&mut self, replicas: &[i32]) -> Vec<i32> {
        self.pending = Some(PendingIsr::Shrink(replicas.to_vec()));
        let kept: SortedSet<i32> =
            self.committed.iter().copied().filter(|id| !replicas.contains(id)).collect();
        kept.into_iter().collect()
    }

    /// The controller refused and changed nothing.
    pub(crate) fn revert(&mut self) {
        self.pending = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_counts_where_it_is_stricter() {
        let mut isr = IsrState::committed(vec![2, 3]);
        assert_eq!(isr.expand(1), [1, 2, 3]);
        assert!(isr.is_inflight() && isr.maximal_contains(1));
        assert_eq!((isr.maximal_len(), isr.isr()), (3, &[2, 3][..]));
        isr.revert();
        assert_eq!(isr.shrink(&[3]), [2]);
        assert!(isr.maximal_contains(3));
        assert_eq!(isr.maximal_len(), 2);
    }
}
