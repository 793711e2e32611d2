//! Record batches: bytes read without a word or refused; what reads is laid out, and rebuilt.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use logbrook_record::{Batch, batches, batches_trusted, spans};

fuzz_target!(|data: &[u8]| {
    let bytes = Bytes::copy_from_slice(data);
    for batch in batches(&bytes).flatten() {
        look_at(&batch);
    }
    // As if the CRC were right: it keeps a fuzzer out.
    for batch in batches_trusted(&bytes).flatten() {
        look_at(&batch);
    }
    let _ = spans(&bytes);
});

fn look_at(batch: &Batch) {
    let Ok(records) = batch.records() else { return };
    assert_eq!(Ok(records.len()), usize::try_from(batch.header().records_count));
}
