//! The states of a classic group.

/// The states of a classic group (`ClassicGroupState`), with what each request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClassicGroupState {
    /// No members; lingers until its offsets have expired. Also a group that only commits offsets.
    ///
    /// A new member's join is parked. Sync, heartbeat, leave: `UNKNOWN_MEMBER_ID`. Commits: from
    /// outside group management only.
    Empty,
    /// Waits for the members to join.
    ///
    /// Joins are parked until all members joined, or the rebalance timeout. Sync and heartbeat:
    /// `REBALANCE_IN_PROGRESS`. Commits of the generation before are taken.
    PreparingRebalance,
    /// Waits for the leader's assignment.
    ///
    /// Syncs are parked. Heartbeats are answered well. Commits: `REBALANCE_IN_PROGRESS`. A join
    /// with the same metadata gets the answer again, with other metadata starts over.
    CompletingRebalance,
    /// Every member has its assignment.
    ///
    /// Syncs are answered with it. A join of the leader, or with other metadata, starts over.
    Stable,
    /// Being removed: `COORDINATOR_NOT_AVAILABLE`.
    Dead,
}

impl ClassicGroupState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Empty,
        Self::PreparingRebalance,
        Self::CompletingRebalance,
        Self::Stable,
        Self::Dead,
    ];

    /// The name in DescribeGroups and ListGroups.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }

    /// The states from which a group may go to this one.
    pub fn valid_previous_states(self) -> &'static [Self] {
        match self {
            Self::Empty => &[Self::PreparingRebalance],
            Self::PreparingRebalance => &[Self::Stable, Self::CompletingRebalance, Self::Empty],
            Self::CompletingRebalance => &[Self::PreparingRebalance],
            Self::Stable => &[Self::CompletingRebalance],
            Self::Dead => &Self::ALL,
        }
    }
}

impl core::fmt::Display for ClassicGroupState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}
