//! Whom a verb is aimed at: selectors resolved to nodes and applications, when the line runs.

use logbrook_client::process::Process;
use logbrook_cluster::{CONTROLLER_NODE, Target as AppTarget};
use logbrook_record::{Offset, PartitionIndex};

use super::Workspace;
use crate::action::{Select, Target, TopicPartitionRef};

impl Workspace {
    /// The nodes that a target names: brokers, or the controller where it is a node of its own.
    pub(super) fn nodes(&mut self, target: &Target) -> Result<Vec<i32>, String> {
        let ids: Vec<i32> = self.cluster.broker_ids().collect();
        let kept = match &target.select {
            Select::Named(name, None) => self.names.get(name).cloned(),
            _ => None,
        };
        let nodes = match kept.as_ref().map_or(&target.select, |kept| &kept.select) {
            Select::Node(node) if ids.contains(node) => vec![*node],
            Select::Node(CONTROLLER_NODE) | Select::Controller => vec![self.controller_node()?],
            Select::Node(node) => {
                let ids: Vec<String> = ids.iter().map(i32::to_string).collect();
                return Err(format!(
                    "a broker of this cluster ({}); there is no {node}",
                    ids.join(", ")
                ));
            }
            Select::AnyBroker => {
                let live: Vec<i32> =
                    ids.into_iter().filter(|id| self.cluster.is_broker_up(*id)).collect();
                vec![self.drawn(&live, "any-broker").ok_or("a live broker; none is up")?]
            }
            Select::All => ids,
            Select::Leader(partition) => vec![self.leader_of(partition)?],
            Select::Follower(partition) => vec![self.follower_of(partition)?],
            Select::Coordinator(group) => vec![self.coordinator_of(group)?],
            Select::Named(..) | Select::Owner(..) | Select::AnyOf(_) => {
                return Err("a broker".to_owned());
            }
        };
        if let (Some(name), [node]) = (&target.as_name, nodes.as_slice()) {
            self.names.insert(name.clone(), Target::of(Select::Node(*node)));
        }
        Ok(nodes)
    }

    /// The application that a target names, with `any(APP)` drawn from the seed.
    pub(super) fn app(&mut self, target: &Target) -> Result<AppTarget, String> {
        let chosen = match &target.select {
            Select::Named(name, number) => match (self.names.get(name), number) {
                (Some(kept), None) => kept.clone(),
                (Some(_) | None, _) => Target::of(Select::Named(name.clone(), *number)),
            },
            Select::AnyOf(app) => {
                let state =
                    self.cluster.app(app).ok_or_else(|| format!("an app; there is no `{app}`"))?;
                let live: Vec<u32> = state
                    .instances()
                    .iter()
                    .filter(|(_, instance)| instance.process.is_some())
                    .map(|(number, _)| *number)
                    .collect();
                let number = self
                    .drawn(&live, app)
                    .ok_or_else(|| format!("a live instance; `{app}` has none"))?;
                Target::of(Select::Named(app.clone(), Some(number)))
            }
            Select::Owner(group, partition) => self.owner_of(group, partition)?,
            Select::Node(_)
            | Select::Leader(_)
            | Select::Follower(_)
            | Select::Coordinator(_)
            | Select::Controller
            | Select::AnyBroker
            | Select::All => return Err("an app or one of its instances".to_owned()),
        };
        let app = AppTarget::read(&Target::of(chosen.select.clone()).to_string())?;
        self.cluster.check_target(&app).map_err(|error| error.to_string())?;
        if let Some(name) = &target.as_name {
            self.names.insert(name.clone(), chosen);
        }
        Ok(app)
    }

