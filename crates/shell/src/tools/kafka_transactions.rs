//! `kafka-transactions.sh` (`org.apache.kafka.tools.TransactionsCommand`).

use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState as WireProducerState,
};
use kafka_protocol::messages::describe_transactions_response::TransactionState;
use kafka_protocol::messages::write_txn_markers_request::{
    WritableTxnMarker, WritableTxnMarkerTopic,
};
use kafka_protocol::messages::{
    DescribeProducersRequest, DescribeTransactionsRequest, InitProducerIdRequest,
    ListTransactionsRequest, MetadataRequest, ProducerId, TransactionalId, WriteTxnMarkersRequest,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::Response;
use logbrook_client::admin::{AdminConfig, Target};
use logbrook_client::{Process, TopicPartition};
use logbrook_sorted::SortedMap;

use super::admin_calls::{self as admin, Stop, check, expect, topic_name};
use super::argparse::{Action, Arg, Namespace, Refused, Spec, arg, parse};
use super::java::Throwable;
use super::options::OptionTable;
use super::script::{Script, Stage, Waiting, scripted};
use super::setup::{Early, ToolEnv, load_props, no_resolvable, resolvable};

pub(crate) const HELP: &str = include_str!("help/kafka-transactions.txt");

const NAME: &str = "kafka-transactions.sh";

const fn command(name: &'static str, help: &'static str, args: &'static [Arg]) -> Spec {
    Spec { name, help, args, exclusive: &[], commands: &[] }
}

const fn needed(names: &'static [&'static str], action: Action) -> Arg {
    Arg { names, action, required: true }
}

static SPEC: Spec = Spec {
    name: NAME,
    help: HELP,
    args: &[
        arg(&["-v", "--version"], Action::StoreTrue),
        arg(&["--command-config"], Action::Store),
        needed(&["--bootstrap-server"], Action::Store),
    ],
    exclusive: &[],
    commands: &[
        command(
            "list",
            include_str!("help/kafka-transactions/list.txt"),
            &[
                arg(&["--duration-filter"], Action::StoreLong),
                arg(&["--transactional-id-pattern"], Action::Store),
            ],
        ),
        command(
            "describe",
            include_str!("help/kafka-transactions/describe.txt"),
            &[needed(&["--transactional-id"], Action::Store)],
        ),
        command(
            "describe-producers",
            include_str!("help/kafka-transactions/describe-producers.txt"),
            &[
                arg(&["--broker-id"], Action::StoreInteger),
                needed(&["--topic"], Action::Store),
                needed(&["--partition"], Action::StoreInteger),
            ],
        ),
        command(
            "abort",
            include_str!("help/kafka-transactions/abort.txt"),
            &[
                needed(&["--topic"], Action::Store),
                needed(&["--partition"], Action::StoreInteger),
                arg(&["--start-offset"], Action::StoreLong),
                arg(&["--producer-id"], Action::StoreLong),
                arg(&["--producer-epoch"], Action::StoreShort),
                arg(&["--coordinator-epoch"], Action::StoreInteger),
            ],
        ),
        command(
            "find-hanging",
            include_str!("help/kafka-transactions/find-hanging.txt"),
            &[
                arg(&["--broker-id"], Action::StoreInteger),
                arg(&["--max-transaction-timeout"], Action::StoreInteger),
                arg(&["--topic"], Action::Store),
                arg(&["--partition"], Action::StoreInteger),
            ],
        ),
        command(
            "forceTerminateTransaction",
            include_str!("help/kafka-transactions/forceTerminateTransaction.txt"),
            &[needed(&["--transactionalId"], Action::Store)],
        ),
    ],
};

/// Reads the options and starts the command.
pub(crate) fn start(_: &'static OptionTable, argv: &[String], env: &ToolEnv) -> Box<dyn Process> {
    scripted(prepare(argv, env), env.seed)
}

