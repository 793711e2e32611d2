//! What the client calls back with: the rebalance listener, ends of commits, exceptions out of `poll`.

use logbrook_client::consumer::CommitId;
use logbrook_client::process::{AppEvent, Io};
use logbrook_client::{ConsumerOutput, TopicPartition};
use logbrook_record::PartitionIndex;

use super::{ConsumerApp, EXIT_TERM};
use crate::code_values::{Commit, OnRevoke};
use crate::instance::{log, timestamp};

impl ConsumerApp {
    /// Carries out what the client wants. `None` if the process has ended.
    pub(super) fn take_outputs(&mut self, io: &mut Io) -> Option<Outputs> {
        let mut outputs = Outputs::default();
        for output in self.consumer.poll(io.now) {
            match output {
                ConsumerOutput::Request(outgoing) => io.send(outgoing),
                ConsumerOutput::Disconnect { to, channel } => io.disconnect(to, channel),
                ConsumerOutput::Log(line) => log(io, &line),
                ConsumerOutput::Assigned(partitions) => {
                    io.event(AppEvent::Assigned {
                        group: self.group.clone(),
                        partitions: pairs(partitions),
                    });
                }
                ConsumerOutput::Revoked(partitions) => {
                    // The callback runs inside `poll`: without a pool everything polled is processed.
                    match (self.spec.code.on_revoke, &self.pool) {
                        (OnRevoke::Nothing, _) => {}
                        (OnRevoke::Commit, None) => {
                            self.consumer.commit(io.now, true, None);
                        }
                        (OnRevoke::Commit, Some(_)) => self.commit_of_pool(io.now, true),
                    }
                    self.given_away(&partitions);
                    io.event(AppEvent::Revoked {
                        group: self.group.clone(),
                        partitions: pairs(partitions),
                    });
                }
                ConsumerOutput::Lost(partitions) => {
                    self.given_away(&partitions);
                    io.event(AppEvent::Lost {
                        group: self.group.clone(),
                        partitions: pairs(partitions),
                    });
                }
                ConsumerOutput::Committed { id, offsets, result } => {
                    outputs.commits_ended.extend(id);
                    match result {
                        Ok(()) => {
                            for (partition, offset) in offsets {
                                io.event(AppEvent::Committed {
                                    group: self.group.clone(),
                                    topic: partition.topic,
                                    partition: partition.partition,
                                    offset: offset.offset,
                                });
                            }
                        }
                        // The usual code catches it, logs it and polls on: what was not committed is
                        // processed again by whoever gets the partition.
                        Err(error) => {
                            let time = timestamp(io.now);
                            io.stderr(&format!(
                                "[{time}] WARN [{}] commit failed: {error}\n",
                                self.spec.name
                            ));
                            // commitSync threw before the work began, so the records in hand are left
                            // alone: who works without its commit may do what another does too.
                            if self.spec.code.commit == Commit::Before {
                                self.batch.clear();
                            }
                        }
                    }
                }
                ConsumerOutput::Error(error) => {
                    self.crash(io, &error);
                    return None;
                }
                ConsumerOutput::Closed => {
                    io.exit(EXIT_TERM);
                    return None;
                }
                ConsumerOutput::RecordsReady => outputs.records_ready = true,
                ConsumerOutput::Offsets { .. } => {}
            }
        }
        Some(outputs)
    }

    fn given_away(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.not_due.remove(partition);
            if let Some(pool) = &mut self.pool {
                pool.give_up(partition);
            }
        }
    }
}

/// What the application's thread has to know of what its client did.
#[derive(Default)]
pub(super) struct Outputs {
    pub(super) commits_ended: Vec<CommitId>,
    pub(super) records_ready: bool,
}

fn pairs(partitions: Vec<TopicPartition>) -> Vec<(String, PartitionIndex)> {
    partitions.into_iter().map(|partition| (partition.topic, partition.partition)).collect()
}
