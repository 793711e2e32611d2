//! Calls that go to the leaders of partitions: `AdminApiDriver` with `PartitionLeaderStrategy`.
//!
//! ```text
//!   partition --Metadata--> leader known --request--> result
//!       ^                        |  ^        |
//!       +---- leader changed ----+  +-retry--+        until the call's deadline
//! ```
//!
//! Different from Kafka: a lookup that found no leader is repeated after `retry.backoff.ms`, growing
//! to `retry.backoff.max.ms`, as every other call; Java's repeats it at once, thousands of times a
//! minute.

use logbrook_sorted::{SortedMap, SortedSet};

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, MetadataResponse};
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};
use logbrook_client::admin::Target;
use logbrook_client::{KafkaError, Level, TopicPartition};

use super::admin_calls::{Stop, expect, topic_name};
use super::java::{self, Throwable};
use super::script::{Question, Stage};

const STRATEGY: &str = "org.apache.kafka.clients.admin.internals.PartitionLeaderStrategy";

/// What a partition's error means for its call.
pub(crate) enum After {
    /// The leader is looked up again.
    Lookup,
    /// The same leader is asked again.
    Retry,
    /// It stays.
    Fail,
}

/// One kind of call: an `AdminApiHandler` of partitions.
pub(crate) trait PartitionCall {
    /// What a partition's result is.
    type Value: Clone;
    /// `apiName()`: `listOffsets`.
    const NAME: &'static str;
    /// The API's name in enum style: `LIST_OFFSETS`.
    const API: &'static str;
    /// The handler's class, which logs.
    const LOGGER: &'static str;
    /// What its log calls the request: `ListOffsets`.
    const LOGGED: &'static str;
    /// A topic that does not exist is waited for.
    const TOLERATES_UNKNOWN_TOPICS: bool;

    /// `buildBatchedRequest`: for partitions of one leader, by topic. The broker has `timeout_ms`.
    fn request(&self, partitions: &SortedMap<String, Vec<i32>>, timeout_ms: i32) -> Request;
    /// Result and error code of each partition.
    fn results(&self, response: Response) -> Option<Vec<(TopicPartition, i16, Self::Value)>>;
    /// `handlePartitionError`.
    fn after(error: ErrorCode) -> After;
}

/// The result of one partition.
pub(crate) type PartitionResult<V> = Result<V, Throwable>;

/// Makes the call for all partitions, over when each has its result: at the latest after
/// `default.api.timeout.ms`.
pub(crate) fn call<C: PartitionCall>(
    stage: &mut Stage<'_>,
    call: &C,
    partitions: impl IntoIterator<Item = TopicPartition>,
) -> Result<SortedMap<TopicPartition, PartitionResult<C::Value>>, Stop> {
    let timeout_ms = stage.config.default_api_timeout_ms;
    let mut driver = Driver {
        call,
        deadline_ms: stage.now.saturating_add(timeout_ms),
        tries: 0,
        lookup: partitions.into_iter().collect(),
        mapped: SortedMap::new(),
        results: SortedMap::new(),
    };
    while !driver.lookup.is_empty() || !driver.mapped.is_empty() {
        driver.round(stage)?;
    }
    Ok(driver.results)
}

struct Driver<'a, C: PartitionCall> {
    call: &'a C,
    deadline_ms: i64,
    tries: u32,
    lookup: SortedSet<TopicPartition>,
    mapped: SortedMap<TopicPartition, i32>,
    results: SortedMap<TopicPartition, PartitionResult<C::Value>>,
}