fn prepare(argv: &[String], env: &ToolEnv) -> Result<(Transactions, AdminConfig), Early> {
    // It ends the tool wherever it stands before a command.
    let is_command = |word: &String| SPEC.commands.iter().any(|command| command.name == word);
    let own = argv.iter().take_while(|word| !is_command(word));
    if own.into_iter().any(|word| word == "-v" || word == "--version") {
        return Err(Early::version());
    }
    let values = parse(&SPEC, argv).map_err(|refused| match refused {
        Refused::Help(help) => Early { out: help.to_owned(), code: 1, ..Early::default() },
        Refused::Wrong { usage, message } => Early::error(Refused::printed(usage, NAME, &message)),
    })?;
    let thrown =
        |e: Throwable| Early::error(format!("Exception in thread \"main\" {}\n", e.stack_trace()));
    let mut properties = match values.get("--command-config") {
        Some(file) => load_props(env, file).map_err(|e| {
            Early::error(format!(
                "Failed to load admin client properties: {}. Enable debug logging for additional detail.\n",
                e.message_text()
            ))
        })?,
        None => SortedMap::new(),
    };
    let servers = values.get("--bootstrap-server").unwrap_or_default().to_owned();
    properties.insert("bootstrap.servers".into(), servers.clone());
    let config = AdminConfig::from_properties(&properties).map_err(|error| {
        let outer = Throwable::new(
            "org.apache.kafka.common.KafkaException",
            "Failed to create new KafkaAdminClient",
        );
        thrown(outer.caused_by(&Throwable::from(&error)))
    })?;
    resolvable(&servers).map_err(|unresolved| {
        thrown(no_resolvable("Failed to create new KafkaAdminClient")).unresolved(unresolved)
    })?;
    Ok((Transactions { values }, config))
}

#[derive(Clone)]
struct Transactions {
    values: Namespace,
}

/// What ends a command early.
enum End {
    Waiting,
    /// `printErrorAndExit`.
    Error(String),
}

impl From<Waiting> for End {
    fn from(_: Waiting) -> End {
        End::Waiting
    }
}

/// `printErrorAndExit` with the exception behind it.
fn failed(message: impl Into<String>) -> impl FnOnce(Stop) -> End {
    let message = message.into();
    move |stop| match stop {
        Stop::Waiting => End::Waiting,
        Stop::Thrown(e) => End::Error(format!(
            "{message}: {}. Enable debug logging for additional detail.",
            e.message_text()
        )),
    }
}

impl Script for Transactions {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        let done = match self.values.command {
            "list" => self.list(stage),
            "describe" => self.describe(stage),
            "describe-producers" => self.describe_producers(stage),
            "abort" => self.abort(stage),
            "find-hanging" => self.find_hanging(stage),
            _ => self.force_terminate(stage),
        };
        match done {
            Ok(()) => Ok(0),
            Err(End::Waiting) => Err(Waiting),
            Err(End::Error(message)) => {
                stage.err(message + "\n");
                Ok(1)
            }
        }
    }
}

impl Transactions {
    fn text(&self, flag: &str) -> Option<&str> {
        self.values.get(flag)
    }

    fn number(&self, flag: &str) -> Option<i64> {
        // Its type was checked when it was read.
        self.text(flag)?.parse().ok()
    }

    fn partition_number(&self) -> i32 {
        self.number("--partition").and_then(|n| i32::try_from(n).ok()).unwrap_or_default()
    }

    fn partition(&self) -> TopicPartition {
        TopicPartition::new(self.text("--topic").unwrap_or_default(), self.partition_number())
    }

    fn list(&self, stage: &mut Stage<'_>) -> Result<(), End> {
        let request = ListTransactionsRequest::default()
            .with_duration_filter(self.number("--duration-filter").unwrap_or(-1))
            .with_transactional_id_pattern(self.text("--transactional-id-pattern").map(string));
        let listed =
            list_transactions(stage, &request).map_err(failed("Failed to list transactions"))?;
        let rows = listed.into_iter().map(|listed| {
            vec![
                listed.transactional_id,
                listed.broker.to_string(),
                listed.producer_id.to_string(),
                listed.state,
            ]
        });
        let headers = ["TransactionalId", "Coordinator", "ProducerId", "TransactionState"];
        pretty_print_table(stage, &headers, rows.collect());
        Ok(())
    }

