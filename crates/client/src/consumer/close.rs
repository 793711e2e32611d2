//! Closing: the last commits, the callback, leaving the group, the end of the fetch sessions
//! (`ClassicKafkaConsumer.close`).

use super::commit::CommitKind;
use super::{Consumer, ConsumerOutput};

/// `ConsumerConfig.DEFAULT_CLOSE_TIMEOUT_MS`.
pub(super) const CLOSE_TIMEOUT_MS: i64 = 30_000;

/// Where a close stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    No,
    /// The last commits are under way.
    Committing {
        deadline_ms: i64,
    },
    /// The application was told; its own commits may follow.
    Revoking {
        deadline_ms: i64,
    },
    Leaving {
        deadline_ms: i64,
    },
    /// The brokers are told to forget what they know of it.
    FetchSessions {
        deadline_ms: i64,
    },
    Done,
}

impl Consumer {
    /// Commits (if automatic), leaves the group, ends its fetch sessions, then reports
    /// [`ConsumerOutput::Closed`].
    pub fn close(&mut self, now: i64) {
        if self.closing != Closing::No {
            return;
        }
        self.in_poll = false;
        if self.config.enable_auto_commit && self.config.group_id.is_some() {
            self.auto_commit(now, CommitKind::Close);
        }
        self.closing = Closing::Committing { deadline_ms: now.saturating_add(CLOSE_TIMEOUT_MS) };
    }

    pub(super) fn advance_close(&mut self, now: i64) {
        loop {
            match self.closing {
                Closing::No | Closing::Done => return,
                Closing::Committing { deadline_ms } => {
                    if !self.commits.is_empty() && now < deadline_ms {
                        return;
                    }
                    self.commits.clear();
                    self.closing = Closing::Revoking { deadline_ms };
                    if self.tell_revoked_on_leave() {
                        self.fence = true;
                        return;
                    }
                }
                Closing::Revoking { deadline_ms } => {
                    if !self.commits.is_empty() && now < deadline_ms {
                        return;
                    }
                    self.closing = Closing::Leaving { deadline_ms };
                    if self.subscriptions.has_auto_assigned_partitions() {
                        self.leave_group(now, "the consumer is being closed");
                    }
                }
                Closing::Leaving { deadline_ms } => {
                    if self.is_leaving() && now < deadline_ms {
                        return;
                    }
                    self.closing = Closing::FetchSessions { deadline_ms };
                    self.close_fetch_sessions(now);
                }
                Closing::FetchSessions { deadline_ms } => {
                    if self.is_closing_fetch_sessions() && now < deadline_ms {
                        return;
                    }
                    self.closing = Closing::Done;
                    self.outputs.push_back(ConsumerOutput::Closed);
                }
            }
        }
    }
}
