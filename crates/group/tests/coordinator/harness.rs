//! A coordinator with its log: every decision's records go through their bytes into the log and
//! are replayed, and what must hold between operations is checked after each.

use logbrook_sorted::SortedMap;

use bytes::Bytes;
use logbrook_group::consumer_protocol::Subscription;
use logbrook_group::*;

pub(crate) const GROUP: &str = "payments";
pub(crate) const SESSION_MS: i32 = 10_000;
pub(crate) const REBALANCE_MS: i32 = 60_000;
pub(crate) const DELAY_MS: i64 = 3_000;

pub(crate) struct Coordinator {
    pub(crate) groups: Groups,
    pub(crate) now: i64,
    pub(crate) log: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub(crate) events: Vec<GroupEvent>,
    replies: SortedMap<Token, Reply>,
    next_token: Token,
    next_uuid: u128,
}

impl Coordinator {
    pub(crate) fn new() -> Self {
        Self::with(GroupConfig::default())
    }

    pub(crate) fn with(config: GroupConfig) -> Self {
        Self {
            groups: Groups::new(config),
            now: 1_700_000_000_000,
            log: Vec::new(),
            events: Vec::new(),
            replies: SortedMap::new(),
            next_token: 0,
            next_uuid: 0,
        }
    }

    pub(crate) fn apply(&mut self, decision: Decision) {
        for record in &decision.records {
            let (key, value) = (record.encode_key(), record.encode_value());
            let read = GroupRecord::decode(&key, value.as_deref()).expect("a record reads back");
            assert_eq!(read, *record);
            self.groups.replay(&read);
            self.log.push((key, value));
        }
        for (token, reply) in decision.replies {
            assert!(self.replies.insert(token, reply).is_none(), "request {token} answered twice");
        }
        self.events.extend(decision.events);
        self.groups.groups().for_each(ClassicGroup::assert_valid);
        assert_eq!(self.reloaded().durable(), self.groups.durable(), "the log says all");
        if let Some(at) = self.groups.next_wakeup() {
            assert!(at >= self.now, "nothing overdue is forgotten");
        }
    }

    /// The groups as another broker would load them from the log.
    pub(crate) fn reloaded(&self) -> Groups {
        let mut groups = Groups::new(self.groups.config().clone());
        for (key, value) in &self.log {
            groups.replay(&GroupRecord::decode(key, value.as_deref()).expect("reads back"));
        }
        assert!(groups.on_loaded(self.now).records.is_empty());
        groups
    }

    /// Moves the groups to another broker.
    pub(crate) fn fail_over(&mut self) {
        let loaded = self.reloaded();
        let before = std::mem::replace(&mut self.groups, loaded);
        let decision = before.unload(self.now);
        assert!(decision.records.is_empty());
        for (token, reply) in decision.replies {
            assert!(self.replies.insert(token, reply).is_none(), "request {token} answered twice");
        }
    }

    pub(crate) fn group(&self) -> &ClassicGroup {
        self.groups.group(GROUP).expect("the group is there")
    }

    pub(crate) fn state(&self) -> ClassicGroupState {
        self.groups.describe_group(GROUP).state
    }