    fn describe(&self, stage: &mut Stage<'_>) -> Result<(), End> {
        let id = self.text("--transactional-id").unwrap_or_default();
        let (coordinator, state) = describe_transaction(stage, id).map_err(failed(format!(
            "Failed to describe transaction state of transactional-id `{id}`"
        )))?;
        let started = state.transaction_start_time_ms;
        let (start, duration) = if started >= 0 {
            (started.to_string(), (stage.now - started).to_string())
        } else {
            ("None".to_owned(), "None".to_owned())
        };
        let partitions: Vec<String> = partitions_of(&state).map(|tp| tp.to_string()).collect();
        let row = vec![
            coordinator.to_string(),
            id.to_owned(),
            state.producer_id.0.to_string(),
            state.producer_epoch.to_string(),
            state.transaction_state.to_string(),
            state.transaction_timeout_ms.to_string(),
            start,
            duration,
            partitions.join(","),
        ];
        let headers = [
            "CoordinatorId",
            "TransactionalId",
            "ProducerId",
            "ProducerEpoch",
            "TransactionState",
            "TransactionTimeoutMs",
            "CurrentTransactionStartTimeMs",
            "TransactionDurationMs",
            "TopicPartitions",
        ];
        pretty_print_table(stage, &headers, vec![row]);
        Ok(())
    }

    fn describe_producers(&self, stage: &mut Stage<'_>) -> Result<(), End> {
        let partition = self.partition();
        let broker = self.number("--broker-id").and_then(|id| i32::try_from(id).ok());
        let on = broker.map_or("leader".to_owned(), |id| format!("broker {id}"));
        let producers = describe_producers(stage, &partition, broker).map_err(failed(format!(
            "Failed to describe producers for partition {partition} on {on}"
        )))?;
        let rows = producers.iter().map(|producer| {
            let start = match producer.current_txn_start_offset {
                offset if offset < 0 => "None".to_owned(),
                offset => offset.to_string(),
            };
            vec![
                producer.producer_id.0.to_string(),
                producer.producer_epoch.to_string(),
                producer.coordinator_epoch.to_string(),
                producer.last_sequence.to_string(),
                producer.last_timestamp.to_string(),
                start,
            ]
        });
        let headers = [
            "ProducerId",
            "ProducerEpoch",
            "LatestCoordinatorEpoch",
            "LastSequence",
            "LastTimestamp",
            "CurrentTransactionStartOffset",
        ];
        let rows = rows.collect();
        pretty_print_table(stage, &headers, rows);
        Ok(())
    }

    fn abort(&self, stage: &mut Stage<'_>) -> Result<(), End> {
        let partition = self.partition();
        let spec = match (self.number("--start-offset"), self.number("--producer-id")) {
            (None, None) => {
                return Err(End::Error(
                    "The transaction to abort must be identified either with --start-offset (for brokers on 3.0 or above) or with --producer-id, --producer-epoch, and --coordinator-epoch (for older brokers)".to_owned(),
                ));
            }
            (Some(start_offset), _) => find_open(stage, &partition, start_offset)?,
            (None, Some(producer_id)) => {
                let missing = |flag: &str| End::Error(format!("Missing required argument {flag}"));
                let epoch =
                    self.number("--producer-epoch").ok_or_else(|| missing("--producer-epoch"))?;
                let coordinator_epoch = self
                    .number("--coordinator-epoch")
                    .ok_or_else(|| missing("--coordinator-epoch"))?;
                AbortSpec {
                    producer_id,
                    producer_epoch: i16::try_from(epoch).unwrap_or_default(),
                    // What DescribeProducers says of a producer without a marker: no leader epoch is
                    // below 0.
                    coordinator_epoch: i32::try_from(coordinator_epoch.max(0)).unwrap_or_default(),
                }
            }
        };
        let text = format!(
            "AbortTransactionSpec(topicPartition={partition}, producerId={}, producerEpoch={}, coordinatorEpoch={})",
            spec.producer_id, spec.producer_epoch, spec.coordinator_epoch
        );
        abort_transaction(stage, &partition, spec)
            .map_err(failed(format!("Failed to abort transaction {text}")))
    }

    fn force_terminate(&self, stage: &mut Stage<'_>) -> Result<(), End> {
        let id = self.text("--transactionalId").unwrap_or_default();
        fence_producer(stage, id)
            .map_err(failed(format!("Failed to force terminate transactionalId `{id}`")))
    }

