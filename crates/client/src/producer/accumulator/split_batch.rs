//! A batch that the broker finds too large is split (`RecordAccumulator.splitAndReenqueue`,
//! `ProducerBatch.split`).

use logbrook_record::{Batch, BatchBuilder, BatchOptions, increment_sequence};

use super::{RecordAccumulator, insert_in_sequence_order, upper_bound};
use crate::producer::producer_batch::{BatchId, ProducerBatch};
use crate::producer::transaction_manager::ProducerIdAndEpoch;

impl RecordAccumulator {
    /// Splits a batch that the broker finds too large into batches of at most `batch.size`, and what
    /// came from such a split into halves (`splitAndReenqueue`). The parts share its sequence numbers
    /// and count as not tried yet. `None` if the records cannot be read back.
    pub(crate) fn split(&mut self, id: BatchId) -> Option<Vec<BatchId>> {
        let batch = self.batches.get(id)?;
        let records =
            batch.bytes().and_then(Batch::parse).and_then(|batch| batch.records()).ok()?;
        let batch = self.remove(id)?;
        let target = if batch.is_split {
            batch.max_record_size.max(batch.size() / 2)
        } else {
            self.limits.batch_size
        };
        let mut parts: Vec<BatchId> = Vec::new();
        let options = BatchOptions { compression: self.limits.compression, ..Default::default() };
        for (record, thunk) in records.iter().zip(batch.thunks) {
            let key = record.key.as_deref();
            let value = record.value.as_deref();
            let headers = record.headers.iter();
            let bound = upper_bound(
                record.key.as_ref(),
                record.value.as_ref(),
                headers.map(|header| (header.key.as_str(), header.value.as_ref())),
            );
            let fits = parts.last().and_then(|last| self.batches.get(*last)).is_some_and(|last| {
                let size =
                    last.builder.next_record_size(record.timestamp, key, value, &record.headers);
                last.size() + size <= last.write_limit
            });
            if !fits {
                let number = BatchId(self.next_batch);
                self.next_batch += 1;
                self.batches.0.insert(
                    number,
                    ProducerBatch {
                        partition: batch.partition.clone(),
                        thunks: Vec::new(),
                        created_ms: batch.created_ms,
                        attempts: 0,
                        retry_at_ms: i64::MIN,
                        sequence_has_been_reset: false,
                        last_attempt_ms: batch.created_ms,
                        builder: BatchBuilder::new(options),
                        write_limit: target.max(bound),
                        reserved: 0,
                        is_split: true,
                        max_record_size: 0,
                        closed: true,
                        base_sequence: None,
                    },
                );
                parts.push(number);
            }
            if let Some(last) = parts.last().and_then(|last| self.batches.0.get_mut(last)) {
                last.builder.append(record.timestamp, key, value, &record.headers);
                last.max_record_size = last.max_record_size.max(bound);
                last.thunks.push(thunk);
            }
        }
        if let Some(mut sequence) = batch.base_sequence {
            let options = *batch.builder.options();
            let producer =
                ProducerIdAndEpoch { id: options.producer_id, epoch: options.producer_epoch };
            for part in &parts {
                let Some(part) = self.batches.0.get_mut(part) else { continue };
                part.set_producer_state(producer, sequence, options.transactional);
                sequence = increment_sequence(sequence, part.record_count());
            }
        }
        let queue = self.queues.entry(batch.partition).or_default();
        for part in parts.iter().rev() {
            // An earlier batch may have come back before: in front of it nothing would ever be sent.
            insert_in_sequence_order(queue, &self.batches, *part);
        }
        Some(parts)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use logbrook_record::{Compression, ProducerEpoch, ProducerId};

    use super::*;
    use crate::producer::accumulator::Limits;
    use crate::producer::transaction_manager::TransactionManager;
    use crate::producer::{ProducerRecord, SendId};
    use crate::topic_partition::TopicPartition;

    /// Both batches were in flight: the first comes back to be sent again, the second is too large.
    /// Only the one with the lowest sequence may go, so it has to stand in front.
    #[test]
    fn the_parts_of_a_batch_wait_behind_an_earlier_batch_that_came_back() {
        let mut accumulator = RecordAccumulator::new(Limits {
            batch_size: 200,
            linger_ms: 0,
            buffer_memory: 10_000,
            compression: Compression::None,
            delivery_timeout_ms: 120_000,
        });
        let mut idempotence = TransactionManager::new(false);
        idempotence.producer = ProducerIdAndEpoch { id: ProducerId(1), epoch: ProducerEpoch(0) };
        let partition = TopicPartition::new("orders", 0);
        let partitions = [partition.clone()];
        let mut in_flight = Vec::new();
        for batch in 0..2 {
            for n in 0..2 {
                let value = Some(Bytes::from(vec![b'x'; 50]));
                let record = ProducerRecord { value, ..Default::default() };
                accumulator.append(0, &partition, SendId(batch * 2 + n), &record).expect("memory");
            }
            in_flight.extend(accumulator.drain(0, 1, &partitions, 1000, Some(&mut idempotence)));
        }
        let [first, second] = in_flight[..] else { panic!("{in_flight:?}") };

        accumulator.reenqueue(0, first, 0);
        let parts = accumulator.split(second).expect("readable");
        idempotence.replace(second, &partition, &parts);

        let drained = accumulator.drain(0, 1, &partitions, 1000, Some(&mut idempotence));
        assert_eq!(drained, [first]);
        idempotence.completed(first, &accumulator.batches, 0);
        accumulator.remove(first);
        let drained = accumulator.drain(0, 1, &partitions, 1000, Some(&mut idempotence));
        assert_eq!(drained, parts);
        for part in parts {
            accumulator.remove(part);
        }
        assert_eq!(accumulator.available_memory(), 10_000);
    }
}
