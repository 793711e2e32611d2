//! What members of a group write into JoinGroup and SyncGroup.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logbrook_group::consumer_protocol::{Assignment, Subscription};

fuzz_target!(|data: &[u8]| {
    let _ = Subscription::decode_topics(data);
    if let Ok(subscription) = Subscription::decode(data) {
        assert_eq!(Subscription::decode(&subscription.encode()).as_ref(), Ok(&subscription));
    }
    if let Ok(assignment) = Assignment::decode(data) {
        assert_eq!(Assignment::decode(&assignment.encode()).as_ref(), Ok(&assignment));
    }
});