    fn find_hanging(&self, stage: &mut Stage<'_>) -> Result<(), End> {
        let broker = self.number("--broker-id").and_then(|id| i32::try_from(id).ok());
        let topic = self.text("--topic");
        if topic.is_none() && broker.is_none() {
            return Err(End::Error(
                "The `find-hanging` command requires either --topic or --broker-id to limit the scope of the search".to_owned(),
            ));
        }
        let partition = self.number("--partition");
        if partition.is_some() && topic.is_none() {
            return Err(End::Error(
                "The --partition argument requires --topic to be provided".to_owned(),
            ));
        }
        let minutes = self.number("--max-transaction-timeout").unwrap_or(15);
        let partitions = match (topic, partition) {
            (Some(_), Some(_)) => vec![self.partition()],
            (topic, _) => partitions_to_search(stage, topic, broker)?,
        };
        let mut open = Vec::new();
        for partition in partitions {
            let producers = describe_producers(stage, &partition, broker)
                .map_err(failed("Failed to describe producers for 1 partitions"))?;
            let old = producers.into_iter().filter(|producer| {
                producer.current_txn_start_offset >= 0
                    && stage.now - producer.last_timestamp > minutes.saturating_mul(60_000)
            });
            open.extend(old.map(|producer| (partition.clone(), producer)));
        }
        let hanging = filter_hanging(stage, open)?;
        let rows = hanging.iter().map(|(partition, producer)| {
            let minutes = (stage.now - producer.last_timestamp) / 60_000;
            vec![
                partition.topic.clone(),
                partition.partition.0.to_string(),
                producer.producer_id.0.to_string(),
                producer.producer_epoch.to_string(),
                producer.coordinator_epoch.to_string(),
                producer.current_txn_start_offset.to_string(),
                producer.last_timestamp.to_string(),
                minutes.to_string(),
            ]
        });
        let headers = [
            "Topic",
            "Partition",
            "ProducerId",
            "ProducerEpoch",
            "CoordinatorEpoch",
            "StartOffset",
            "LastTimestamp",
            "Duration(min)",
        ];
        let rows = rows.collect();
        pretty_print_table(stage, &headers, rows);
        Ok(())
    }
}

fn partitions_to_search(
    stage: &mut Stage<'_>,
    topic: Option<&str>,
    broker: Option<i32>,
) -> Result<Vec<TopicPartition>, End> {
    let topics = match topic {
        Some(topic) => vec![topic.to_owned()],
        None => {
            let listed =
                admin::list_topics(stage, true).map_err(failed("Failed to list topics"))?;
            listed.into_iter().map(|topic| topic.name).collect()
        }
    };
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let message = format!("Failed to describe {} topics", topics.len());
    let described = admin::describe_topics(stage, &topics, 2000).map_err(failed(message))?;
    Ok(described
        .values()
        .flat_map(|topic| topic.partitions.iter().map(move |p| (topic, p)))
        .filter(|(_, p)| broker.is_none_or(|broker| p.replicas.contains(&broker)))
        .map(|(topic, p)| TopicPartition::new(topic.name.clone(), p.index))
        .collect())
}

/// Open transactions that no coordinator will end.
fn filter_hanging(
    stage: &mut Stage<'_>,
    open: Vec<(TopicPartition, WireProducerState)>,
) -> Result<Vec<(TopicPartition, WireProducerState)>, End> {
    if open.is_empty() {
        return Ok(open);
    }
    let mut producers: Vec<i64> = open.iter().map(|(_, producer)| producer.producer_id.0).collect();
    logbrook_sorted::sort(&mut producers);
    producers.dedup();
    let request = ListTransactionsRequest::default()
        .with_duration_filter(-1)
        .with_producer_id_filters(producers.iter().map(|id| ProducerId(*id)).collect());
    let message = format!("Failed to list transactions for {} producers", producers.len());
    let listed = list_transactions(stage, &request).map_err(failed(message))?;
    let count = listed.len();
    let mut known: SortedMap<i64, Vec<TopicPartition>> = SortedMap::new();
    for listed in &listed {
        let described = describe_transaction(stage, &listed.transactional_id);
        match described {
            Ok((_, state)) => {
                known.insert(listed.producer_id, partitions_of(&state).collect());
            }
            Err(Stop::Thrown(e))
                if e.class == ErrorCode::TransactionalIdNotFound.exception_class() => {}
            Err(stop) => {
                return Err(failed(format!("Failed to describe {count} transactions"))(stop));
            }
        }
    }
    let is_hanging = |(partition, producer): &(TopicPartition, WireProducerState)| {
        known.get(&producer.producer_id.0).is_none_or(|partitions| !partitions.contains(partition))
    };
    Ok(open.into_iter().filter(is_hanging).collect())
}

