//! What a performance test counts: `ProducerPerformance.Stats`.

use super::super::java::fixed;

/// Most latencies that are kept.
const MOST_SAMPLES: u64 = 500_000;

/// Counts and latencies since a start, and since the last report.
#[derive(Clone, Debug)]
pub(super) struct Stats {
    start_ms: i64,
    /// Every so many-th latency is kept.
    sampling: u64,
    latencies: Vec<i64>,
    reporting_interval_ms: i64,
    is_steady_state: bool,
    /// The reports are another's now.
    suppressed: bool,
    all: Counts,
    window: Counts,
    window_start_ms: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    records: u64,
    bytes: u64,
    latency_ms: i64,
    max_latency_ms: i64,
}

impl Counts {
    fn add(&mut self, latency_ms: i64, bytes: u64) {
        self.records += 1;
        self.bytes += bytes;
        self.latency_ms += latency_ms;
        self.max_latency_ms = self.max_latency_ms.max(latency_ms);
    }

    fn per_second(count: u64, elapsed_ms: i64) -> f64 {
        1000.0 * count as f64 / elapsed_ms as f64
    }

    fn megabytes_per_second(&self, elapsed_ms: i64) -> f64 {
        Self::per_second(self.bytes, elapsed_ms) / (1024.0 * 1024.0)
    }

    fn average_ms(&self) -> f64 {
        self.latency_ms as f64 / self.records as f64
    }
}

impl Stats {
    /// For so many records, from `now` (ms) on.
    pub(super) fn new(
        now: i64,
        records: u64,
        reporting_interval_ms: i64,
        is_steady_state: bool,
    ) -> Stats {
        Stats {
            start_ms: now,
            sampling: records / records.clamp(1, MOST_SAMPLES),
            latencies: Vec::new(),
            reporting_interval_ms,
            is_steady_state,
            suppressed: false,
            all: Counts::default(),
            window: Counts::default(),
            window_start_ms: now,
        }
    }

    pub(super) fn suppress(&mut self) {
        self.suppressed = true;
    }

    /// A record was acknowledged. Answers what is printed.
    pub(super) fn record(&mut self, now: i64, latency_ms: i64, bytes: u64) -> String {
        if self.all.records.is_multiple_of(self.sampling.max(1)) {
            self.latencies.push(latency_ms);
        }
        self.all.add(latency_ms, bytes);
        self.window.add(latency_ms, bytes);
        let elapsed_ms = now - self.window_start_ms;
        if elapsed_ms < self.reporting_interval_ms {
            return String::new();
        }
        let mut printed = String::new();
        if self.is_steady_state && self.all.records == self.window.records {
            printed.push_str("In steady state.\n");
        }
        if !self.suppressed {
            let window = self.window;
            printed.push_str(&format!(
                "{} records sent, {} records/sec ({} MB/sec), {} ms avg latency, {} ms max \
                 latency.\n",
                window.records,
                fixed(Counts::per_second(window.records, elapsed_ms), 1),
                fixed(window.megabytes_per_second(elapsed_ms), 2),
                fixed(window.average_ms(), 1),
                fixed(window.max_latency_ms as f64, 1),
            ));
        }
        self.window = Counts::default();
        self.window_start_ms = now;
        printed
    }

    /// `printTotal`.
    pub(super) fn total(&self, now: i64) -> String {
        let elapsed_ms = now - self.start_ms;
        let mut sorted = self.latencies.clone();
        logbrook_sorted::sort_by_key(&mut sorted, |latency| *latency);
        let percentile = |part: f64| {
            sorted.get((part * sorted.len() as f64) as usize).copied().unwrap_or_default()
        };
        format!(
            "{}{} records sent, {} records/sec ({} MB/sec), {} ms avg latency, {} ms max latency, \
             {} ms 50th, {} ms 95th, {} ms 99th, {} ms 99.9th.\n",
            self.all.records,
            if self.is_steady_state { " steady state" } else { "" },
            fixed(Counts::per_second(self.all.records, elapsed_ms), 6),
            fixed(self.all.megabytes_per_second(elapsed_ms), 2),
            fixed(self.all.average_ms(), 2),
            fixed(self.all.max_latency_ms as f64, 2),
            percentile(0.5),
            percentile(0.95),
            percentile(0.99),
            percentile(0.999),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of a run of Kafka's own tool, given the same latencies.
    #[test]
    fn a_total_is_printed_as_kafka_prints_it() {
        let mut stats = Stats::new(1_000, 4, 5_000, false);
        for latency in [241, 20, 20, 905] {
            assert_eq!(stats.record(2_000, latency, 10), "");
        }
        assert_eq!(
            stats.total(3_515),
            "4 records sent, 1.590457 records/sec (0.00 MB/sec), 296.50 ms avg latency, 905.00 ms \
             max latency, 241 ms 50th, 905 ms 95th, 905 ms 99th, 905 ms 99.9th.\n"
        );
    }

    #[test]
    fn windows_end_with_the_interval() {
        let mut stats = Stats::new(0, 10, 100, true);
        assert_eq!(stats.record(99, 9, 1), "");
        assert_eq!(
            stats.record(200, 10, 1),
            "In steady state.\n2 records sent, 10.0 records/sec (0.00 MB/sec), 9.5 ms avg latency, \
             10.0 ms max latency.\n"
        );
        stats.suppress();
        assert_eq!(stats.record(300, 10, 1), "");
    }
}
