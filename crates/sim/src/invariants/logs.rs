//! Invariants of one log.

use logbrook_log::Log;
use logbrook_record::Offset;

use super::Invariant;

/// Log start <= last stable offset <= high watermark <= log end: cheap enough for every event.
pub(crate) fn check_bounds(log: &Log) -> Result<(), String> {
    let (start, stable) = (log.log_start_offset(), log.last_stable_offset());
    let (watermark, end) = (log.high_watermark(), log.log_end_offset());
    if start <= stable && stable <= watermark && watermark <= end {
        return Ok(());
    }
    Err(format!(
        "start {}, last stable {}, high watermark {}, end {}",
        start.0, stable.0, watermark.0, end.0
    ))
}

/// What is looked at when everything is at rest.
pub(crate) fn check_at_rest(log: &Log) -> Result<(), (Invariant, String)> {
    let (start, end) = (log.log_start_offset(), log.log_end_offset());
    let mut next = start;
    for header in log.headers(start, end) {
        if header.base_offset < next && header.base_offset >= start {
            let what =
                format!("a batch at {} after one up to {}", header.base_offset.0, next.0 - 1);
            return Err((Invariant::OffsetsRise, what));
        }
        let found = log
            .read(header.base_offset.max(start), usize::MAX, true, end)
            .map_err(|error| (Invariant::IndexEqualsScan, format!("{error:?}")))?
            .into_bytes();
        let base: Option<[u8; 8]> = found.get(..8).and_then(|bytes| bytes.try_into().ok());
        if base.map(i64::from_be_bytes) != Some(header.base_offset.0) {
            let what = format!("a read of {} gives another batch", header.base_offset.0);
            return Err((Invariant::IndexEqualsScan, what));
        }
        next = header.next_offset();
    }
    let mut again = log.clone();
    again.reload(log.high_watermark());
    let producers = |log: &Log| {
        let state = log.producer_state();
        let mut all: Vec<(i64, i32, i64)> = state
            .active_producers()
            .map(|(id, entry)| (id.0, entry.last_sequence(), i64::from(entry.producer_epoch.0)))
            .collect();
        logbrook_sorted::sort_by_key(&mut all, |producer| *producer);
        all
    };
    if producers(log) != producers(&again) {
        let what = format!("producers {:?}, read again {:?}", producers(log), producers(&again));
        return Err((Invariant::RecoveryEqualsLive, what));
    }
    if log.last_stable_offset().min(Offset(i64::MAX)) != again.last_stable_offset() {
        return Err((Invariant::RecoveryEqualsLive, "another last stable offset".to_owned()));
    }
    Ok(())
}
