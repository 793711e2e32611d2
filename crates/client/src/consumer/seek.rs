//! Where a consumer reads: `seek`, `position`, `pause` of `KafkaConsumer`.

use logbrook_record::Offset;

use super::subscription_state::{FetchPosition, FetchState};
use super::{AutoOffsetReset, Consumer};
use crate::error::KafkaError;
use crate::topic_partition::TopicPartition;

impl Consumer {
    /// The next record to deliver of this partition is the one at `offset`.
    pub fn seek(&mut self, partition: &TopicPartition, offset: Offset) -> Result<(), KafkaError> {
        if offset.0 < 0 {
            return Err(KafkaError::client(
                "java.lang.IllegalArgumentException",
                "seek offset must not be a negative number",
            ));
        }
        let state = self.subscriptions.require(partition)?;
        state.fetch_state = FetchState::Fetching(FetchPosition { offset, offset_epoch: None });
        Ok(())
    }

    /// Seeks to the log start offset, looked up at the next poll. Empty: all assigned partitions.
    pub fn seek_to_beginning(&mut self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        self.seek_by(partitions, AutoOffsetReset::Earliest)
    }

    /// Seeks to the end offset, looked up at the next poll. Empty: all assigned partitions.
    pub fn seek_to_end(&mut self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        self.seek_by(partitions, AutoOffsetReset::Latest)
    }

    fn seek_by(
        &mut self,
        partitions: &[TopicPartition],
        to: AutoOffsetReset,
    ) -> Result<(), KafkaError> {
        let all = if partitions.is_empty() { self.assignment() } else { partitions.to_vec() };
        for partition in &all {
            let state = self.subscriptions.require(partition)?;
            state.fetch_state = FetchState::AwaitReset(to);
            state.next_retry_ms = i64::MIN;
        }
        Ok(())
    }

    /// The next offset to deliver, once known.
    pub fn position(&self, partition: &TopicPartition) -> Option<Offset> {
        self.subscriptions.position(partition).map(|position| position.offset)
    }

    /// The high watermark of the last fetch.
    pub fn high_watermark(&self, partition: &TopicPartition) -> Option<Offset> {
        self.subscriptions.state(partition)?.high_watermark.map(Offset)
    }

    /// Stops fetching these partitions until [`Consumer::resume`].
    pub fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        for partition in partitions {
            self.subscriptions.require(partition)?.paused = true;
        }
        Ok(())
    }

    /// Fetches them again.
    pub fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        for partition in partitions {
            self.subscriptions.require(partition)?.paused = false;
        }
        Ok(())
    }
}