fn string(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn partitions_of(state: &TransactionState) -> impl Iterator<Item = TopicPartition> + '_ {
    state.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|index| TopicPartition::new(topic.topic.to_string(), *index))
    })
}

struct Listed {
    broker: i32,
    transactional_id: String,
    producer_id: i64,
    state: String,
}

/// `Admin.listTransactions`: every broker is asked.
fn list_transactions(
    stage: &mut Stage<'_>,
    request: &ListTransactionsRequest,
) -> Result<Vec<Listed>, Stop> {
    let metadata = MetadataRequest::default().with_topics(Some(Vec::new()));
    let answer = stage.call(metadata.into(), Target::Any)?;
    let metadata = expect(answer, |r| match r {
        Response::Metadata(body) => Some(body),
        _ => None,
    })?;
    let brokers: Vec<i32> = metadata.brokers.iter().map(|broker| broker.node_id.0).collect();
    let questions = brokers.iter().map(|id| (request.clone().into(), Target::Node(*id)));
    let answers = stage.call_all(questions.collect())?;
    let mut listed = Vec::new();
    for (broker, answer) in brokers.into_iter().zip(answers) {
        let body = expect(answer, |r| match r {
            Response::ListTransactions(body) => Some(body),
            _ => None,
        })?;
        check(body.error_code, None)?;
        listed.extend(body.transaction_states.into_iter().map(|state| Listed {
            broker,
            transactional_id: state.transactional_id.to_string(),
            producer_id: state.producer_id.0,
            state: state.transaction_state.to_string(),
        }));
    }
    Ok(listed)
}

/// `Admin.describeTransactions` of one id: its coordinator and what that says.
fn describe_transaction(stage: &mut Stage<'_>, id: &str) -> Result<(i32, TransactionState), Stop> {
    let request = DescribeTransactionsRequest::default()
        .with_transactional_ids(vec![TransactionalId(string(id))]);
    let coordinator = coordinator(stage, id)?;
    let answer = stage.call(request.into(), Target::TransactionCoordinator(id.to_owned()))?;
    let body = expect(answer, |r| match r {
        Response::DescribeTransactions(body) => Some(body),
        _ => None,
    })?;
    let state = body.transaction_states.into_iter().next().unwrap_or_default();
    if state.error_code == ErrorCode::TransactionalIdNotFound.code() {
        let message = format!(
            "DescribeTransactions request for transactionalId `{id}` failed because the ID could not be found"
        );
        let class = ErrorCode::TransactionalIdNotFound.exception_class();
        return Err(Throwable::new(class, message).into());
    }
    check(state.error_code, None)?;
    Ok((coordinator, state))
}

/// The broker that coordinates a transactional id.
fn coordinator(stage: &mut Stage<'_>, id: &str) -> Result<i32, Stop> {
    let request = kafka_protocol::messages::FindCoordinatorRequest::default()
        .with_key_type(1)
        .with_coordinator_keys(vec![string(id)]);
    let answer = stage.call(request.into(), Target::Any)?;
    let body = expect(answer, |r| match r {
        Response::FindCoordinator(body) => Some(body),
        _ => None,
    })?;
    let found = body.coordinators.first().map(|found| found.node_id.0);
    Ok(found.unwrap_or(body.node_id.0))
}

/// `Admin.describeProducers` of one partition.
fn describe_producers(
    stage: &mut Stage<'_>,
    partition: &TopicPartition,
    broker: Option<i32>,
) -> Result<Vec<WireProducerState>, Stop> {
    let topic = TopicRequest::default()
        .with_name(topic_name(&partition.topic))
        .with_partition_indexes(vec![partition.partition.0]);
    let request = DescribeProducersRequest::default().with_topics(vec![topic]);
    let target = broker.map_or_else(|| Target::Leader(partition.clone()), Target::Node);
    let answer = stage.call(request.into(), target)?;
    let body = expect(answer, |r| match r {
        Response::DescribeProducers(body) => Some(body),
        _ => None,
    })?;
    let found: Option<PartitionResponse> =
        body.topics.into_iter().flat_map(|topic| topic.partitions).next();
    let found = found.unwrap_or_default();
    check(found.error_code, found.error_message.as_ref())?;
    Ok(found.active_producers)
}

