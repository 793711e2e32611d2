//! lz4, read and written: bytes that are none are refused, and what is written reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logbrook_record::{Compression, MAX_DECOMPRESSED_BYTES, compress, decompress};

fuzz_target!(|data: &[u8]| {
    if let Ok(plain) = decompress(Compression::Lz4, data) {
        assert!(plain.len() <= MAX_DECOMPRESSED_BYTES);
    }
    let mut packed = Vec::new();
    compress(Compression::Lz4, data, &mut packed);
    assert_eq!(decompress(Compression::Lz4, &packed).as_deref(), Ok(data));
});
