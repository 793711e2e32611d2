//! `ExponentialBackoff`: growing waits with a jitter of 20 %, drawn from the client's seed.

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;

/// `CommonClientConfigs.RETRY_BACKOFF_EXP_BASE`.
const BASE: f64 = 2.0;
/// `CommonClientConfigs.RETRY_BACKOFF_JITTER`.
const JITTER: f64 = 0.2;

/// How long to wait before the attempt after `attempts` failed ones (0 for the first retry), ms.
/// Never over `max_ms`.
pub(crate) fn backoff_ms(initial_ms: i64, max_ms: i64, attempts: u32, random: &mut Pcg32) -> i64 {
    let factor = BASE.powi(attempts.min(32) as i32);
    let term = (initial_ms.min(max_ms) as f64 * factor).min(max_ms as f64);
    // A draw from [0, 1) with 24 bits: the same on every platform.
    let unit = f64::from(random.next_u32() >> 8) / f64::from(1u32 << 24);
    let jittered = term * (1.0 - JITTER + 2.0 * JITTER * unit);
    (jittered as i64).clamp(0, max_ms)
}

/// A generator for one purpose of one client: `stream` keeps purposes apart.
pub(crate) fn generator(seed: u64, stream: u64) -> Pcg32 {
    Pcg32::new(seed, stream)
}
