//! CRC-32C (Castagnoli), the checksum over everything from the attributes to the end of a batch.

#[cfg(not(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(target_os = "none")
)))]
use {alloc::boxed::Box, once_cell::race::OnceBox};

/// The CRC-32C of `bytes`.
///
/// With the processor's own instructions on x86-64 and AArch64; elsewhere (wasm has none) sixteen
/// bytes at a time through tables.
#[must_use]
#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(target_os = "none")))]
pub fn crc32c(bytes: &[u8]) -> u32 {
    ::crc32c::crc32c(bytes)
}

/// The CRC-32C of `bytes`, sixteen bytes at a time through tables.
#[must_use]
#[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(target_os = "none"))))]
pub fn crc32c(bytes: &[u8]) -> u32 {
    type Tables = ::crc::Crc<u32, ::crc::Table<16>>;
    // Made at the first call: as data they are 16 kB of the page that nothing compresses.
    static TABLES: OnceBox<Tables> = OnceBox::new();
    TABLES.get_or_init(|| Box::new(Tables::new(&::crc::CRC_32_ISCSI))).checksum(bytes)
}

#[cfg(test)]
mod tests {
    use super::crc32c;

    #[test]
    fn the_check_value_of_the_catalogue() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(b""), 0);
    }
}
