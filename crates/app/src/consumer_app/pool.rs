//! A pool of workers behind the poll loop (a hand-off): the thread polls on while they work, and what is
//! done is done in any order.
//!
//! ```java
//! for (var record : consumer.poll(Duration.ofMillis(100))) pool.submit(() -> process(record));
//! consumer.commitAsync(done());                            // commit=lowest-done, highest-done
//! ```
//!
//! With `commit=auto` the client commits what was polled, done or not. When the pool's queue is full the
//! thread waits in `submit`.

use logbrook_client::consumer::CommitId;
use logbrook_client::process::{AppEvent, Io, Outcome, StoreError, StoreReply};
use logbrook_client::{ConsumerRecord, OffsetAndMetadata, TopicPartition};
use logbrook_sorted::{SortedMap, SortedSet};
use std::collections::VecDeque;

use super::failure::Fate;
use super::record::{no_store, partition_of, place, read, report};
use super::{ConsumerApp, EXIT_CRASH, Offsets, Step, Work};
use crate::code::Code;
use crate::code_values::{Commit, PoolOrder};

/// Records that wait for a worker at most.
const QUEUE: usize = 500;

/// Between two commits of what is done, in ms: as often as an idle `poll` returns.
const COMMIT_MS: i64 = 100;

/// The workers of one instance.
#[derive(Clone)]
pub(super) struct Pool {
    workers: usize,
    order: PoolOrder,
    queue: VecDeque<ConsumerRecord>,
    jobs: Vec<Job>,
    progress: SortedMap<TopicPartition, Progress>,
    committing: Option<CommitId>,
    committed_ms: i64,
}

#[derive(Clone)]
struct Job {
    record: ConsumerRecord,
    state: JobState,
}

#[derive(Clone)]
enum JobState {
    Working { work: Box<Work>, until_ms: i64 },
    Storing { work: Box<Work>, token: u64 },
    Backoff { until_ms: i64 },
}

/// What is done of a partition.
#[derive(Clone, Default)]
struct Progress {
    in_hand: SortedSet<i64>,
    /// Behind the last record that was handed to the pool.
    taken: i64,
    /// Behind the last record that is done.
    highest: Option<i64>,
    committed: Option<i64>,
}

impl Pool {
    pub(super) fn new(code: &Code) -> Option<Self> {
        (code.pool > 1).then(|| Self {
            workers: code.pool as usize,
            order: code.pool_order,
            queue: VecDeque::new(),
            jobs: Vec::new(),
            progress: SortedMap::new(),
            committing: None,
            committed_ms: i64::MIN,
        })
    }

    pub(super) fn is_full(&self) -> bool {
        self.queue.len() >= QUEUE
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.jobs.is_empty()
    }

    pub(super) fn take(&mut self, records: Vec<ConsumerRecord>) {
        for record in records {
            let progress = self.progress.entry(partition_of(&record)).or_default();
            progress.in_hand.insert(record.offset.0);
            progress.taken = record.offset.0.saturating_add(1);
            self.queue.push_back(record);
        }
    }

    /// The partition is somebody else's: what is done of it is not committed any more.
    pub(super) fn give_up(&mut self, partition: &TopicPartition) {
        self.progress.remove(partition);
    }

    pub(super) fn next_wakeup(&self) -> Option<i64> {
        let jobs = self.jobs.iter().filter_map(|job| match job.state {
            JobState::Working { until_ms, .. } | JobState::Backoff { until_ms } => Some(until_ms),
            JobState::Storing { .. } => None,
        });
        jobs.min()
    }

    /// The next record that a free worker may take.
    fn next(&mut self) -> Option<ConsumerRecord> {
        if self.jobs.len() >= self.workers {
            return None;
        }
        let at = match self.order {
            PoolOrder::Any => 0,
            PoolOrder::Key => {
                let mut busy: Vec<_> = self
                    .jobs
                    .iter()
                    .map(|job| (job.record.topic.as_str(), &job.record.key))
                    .collect();
                self.queue.iter().position(|record| {
                    let key = (record.topic.as_str(), &record.key);
                    // Records without a key have no order to keep.
                    let free = record.key.is_none() || !busy.contains(&key);
                    busy.push(key);
                    free
                })?
            }
        };
        self.queue.remove(at)
    }

