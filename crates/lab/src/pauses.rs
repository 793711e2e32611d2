//! Who of a group has which partition, and how long partitions had nobody while they were dealt out again.
//!
//! A pause begins when a member is told to give a partition back (`onPartitionsRevoked`, `onPartitionsLost`) and
//! ends when a member is told that it has it (`onPartitionsAssigned`), be it the same one. With an eager assignor
//! that is every partition in every rebalance; with a cooperative one, and with the consumer protocol (KIP-848),
//! only those that change hands. An owner that dies gives nothing back: how long that takes to be noticed is
//! no matter of the rebalance.

use logbrook_client::process::AppEvent;
use logbrook_sorted::SortedMap;

/// A partition.
pub(crate) type Place = (String, i32);

/// A partition that nobody had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) place: Place,
    /// In µs.
    pub(crate) from_us: i64,
    /// In µs; none while it goes on.
    pub(crate) to_us: Option<i64>,
}

impl Pause {
    /// How much of it lies between two times, in µs.
    pub(crate) fn within_us(&self, from_us: i64, to_us: i64) -> i64 {
        (self.to_us.unwrap_or(to_us).min(to_us) - self.from_us.max(from_us)).max(0)
    }
}

/// A fold over what the members' clients tell their applications.
#[derive(Clone, Debug)]
pub(crate) struct Ownership {
    group: String,
    owners: SortedMap<Place, String>,
    /// In the order in which they began.
    pauses: Vec<Pause>,
}

impl Ownership {
    pub(crate) fn of(group: &str) -> Self {
        Self { group: group.to_owned(), owners: SortedMap::new(), pauses: Vec::new() }
    }

    /// An application was told something. `who` is its instance.
    pub(crate) fn app(&mut self, time_us: i64, who: &str, event: &AppEvent) {
        match event {
            AppEvent::Assigned { group, partitions } if *group == self.group => {
                for (topic, partition) in partitions {
                    let place = (topic.clone(), partition.0);
                    let open = self.pauses.iter_mut().rev().find(|pause| pause.place == place);
                    if let Some(pause) = open {
                        pause.to_us.get_or_insert(time_us);
                    }
                    self.owners.insert(place, who.to_owned());
                }
            }
            AppEvent::Revoked { group, partitions } | AppEvent::Lost { group, partitions }
                if *group == self.group =>
            {
                for (topic, partition) in partitions {
                    let place = (topic.clone(), partition.0);
                    // One that was thrown out hears of it when another has the partition already.
                    if self.owners.get(&place).is_some_and(|owner| owner == who) {
                        self.owners.remove(&place);
                        self.pauses.push(Pause { place, from_us: time_us, to_us: None });
                    }
                }
            }
            _nothing_to_own => {}
        }
    }

    /// A process ended, and has nothing any more.
    pub(crate) fn ended(&mut self, who: &str) {
        self.owners.retain(|_, owner| owner != who);
    }

    pub(crate) fn owner(&self, topic: &str, partition: i32) -> Option<&str> {
        self.owners.get(&(topic.to_owned(), partition)).map(String::as_str)
    }

    pub(crate) fn pauses(&self) -> &[Pause] {
        &self.pauses
    }
}
