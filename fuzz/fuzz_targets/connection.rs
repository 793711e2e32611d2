//! All that a connection brings until it closes: frames, or what is none. Every request that is read is
//! answered in bytes, the others close the connection, and the broker goes on.
#![no_main]

use std::sync::OnceLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use logbrook_broker::messages::{
    CreateTopicsRequest, TopicName, create_topics_request::CreatableTopic,
};
use logbrook_broker::wire::RequestFrame;
use logbrook_broker::wire::codec::{decode_request, encode_response_pieces};
use logbrook_broker::{Broker, BrokerConfig, ClientInfo, ConnectionId, Effects};

const START_MS: i64 = 1_700_000_000_000;

fn client(id: u64) -> ClientInfo {
    ClientInfo { connection: ConnectionId(id), host: "/127.0.0.1".into() }
}

/// A broker with a topic `t` of two partitions.
fn fresh() -> Broker {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    let started = BROKER.get_or_init(|| {
        let names = ["offsets.topic.replication.factor", "transaction.state.log.replication.factor"];
        let small = [
            ("offsets.topic.num.partitions", "1"),
            ("transaction.state.log.num.partitions", "1"),
            ("transaction.state.log.min.isr", "1"),
        ];
        let mut config = BrokerConfig::default();
        let ones = names.iter().map(|name| (*name, "1"));
        config.properties =
            ones.chain(small).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut broker = Broker::new(config, 1, START_MS);
        broker.scatter_records();
        let topic = CreatableTopic::default()
            .with_name(TopicName("t".to_owned().into()))
            .with_num_partitions(2)
            .with_replication_factor(1);
        let request = CreateTopicsRequest::default().with_topics(vec![topic]);
        broker.handle(START_MS, &client(0), RequestFrame::latest(0, None, request.into()));
        broker
    });
    started.clone()
}

fn answered(effects: Effects) -> bool {
    let mut scattered = effects.scattered.into_iter().peekable();
    for (index, (_, frame)) in effects.responses.into_iter().enumerate() {
        let rest = scattered.next_if(|(at, _)| *at == index).map(|(_, rest)| rest);
        let shown = format!("{frame:?}");
        let pieces = encode_response_pieces(frame, rest.unwrap_or_default());
        assert!(pieces.is_ok(), "{pieces:?} {shown}");
    }
    effects.disconnects.is_empty()
}

fuzz_target!(|data: &[u8]| {
    let mut broker = fresh();
    let mut now = START_MS;
    let mut left = data;
    while let Some((size, rest)) = left.split_first_chunk::<2>() {
        // Two bytes, not four: lengths are tried elsewhere, here they should meet.
        let size = usize::from(u16::from_be_bytes(*size));
        let Some((frame, rest)) = rest.split_at_checked(size) else { break };
        left = rest;
        now += 7;
        let Ok(request) = decode_request(Bytes::copy_from_slice(frame)) else { break };
        if !answered(broker.handle(now, &client(1), request)) {
            break;
        }
        if broker.next_wakeup().is_some_and(|at| at <= now) {
            answered(broker.tick(now));
        }
    }
    answered(broker.disconnect(now, ConnectionId(1)));
    // What waits comes to its end.
    for _ in 0..4 {
        let Some(at) = broker.next_wakeup() else { break };
        now = now.max(at);
        answered(broker.tick(now));
    }
});
