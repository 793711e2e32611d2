//! AlterPartition, versions 2 and 3 (KIP-497, KIP-841, KIP-903). What is decided, and its errors, is in
//! `controller/alter_partition.rs`.

use kafka_protocol::messages::alter_partition_response::{PartitionData, TopicData};
use kafka_protocol::messages::{AlterPartitionRequest, AlterPartitionResponse, BrokerId};

use super::{Deciding, read};
use crate::api::broker_ids;
use crate::controller::{ControllerResult, alter_partition};

pub(super) fn decide(
    deciding: &mut Deciding<'_>,
    request: &AlterPartitionRequest,
) -> ControllerResult<AlterPartitionResponse> {
    let altered = alter_partition(deciding.image, deciding.config, deciding.version, request);
    let ControllerResult { records, response } = match altered {
        Ok(altered) => altered,
        Err(error) => {
            return read(AlterPartitionResponse::default().with_error_code(error.code.code()));
        }
    };
    let topics = request.topics.iter().zip(response).map(|(topic, altered)| {
        let partitions = topic.partitions.iter().zip(altered).map(|(asked, altered)| {
            let data = PartitionData::default().with_partition_index(asked.partition_index);
            match altered {
                Ok(partition) => data
                    .with_leader_id(BrokerId(partition.leader))
                    .with_leader_epoch(partition.leader_epoch)
                    .with_isr(broker_ids(&partition.isr))
                    .with_leader_recovery_state(partition.leader_recovery_state.value())
                    .with_partition_epoch(partition.partition_epoch),
                Err(error) => data.with_error_code(error.code()),
            }
        });
        TopicData::default().with_topic_id(topic.topic_id).with_partitions(partitions.collect())
    });
    let response = AlterPartitionResponse::default().with_topics(topics.collect());
    ControllerResult { records, response }
}