#[derive(Clone, Copy)]
struct AbortSpec {
    producer_id: i64,
    producer_epoch: i16,
    coordinator_epoch: i32,
}

/// `buildAbortSpec`.
fn find_open(
    stage: &mut Stage<'_>,
    partition: &TopicPartition,
    start_offset: i64,
) -> Result<AbortSpec, End> {
    let message = format!("Failed to validate producer state for partition {partition}");
    let producers = describe_producers(stage, partition, None).map_err(failed(message))?;
    let found = producers.iter().find(|producer| producer.current_txn_start_offset == start_offset);
    let Some(producer) = found.filter(|_| start_offset >= 0) else {
        return Err(End::Error(format!(
            "Could not find any open transactions starting at offset {start_offset} on partition {partition}"
        )));
    };
    Ok(AbortSpec {
        producer_id: producer.producer_id.0,
        producer_epoch: i16::try_from(producer.producer_epoch).unwrap_or_default(),
        coordinator_epoch: producer.coordinator_epoch.max(0),
    })
}

/// `Admin.abortTransaction`.
fn abort_transaction(
    stage: &mut Stage<'_>,
    partition: &TopicPartition,
    spec: AbortSpec,
) -> Result<(), Stop> {
    let topic = WritableTxnMarkerTopic::default()
        .with_name(topic_name(&partition.topic))
        .with_partition_indexes(vec![partition.partition.0]);
    let marker = WritableTxnMarker::default()
        .with_producer_id(ProducerId(spec.producer_id))
        .with_producer_epoch(spec.producer_epoch)
        .with_coordinator_epoch(spec.coordinator_epoch)
        .with_transaction_result(false)
        .with_topics(vec![topic]);
    let request = WriteTxnMarkersRequest::default().with_markers(vec![marker]);
    let answer = stage.call(request.into(), Target::Leader(partition.clone()))?;
    let body = expect(answer, |r| match r {
        Response::WriteTxnMarkers(body) => Some(body),
        _ => None,
    })?;
    let error = body
        .markers
        .iter()
        .flat_map(|marker| &marker.topics)
        .flat_map(|topic| &topic.partitions)
        .map(|partition| partition.error_code)
        .next()
        .unwrap_or_default();
    Ok(check(error, None)?)
}

/// `Admin.forceTerminateTransaction`: another producer begins, as far as the coordinator knows. The
/// first answer may be that the open transaction is being aborted.
fn fence_producer(stage: &mut Stage<'_>, id: &str) -> Result<(), Stop> {
    loop {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(TransactionalId(string(id))))
            // `FenceProducersHandler`: nobody uses it, the admin client's own timeout stands there.
            .with_transaction_timeout_ms(FENCE_TIMEOUT_MS)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        let answer = stage.call(request.into(), Target::TransactionCoordinator(id.to_owned()))?;
        let body = expect(answer, |r| match r {
            Response::InitProducerId(body) => Some(body),
            _ => None,
        })?;
        if body.error_code == ErrorCode::ConcurrentTransactions.code() {
            continue;
        }
        return Ok(check(body.error_code, None)?);
    }
}

/// `request.timeout.ms` of an admin client.
const FENCE_TIMEOUT_MS: i32 = 30_000;

/// `ToolsUtils.prettyPrintTable`: columns as wide as their widest cell, a tab behind each.
fn pretty_print_table(stage: &mut Stage<'_>, headers: &[&str], rows: Vec<Vec<String>>) {
    let widths: Vec<usize> = (0..headers.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(String::len);
            cells.chain([headers[column].len()]).max().unwrap_or_default()
        })
        .collect();
    let headers = headers.iter().map(|header| (*header).to_owned()).collect();
    for row in core::iter::once(headers).chain(rows) {
        let cells = row.iter().zip(&widths);
        let line: String = cells.map(|(cell, width)| format!("{cell:width$}\t")).collect();
        stage.out(line + "\n");
    }
}