    /// Lets time pass, with everything that is due in it.
    pub(crate) fn pass(&mut self, ms: i64) {
        let end = self.now + ms;
        while let Some(at) = self.groups.next_wakeup().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            let decision = self.groups.tick(self.now);
            self.apply(decision);
        }
        self.now = end;
    }

    pub(crate) fn join_request(&mut self, member_id: &str) -> JoinGroup {
        self.next_uuid += 1;
        JoinGroup {
            group_id: GROUP.into(),
            member_id: member_id.into(),
            group_instance_id: None,
            client_id: "consumer".into(),
            client_host: "/127.0.0.1".into(),
            session_timeout_ms: SESSION_MS,
            rebalance_timeout_ms: REBALANCE_MS,
            protocol_type: "consumer".into(),
            protocols: vec![protocol("range", &["orders"])],
            reason: None,
            requires_known_member_id: true,
            supports_skipping_assignment: true,
            new_member_uuid: self.next_uuid,
        }
    }

    pub(crate) fn token(&mut self) -> Token {
        self.next_token += 1;
        self.next_token
    }

    /// Sends a JoinGroup; the token under which its answer comes.
    pub(crate) fn send_join(&mut self, request: JoinGroup) -> Token {
        let token = self.token();
        let decision = self.groups.join_group(self.now, token, request);
        self.apply(decision);
        token
    }

    pub(crate) fn joined(&mut self, token: Token) -> JoinGroupReply {
        match self.replies.remove(&token) {
            Some(Reply::JoinGroup(reply)) => reply,
            other => panic!("JoinGroup {token} was answered with {other:?}"),
        }
    }

    pub(crate) fn is_parked(&self, token: Token) -> bool {
        !self.replies.contains_key(&token)
    }

    /// A new member's first join: the id that it is to join with.
    pub(crate) fn new_member_id(&mut self) -> String {
        let request = self.join_request("");
        let token = self.send_join(request);
        let reply = self.joined(token);
        assert_eq!(reply.error, Some(GroupError::MemberIdRequired));
        reply.member_id
    }

    /// A new member with its join parked or answered: its id and the join's token.
    pub(crate) fn new_member(&mut self) -> (String, Token) {
        let member_id = self.new_member_id();
        let request = self.join_request(&member_id);
        (member_id, self.send_join(request))
    }

    pub(crate) fn rejoin(&mut self, member_id: &str) -> Token {
        let request = self.join_request(member_id);
        self.send_join(request)
    }

    pub(crate) fn send_sync(
        &mut self,
        member_id: &str,
        generation_id: i32,
        assignments: &[(&str, &str)],
    ) -> Token {
        let token = self.token();
        let request = SyncGroup {
            group_id: GROUP.into(),
            generation_id,
            member_id: member_id.into(),
            group_instance_id: None,
            protocol_type: Some("consumer".into()),
            protocol_name: None,
            assignments: assignments
                .iter()
                .map(|(member, bytes)| ((*member).into(), Bytes::copy_from_slice(bytes.as_bytes())))
                .collect(),
        };
        let decision = self.groups.sync_group(self.now, token, request);
        self.apply(decision);
        token
    }

    pub(crate) fn synced(&mut self, token: Token) -> Result<String, GroupError> {
        match self.replies.remove(&token) {
            Some(Reply::SyncGroup(reply)) => match reply.error {
                None => Ok(String::from_utf8(reply.assignment.to_vec()).expect("text")),
                Some(error) => Err(error),
            },
            other => panic!("SyncGroup {token} was answered with {other:?}"),
        }
    }

    pub(crate) fn heartbeat(
        &mut self,
        member_id: &str,
        generation_id: i32,
    ) -> Result<(), GroupError> {
        let request = Heartbeat {
            group_id: GROUP.into(),
            generation_id,
            member_id: member_id.into(),
            group_instance_id: None,
        };
        let result = self.groups.heartbeat(self.now, &request);
        self.groups.groups().for_each(ClassicGroup::assert_valid);
        result
    }

    pub(crate) fn leave_all(
        &mut self,
        members: Vec<LeavingMember>,
    ) -> Result<Vec<LeftMember>, GroupError> {
        let request = LeaveGroup { group_id: GROUP.into(), members };
        let decided = self.groups.leave_group(self.now, &request);
        self.apply(decided.decision);
        decided.response
    }

    pub(crate) fn leave(&mut self, member_id: &str) -> Option<GroupError> {
        let leaving =
            LeavingMember { member_id: member_id.into(), group_instance_id: None, reason: None };
        self.leave_all(vec![leaving]).expect("members answer for themselves")[0].error
    }

    pub(crate) fn commit_request(
        &self,
        member_id: &str,
        generation_id: i32,
        offset: i64,
    ) -> OffsetCommit {
        OffsetCommit {
            group_id: GROUP.into(),
            generation_id,
            member_id: member_id.into(),
            group_instance_id: None,
            knows_group_id_not_found: true,
            retention_time_ms: None,
            offsets: vec![OffsetToCommit {
                partition: TopicPartition::new("orders", 0),
                topic_id: [7; 16],
                offset,
                leader_epoch: 0,
                metadata: String::new(),
            }],
        }
    }

    pub(crate) fn send_commit(&mut self, request: &OffsetCommit) -> Result<(), GroupError> {
        let decided = self.groups.offset_commit(self.now, request);
        self.apply(decided.decision);
        decided.response?.iter().find_map(|result| result.error).map_or(Ok(()), Err)
    }

    pub(crate) fn commit(
        &mut self,
        member_id: &str,
        generation_id: i32,
        offset: i64,
    ) -> Result<(), GroupError> {
        let request = self.commit_request(member_id, generation_id, offset);
        self.send_commit(&request)
    }

    pub(crate) fn committed(&self) -> i64 {
        let request = OffsetFetch::new(GROUP, Some(vec![TopicPartition::new("orders", 0)]));
        self.groups.offset_fetch(&request).expect("it names no member")[0].offset
    }

    /// A stable group: the ids of its members, the leader first; each is assigned its own number.
    pub(crate) fn stable(&mut self, members: usize) -> Vec<String> {
        let joins: Vec<(String, Token)> = (0..members).map(|_| self.new_member()).collect();
        self.pass(2 * DELAY_MS);
        let ids: Vec<String> = joins.iter().map(|(id, _)| id.clone()).collect();
        for (_, token) in joins {
            assert_eq!(self.joined(token).error, None);
        }
        let generation = self.group().generation_id();
        let numbers: Vec<String> = (0..members).map(|number| number.to_string()).collect();
        let assignments: Vec<(&str, &str)> =
            ids.iter().zip(&numbers).map(|(id, number)| (id.as_str(), number.as_str())).collect();
        let followers: Vec<Token> =
            ids[1..].iter().map(|id| self.send_sync(id, generation, &[])).collect();
        let leader = self.send_sync(&ids[0], generation, &assignments);
        assert_eq!(self.synced(leader), Ok("0".into()));
        for (number, token) in followers.into_iter().enumerate() {
            assert_eq!(self.synced(token), Ok((number + 1).to_string()));
        }
        assert_eq!(self.state(), ClassicGroupState::Stable);
        ids
    }
}

pub(crate) fn protocol(name: &str, topics: &[&str]) -> JoinGroupProtocol {
    JoinGroupProtocol {
        name: name.into(),
        metadata: Subscription::to(topics.iter().copied()).encode().into(),
    }
}