    fn finished(&mut self, record: &ConsumerRecord) {
        if let Some(progress) = self.progress.get_mut(&partition_of(record)) {
            progress.in_hand.remove(&record.offset.0);
            let behind = record.offset.0.saturating_add(1);
            progress.highest = progress.highest.max(Some(behind));
        }
    }

    /// What there is to commit.
    fn offsets(&self, commit: Commit) -> Offsets {
        let mut offsets = Offsets::new();
        for (partition, progress) in &self.progress {
            let done = match commit {
                Commit::LowestDone => {
                    Some(progress.in_hand.first().copied().unwrap_or(progress.taken))
                }
                Commit::HighestDone => progress.highest,
                Commit::Auto
                | Commit::AfterBatch
                | Commit::AfterEach
                | Commit::Before
                | Commit::None => None,
            };
            if let Some(done) = done
                && done > progress.committed.unwrap_or(i64::MIN)
                && progress.highest.is_some()
            {
                offsets.insert(partition.clone(), OffsetAndMetadata::new(done));
            }
        }
        offsets
    }
}

impl ConsumerApp {
    /// Lets the workers go on. `GoesOn` if any of them did.
    pub(super) fn advance_pool(&mut self, io: &mut Io, commits_ended: &[CommitId]) -> Step {
        let Some(pool) = &mut self.pool else { return Step::Waits };
        if pool.committing.is_some_and(|id| commits_ended.contains(&id)) {
            pool.committing = None;
        }
        let mut moved = false;
        loop {
            let Some(pool) = &mut self.pool else { return Step::Waits };
            let due = pool.jobs.iter().position(|job| match job.state {
                JobState::Working { until_ms, .. } | JobState::Backoff { until_ms } => {
                    until_ms <= io.now
                }
                JobState::Storing { .. } => false,
            });
            let step = if let Some(at) = due {
                let job = pool.jobs.remove(at);
                match job.state {
                    JobState::Working { work, .. } => self.pool_apply(io, work),
                    JobState::Backoff { .. } | JobState::Storing { .. } => {
                        self.pool_start(io, job.record)
                    }
                }
            } else if let Some(record) = pool.next() {
                self.pool_start(io, record)
            } else {
                break;
            };
            moved = true;
            if let Step::Crashed = step {
                return Step::Crashed;
            }
        }
        self.commit_of_pool(io.now, false);
        if moved { Step::GoesOn } else { Step::Waits }
    }

    fn pool_start(&mut self, io: &mut Io, record: ConsumerRecord) -> Step {
        io.event(AppEvent::ProcessingStarted { record: place(&record) });
        match read(&record) {
            Ok(event) => {
                let Some(ms) = self.time_of(&event) else {
                    return self.killed_by(io, &Work { record, event });
                };
                let work = Box::new(Work { record: record.clone(), event });
                let state = JobState::Working { work, until_ms: io.now.saturating_add(ms) };
                self.job(record, state);
                Step::GoesOn
            }
            Err(reason) => self.pool_failed(io, record, None, &reason),
        }
    }

    fn job(&mut self, record: ConsumerRecord, state: JobState) {
        if let Some(pool) = &mut self.pool {
            pool.jobs.push(Job { record, state });
        }
    }

    fn pool_apply(&mut self, io: &mut Io, work: Box<Work>) -> Step {
        let refused = Self::refused(io.now, &work.event);
        let seen = match refused {
            Some(reason) => Err(reason),
            None => self.has_seen(&work.event),
        };
        match seen {
            Err(reason) => {
                let Work { record, event } = *work;
                self.pool_failed(io, record, Some(event), &reason)
            }
            Ok(true) => self.pool_done(io, &work, Outcome::Duplicate),
            Ok(false) => match self.spec.store.clone() {
                None => {
                    self.write_output(io, &work);
                    self.pool_done(io, &work, Outcome::Done)
                }
                Some(store) => {
                    self.next_token += 1;
                    let token = self.next_token;
                    io.store(&store, token, self.store_op(&work));
                    self.job(work.record.clone(), JobState::Storing { work, token });
                    Step::GoesOn
                }
            },
        }
    }