impl<C: PartitionCall> Driver<'_, C> {
    /// One lookup, then one request to each leader known; a wait if that was not enough.
    fn round(&mut self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        self.tries += 1;
        if !self.lookup.is_empty() {
            self.look_up(stage)?;
        }
        if !self.mapped.is_empty() {
            self.fulfil(stage)?;
        }
        if self.lookup.is_empty() && self.mapped.is_empty() {
            return Ok(());
        }
        let next_ms = stage.now + stage.backoff_ms(self.tries - 1);
        stage.wait_until(next_ms.min(self.deadline_ms))?;
        if next_ms >= self.deadline_ms {
            self.time_out(stage.now, next_ms);
        }
        Ok(())
    }

    fn fail(&mut self, partition: &TopicPartition, error: Throwable) {
        self.lookup.remove(partition);
        self.mapped.remove(partition);
        self.results.insert(partition.clone(), Err(error));
    }

    /// `Call.handleTimeoutFailure`.
    fn time_out(&mut self, now: i64, next_ms: i64) {
        let (tries, deadline) = (self.tries, self.deadline_ms);
        let error = |api: &str| {
            let text = format!(
                "Call(callName={}(api={api}), deadlineMs={deadline}, tries={tries}, \
                 nextAllowedTryMs={next_ms}) timed out at {now} after {tries} attempt(s)",
                C::NAME
            );
            Throwable::from(&KafkaError::timeout(text))
        };
        for partition in std::mem::take(&mut self.lookup) {
            self.results.insert(partition, Err(error("METADATA")));
        }
        for partition in std::mem::take(&mut self.mapped).into_keys() {
            self.results.insert(partition, Err(error(C::API)));
        }
    }

    fn question(&self, stage: &Stage<'_>, request: Request, to: Target, api: &str) -> Question {
        Question::new(request, to)
            .named(format!("{}(api={api})", C::NAME))
            .within((self.deadline_ms - stage.now).max(0))
            .once()
    }

    /// `PartitionLeaderStrategy`: the topics' metadata.
    fn look_up(&mut self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let names: SortedSet<String> = self.lookup.iter().map(|tp| tp.topic.clone()).collect();
        let topics = names
            .iter()
            .map(|name| MetadataRequestTopic::default().with_name(Some(topic_name(name))));
        let request = MetadataRequest::default()
            .with_topics(Some(topics.collect()))
            .with_allow_auto_topic_creation(false);
        let answer = stage.ask(self.question(stage, request.into(), Target::Any, "METADATA"))?;
        match answer {
            Err(error) if is_disconnect(&error) => Ok(()),
            Err(error) => {
                for partition in self.lookup.clone() {
                    self.fail(&partition, Throwable::from(&error));
                }
                Ok(())
            }
            Ok(response) => {
                let metadata = expect(Ok(response), |r| match r {
                    Response::Metadata(body) => Some(body),
                    _ => None,
                })?;
                self.looked_up(stage, &metadata);
                Ok(())
            }
        }
    }

    fn looked_up(&mut self, stage: &mut Stage<'_>, metadata: &MetadataResponse) {
        for topic in &metadata.topics {
            let name = topic.name.as_ref().map(|n| n.to_string()).unwrap_or_default();
            let of_topic: Vec<TopicPartition> =
                self.lookup.iter().filter(|tp| tp.topic == name).cloned().collect();
            let error = error_code(topic.error_code);
            if error != ErrorCode::None {
                self.topic_error(stage, &name, error, &of_topic);
                continue;
            }
            for tp in of_topic {
                let Some(p) = topic.partitions.iter().find(|p| p.partition_index == tp.partition.0)
                else {
                    continue;
                };
                match error_code(p.error_code) {
                    ErrorCode::None if p.leader_id.0 >= 0 => {
                        self.lookup.remove(&tp);
                        self.mapped.insert(tp, p.leader_id.0);
                    }
                    ErrorCode::None
                    | ErrorCode::NotLeaderOrFollower
                    | ErrorCode::ReplicaNotAvailable
                    | ErrorCode::LeaderNotAvailable
                    | ErrorCode::BrokerNotAvailable
                    | ErrorCode::KafkaStorageError
                    | ErrorCode::UnknownTopicOrPartition => {}
                    error => {
                        let text = format!(
                            "Received unexpected error for partition {tp} in `Metadata` response"
                        );
                        log_with(stage, &text, error);
                        let why = format!("Unexpected error during metadata lookup for {tp}");
                        self.fail(&tp, Throwable::new(error.exception_class(), why));
                    }
                }
            }
        }
    }

    /// `handleTopicError`.
    fn topic_error(
        &mut self,
        stage: &mut Stage<'_>,
        topic: &str,
        error: ErrorCode,
        partitions: &[TopicPartition],
    ) {
        let (logged, why) = match error {
            ErrorCode::UnknownTopicOrPartition if C::TOLERATES_UNKNOWN_TOPICS => return,
            ErrorCode::LeaderNotAvailable | ErrorCode::BrokerNotAvailable => return,
            ErrorCode::UnknownTopicOrPartition => (
                format!("Received unknown topic error for topic {topic}"),
                format!("because metadata for topic `{topic}` could not be found"),
            ),
            ErrorCode::TopicAuthorizationFailed => (
                format!("Received authorization failure for topic {topic} in `Metadata` response"),
                "due to topic authorization failure".to_owned(),
            ),
            ErrorCode::InvalidTopicException => (
                format!("Received invalid topic error for topic {topic} in `Metadata` response"),
                format!("due to invalid topic `{topic}`"),
            ),
            _ => (
                format!("Received unexpected error for topic {topic} in `Metadata` response"),
                format!("due to unexpected error for topic `{topic}`"),
            ),
        };
        log_with(stage, &logged, error);
        for tp in partitions {
            let why = format!("Failed to fetch metadata for partition {tp} {why}");
            self.fail(tp, Throwable::new(error.exception_class(), why));
        }
    }

    fn fulfil(&mut self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let mut by_leader: SortedMap<i32, SortedMap<String, Vec<i32>>> = SortedMap::new();
        for (tp, leader) in &self.mapped {
            let topics = by_leader.entry(*leader).or_default();
            topics.entry(tp.topic.clone()).or_default().push(tp.partition.0);
        }
        let timeout_ms = i32::try_from(stage.config.default_api_timeout_ms).unwrap_or(i32::MAX);
        let questions = by_leader.iter().map(|(leader, topics)| {
            self.question(
                stage,
                self.call.request(topics, timeout_ms),
                Target::Node(*leader),
                C::API,
            )
        });
        let answers = stage.ask_all(questions.collect())?;
        for (answer, topics) in answers.into_iter().zip(by_leader.values()) {
            let asked = topics
                .iter()
                .flat_map(|(topic, ps)| ps.iter().map(|p| TopicPartition::new(topic.clone(), *p)));
            let results = match answer {
                Ok(response) => self.call.results(response),
                Err(error) if is_disconnect(&error) => {
                    for tp in asked {
                        self.mapped.remove(&tp);
                        self.lookup.insert(tp);
                    }
                    continue;
                }
                Err(error) => {
                    for tp in asked {
                        self.fail(&tp, Throwable::from(&error));
                    }
                    continue;
                }
            };
            for (tp, code, value) in results.unwrap_or_default() {
                match error_code(code) {
                    ErrorCode::None => {
                        self.mapped.remove(&tp);
                        self.results.insert(tp, Ok(value));
                    }
                    error => self.partition_error(stage, tp, error),
                }
            }
        }
        Ok(())
    }

    fn partition_error(&mut self, stage: &mut Stage<'_>, tp: TopicPartition, error: ErrorCode) {
        match C::after(error) {
            After::Lookup => {
                self.mapped.remove(&tp);
                self.lookup.insert(tp);
            }
            After::Retry => {}
            After::Fail => {
                let text = format!(
                    "{} request for topic partition {tp} failed due to an unexpected error {}",
                    C::LOGGED,
                    error.name()
                );
                stage.client_log(Level::Error, &text, C::LOGGER);
                self.fail(&tp, Throwable::new(error.exception_class(), error.message()));
            }
        }
    }
}

