//! Operations at random by several clients that behave as Kafka's consumers do, some badly.

use logbrook_sorted::SortedMap;

use logbrook_group::{ClassicGroupState, GroupConfig, GroupError, GroupEvent, Token};
use proptest::prelude::*;

use crate::harness::*;

const PARTITIONS: usize = 4;

#[derive(Clone, Debug)]
enum Operation {
    /// Whatever the client would do next: join, sync, heartbeat.
    Step(usize),
    Commit(usize),
    /// With the generation before.
    StaleCommit(usize),
    Leave(usize),
    /// Forgets what it waited for, and joins anew as a stranger.
    Restart(usize),
    Pass(i64),
    FailOver,
    Delete,
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let client = 0..4_usize;
    proptest::collection::vec(
        prop_oneof![
            8 => client.clone().prop_map(Operation::Step),
            2 => client.clone().prop_map(Operation::Commit),
            1 => client.clone().prop_map(Operation::StaleCommit),
            1 => client.clone().prop_map(Operation::Leave),
            1 => client.prop_map(Operation::Restart),
            3 => prop_oneof![Just(1), Just(DELAY_MS), 0..70_000_i64].prop_map(Operation::Pass),
            1 => Just(Operation::FailOver),
            1 => Just(Operation::Delete),
        ],
        1..60,
    )
}

#[derive(Clone, Debug, Default)]
struct Client {
    member_id: String,
    generation: i32,
    waits: Option<Wait>,
    /// What it believes to own, in `generation`.
    owned: Vec<usize>,
    is_assigned: bool,
}

#[derive(Clone, Copy, Debug)]
enum Wait {
    Join(Token),
    Sync(Token),
}

struct World {
    c: Coordinator,
    clients: Vec<Client>,
    highest_generation: i32,
}

impl World {
    fn step(&mut self, at: usize) {
        let mut client = self.clients[at].clone();
        match client.waits {
            Some(Wait::Join(token) | Wait::Sync(token)) if self.c.is_parked(token) => {}
            Some(Wait::Join(token)) => self.on_joined(&mut client, token),
            Some(Wait::Sync(token)) => {
                client.waits = None;
                match self.c.synced(token) {
                    Ok(assignment) => {
                        client.is_assigned = true;
                        client.owned =
                            assignment.split_whitespace().map(|p| p.parse().unwrap()).collect();
                    }
                    Err(error) => on_error(&mut client, error),
                }
            }
            None if client.is_assigned => {
                if let Err(error) = self.c.heartbeat(&client.member_id, client.generation) {
                    on_error(&mut client, error);
                }
            }
            None => {
                client.waits = Some(Wait::Join(self.c.rejoin(&client.member_id)));
            }
        }
        self.clients[at] = client;
    }

    fn on_joined(&mut self, client: &mut Client, token: Token) {
        let reply = self.c.joined(token);
        client.waits = None;
        if let Some(error) = reply.error {
            if error == GroupError::MemberIdRequired {
                client.member_id = reply.member_id;
            } else {
                on_error(client, error);
            }
            return;
        }
        assert!(reply.generation_id >= client.generation, "generations only grow");
        client.generation = reply.generation_id;
        let mut parts: SortedMap<&str, String> = SortedMap::new();
        for partition in 0..PARTITIONS {
            if let Some(member) = reply.members.get(partition % reply.members.len().max(1)) {
                let part = parts.entry(member.member_id.as_str()).or_default();
                *part += &format!("{partition} ");
            }
        }
        let assignments: Vec<(&str, &str)> =
            parts.iter().map(|(member, part)| (*member, part.as_str())).collect();
        client.waits =
            Some(Wait::Sync(self.c.send_sync(&client.member_id, client.generation, &assignments)));
    }

    fn run(&mut self, operation: &Operation) {
        match *operation {
            Operation::Step(at) => self.step(at),
            Operation::Commit(at) => {
                let client = &self.clients[at];
                let _ = self.c.commit(&client.member_id, client.generation, 7);
            }
            Operation::StaleCommit(at) => {
                let client = &self.clients[at];
                let before = self.c.committed();
                if client.generation >= 1 {
                    let result = self.c.commit(&client.member_id, client.generation - 1, 99);
                    assert!(result.is_err(), "a stale commit was taken");
                    assert_eq!(self.c.committed(), before);
                }
            }
            Operation::Leave(at) => {
                let member_id = std::mem::take(&mut self.clients[at].member_id);
                self.c.leave(&member_id);
                self.clients[at] = Client::default();
            }
            Operation::Restart(at) => self.clients[at] = Client::default(),
            Operation::Pass(ms) => self.c.pass(ms),
            Operation::FailOver => self.c.fail_over(),
            Operation::Delete => {
                let decided = self.c.groups.delete_groups(&[GROUP.into()]);
                self.c.apply(decided.decision);
            }
        }
        self.check();
    }

    fn check(&mut self) {
        // A group that comes again after its end counts from the start.
        if self.c.events.drain(..).any(|event| matches!(event, GroupEvent::GroupDeleted { .. })) {
            self.highest_generation = 0;
        }
        let Some(group) = self.c.groups.group(GROUP) else { return };
        // A coordinator that fails over knows the generation of its last record.
        let durable = self.c.groups.durable().groups.get(GROUP).map_or(0, |value| value.generation);
        assert!(durable >= self.highest_generation, "a generation was taken back");
        self.highest_generation = durable;
        assert!(group.generation_id() >= durable);
        let mut owners: SortedMap<usize, &str> = SortedMap::new();
        for client in self.clients.iter().filter(|client| client.is_assigned) {
            let is_member = group.member(&client.member_id).is_some();
            if is_member && client.generation == group.generation_id() {
                for partition in &client.owned {
                    let other = owners.insert(*partition, &client.member_id);
                    assert!(other.is_none(), "{partition} has two owners in one generation");
                }
            }
        }
        if group.state() == ClassicGroupState::Stable {
            // What another broker would load is what lives here.
            let loaded = self.c.reloaded();
            let loaded = loaded.group(GROUP).expect("is in the log").describe();
            assert_eq!(loaded, group.describe());
        }
    }
}

fn on_error(client: &mut Client, error: GroupError) {
    match error {
        GroupError::RebalanceInProgress => client.is_assigned = false,
        GroupError::UnknownMemberId => *client = Client::default(),
        GroupError::IllegalGeneration
        | GroupError::NotCoordinator
        | GroupError::CoordinatorNotAvailable => client.is_assigned = false,
        other => panic!("a well behaved client was answered {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn invariants_hold_after_every_operation(operations in operations()) {
        let config = GroupConfig { offsets_retention_ms: 100_000, offsets_retention_check_interval_ms: 20_000, ..GroupConfig::default() };
        let mut world = World {
            c: Coordinator::with(config),
            clients: vec![Client::default(); 4],
            highest_generation: 0,
        };
        for operation in &operations {
            world.run(operation);
        }
        // Left alone, every request is answered and the members that are still there settle.
        for _ in 0..40 {
            for at in 0..world.clients.len() {
                world.step(at);
                world.check();
            }
            world.c.pass(2_000);
        }
        prop_assert!(world.clients.iter().all(|client| client.is_assigned), "{:?}", world.clients);
        prop_assert_eq!(world.c.state(), ClassicGroupState::Stable);
    }
}