    /// A worker hears from the store.
    pub(super) fn pool_store_answered(&mut self, io: &mut Io, reply: StoreReply) -> Step {
        let Some(pool) = &mut self.pool else { return Step::GoesOn };
        let found = pool.jobs.iter().position(
            |job| matches!(&job.state, JobState::Storing { token, .. } if *token == reply.token),
        );
        let Some(JobState::Storing { work, .. }) = found.map(|at| pool.jobs.remove(at).state)
        else {
            return Step::GoesOn;
        };
        match reply.result {
            Ok(_) => {
                io.event(AppEvent::Stored {
                    store: reply.store,
                    id: work.event.id.clone(),
                    entity: work.event.entity.clone(),
                    n: work.event.n,
                    record: Some(place(&work.record)),
                });
                self.write_output(io, &work);
                self.pool_done(io, &work, Outcome::Done)
            }
            Err(StoreError::Duplicate { .. }) => self.pool_done(io, &work, Outcome::Duplicate),
            Err(error) => {
                let reason = no_store(&reply.store, &error);
                let Work { record, event } = *work;
                self.pool_failed(io, record, Some(event), &reason)
            }
        }
    }

    fn pool_done(&mut self, io: &mut Io, work: &Work, outcome: Outcome) -> Step {
        report(io, &work.record, Some(&work.event), outcome);
        self.failures.remove(&(partition_of(&work.record), work.record.offset.0));
        if let Some(pool) = &mut self.pool {
            pool.finished(&work.record);
        }
        self.sends_done(io)
    }

    fn pool_failed(
        &mut self,
        io: &mut Io,
        record: ConsumerRecord,
        event: Option<crate::ReadEvent>,
        reason: &str,
    ) -> Step {
        let outcome = match self.fate(io, &record, reason) {
            Fate::Again => {
                report(io, &record, event.as_ref(), Outcome::Failed);
                let backoff_ms = i64::try_from(self.spec.code.retry_backoff_ms).unwrap_or(i64::MAX);
                let state = JobState::Backoff { until_ms: io.now.saturating_add(backoff_ms) };
                self.job(record, state);
                return Step::GoesOn;
            }
            Fate::End => {
                report(io, &record, event.as_ref(), Outcome::Failed);
                io.exit(EXIT_CRASH);
                return Step::Crashed;
            }
            Fate::Skip => Outcome::Skipped,
            Fate::Aside(topic) => {
                let letter = self.aside(&record, &topic, reason);
                if let Some(writer) = &mut self.writer {
                    writer.send(io.now, None, letter);
                }
                Outcome::SetAside
            }
        };
        report(io, &record, event.as_ref(), outcome);
        if let Some(pool) = &mut self.pool {
            pool.finished(&record);
        }
        Step::GoesOn
    }

    /// Commits what the workers have done, not more often than the loop comes round. `at_end` waits for
    /// its answer, as the last commit before `close` does.
    pub(super) fn commit_of_pool(&mut self, now: i64, at_end: bool) {
        let Some(pool) = &mut self.pool else { return };
        let soon = now < pool.committed_ms.saturating_add(COMMIT_MS) || pool.committing.is_some();
        if soon && !at_end {
            return;
        }
        let offsets = pool.offsets(self.spec.code.commit);
        if offsets.is_empty() {
            return;
        }
        for (partition, offset) in &offsets {
            if let Some(progress) = pool.progress.get_mut(partition) {
                progress.committed = Some(offset.offset.0);
            }
        }
        pool.committed_ms = now;
        pool.committing = Some(self.consumer.commit(now, at_end, Some(offsets)));
    }
}