fn error_code(code: i16) -> ErrorCode {
    ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError)
}

fn is_disconnect(error: &KafkaError) -> bool {
    error.simple_class() == "DisconnectException"
}

/// A line of the lookup's log, with its exception.
fn log_with(stage: &mut Stage<'_>, text: &str, error: ErrorCode) {
    stage.client_log(Level::Error, text, STRATEGY);
    let thrown = Throwable::new(error.exception_class(), error.message());
    stage.err(thrown.stack_trace());
}

/// The order in which Java's `HashMap` gives back partitions that were put in this order.
pub(crate) fn hash_order(
    partitions: impl IntoIterator<Item = TopicPartition>,
) -> Vec<TopicPartition> {
    java::hash_order_by(partitions, 16, hash_code)
}

/// The order of an immutable map (`Map.ofEntries`): that of its slots. Where Java begins to count
/// them, and in which direction, differs from one JVM to the next.
pub(crate) fn immutable_map_order(
    partitions: impl IntoIterator<Item = TopicPartition>,
) -> Vec<TopicPartition> {
    let partitions: Vec<TopicPartition> = partitions.into_iter().collect();
    let count = (2 * partitions.len()).max(1);
    let mut slots: Vec<Option<TopicPartition>> = vec![None; count];
    for tp in partitions {
        let hash = i32::from_ne_bytes(hash_code(&tp).to_ne_bytes());
        let home = usize::try_from(hash.rem_euclid(count as i32)).unwrap_or(0);
        let free = (home..count).chain(0..home).find(|slot| slots[*slot].is_none());
        if let Some(slot) = free {
            slots[slot] = Some(tp);
        }
    }
    slots.rotate_left(1 % count);
    slots.into_iter().flatten().collect()
}

/// `TopicPartition.hashCode`.
fn hash_code(tp: &TopicPartition) -> u32 {
    let partition = u32::from_ne_bytes(tp.partition.0.to_ne_bytes());
    31u32.wrapping_add(partition).wrapping_mul(31).wrapping_add(java::string_hash(&tp.topic))
}
