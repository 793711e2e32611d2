//! The group coordinator's place in a broker: `__consumer_offsets` and the groups kept in it.

/// The groups that this broker coordinates.
#[derive(Clone, Debug, Default)]
pub struct GroupCoordinator {}
