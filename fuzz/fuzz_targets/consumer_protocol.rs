//! What members of a group write into JoinGroup and SyncGroup.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logbrook_group::consumer_protocol::{Assignment, Subscription};

fuzz_target!(|data: &[u8]| {
    let _ = Subscription::decode_topics(data);
    if let Ok(subscription) = Subscription::decode(data) {
        // Written in Kafka's order of topics, which a stranger need not keep.
        let written = subscription.encode();
        assert_eq!(Subscription::decode(&written).map(|again| again.encode()), Ok(written));
    }
    if let Ok(assignment) = Assignment::decode(data) {
        // Written topic by topic, which a stranger need not keep.
        let written = assignment.encode();
        assert_eq!(Assignment::decode(&written).map(|again| again.encode()), Ok(written));
    }
});