    /// Whether a target means nodes and not applications.
    pub(super) fn names_node(&self, target: &Target) -> bool {
        match &target.select {
            Select::Node(_)
            | Select::AnyBroker
            | Select::All
            | Select::Controller
            | Select::Leader(_)
            | Select::Follower(_)
            | Select::Coordinator(_) => true,
            Select::Named(name, None) => {
                self.names.get(name).is_some_and(|kept| matches!(kept.select, Select::Node(_)))
            }
            Select::Named(_, Some(_)) | Select::Owner(..) | Select::AnyOf(_) => false,
        }
    }

    fn controller_node(&self) -> Result<i32, String> {
        match self.cluster.controller() {
            Some(_) => Ok(CONTROLLER_NODE),
            None => {
                let only = self.cluster.broker_ids().next();
                only.ok_or_else(|| "a controller; this cluster has none".to_owned())
            }
        }
    }

    /// One of the live ones, by a draw that depends on the seed and the time.
    fn drawn<T: Copy>(&self, live: &[T], purpose: &str) -> Option<T> {
        let at = format!("{purpose} {}", self.cluster.now_us());
        let pick = self.cluster.seed_for("selector", &at) % live.len().max(1) as u64;
        live.get(usize::try_from(pick).ok()?).copied()
    }

    fn leader_of(&self, partition: &TopicPartitionRef) -> Result<i32, String> {
        let registration = self.registration(&partition.topic, partition.partition)?;
        match registration.leader {
            -1 => Err(format!("a partition with a leader; {partition} has none")),
            leader => Ok(leader),
        }
    }

    /// A live follower, in sync where there is one.
    fn follower_of(&self, partition: &TopicPartitionRef) -> Result<i32, String> {
        let registration = self.registration(&partition.topic, partition.partition)?;
        let follows = |id: &&i32| **id != registration.leader && self.cluster.is_broker_up(**id);
        let in_sync = registration.replicas.iter().filter(|id| registration.isr.contains(id));
        let found = in_sync.clone().find(follows);
        let found = found.or_else(|| registration.replicas.iter().find(follows));
        found
            .copied()
            .ok_or_else(|| format!("a partition with a live follower; {partition} has none"))
    }

    /// The running member of a group that has a partition assigned.
    fn owner_of(&self, group: &str, partition: &TopicPartitionRef) -> Result<Target, String> {
        let owns = |program: &dyn Process| {
            let view = program.view();
            let is_it = |(topic, index, _): &(String, PartitionIndex, Option<Offset>)| {
                *topic == partition.topic && index.0 == partition.partition
            };
            view.group.as_deref() == Some(group) && view.positions.iter().any(is_it)
        };
        let mut running = self.cluster.processes().filter(|(_, process)| process.is_running());
        let owner = running.find(|(_, process)| process.program().is_some_and(owns));
        let name = owner.map(|(_, process)| process.name.as_str());
        let name = name.ok_or_else(|| {
            format!("a partition that a member of {group} owns; nobody owns {partition}")
        })?;
        Target::parse(name).map_err(|e| e.expected)
    }

    fn coordinator_of(&self, group: &str) -> Result<i32, String> {
        let topic = "__consumer_offsets";
        let image = self.cluster.metadata().and_then(|metadata| metadata.topic(topic));
        let count = image.map_or(0, |image| image.partitions.len());
        if count == 0 {
            return Err(format!("a group with a coordinator; there is no {topic} yet"));
        }
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        let partition = logbrook_group::records::partition_for(group, count);
        match self.registration(topic, partition)?.leader {
            -1 => Err(format!("a group with a coordinator; {topic}-{partition} has no leader")),
            leader => Ok(leader),
        }
    }

    fn registration(
        &self,
        topic: &str,
        partition: i32,
    ) -> Result<&logbrook_broker::PartitionRegistration, String> {
        let image = self.cluster.metadata().and_then(|metadata| metadata.topic(topic));
        let image =
            image.ok_or_else(|| format!("a topic of this cluster; there is no `{topic}`"))?;
        image
            .partitions
            .get(&partition)
            .ok_or_else(|| format!("a partition of {topic}; there is no {partition}"))
    }
}
