//! `record_count`: what a reader gets. Offsets may have holes, so end minus start is not a count.

use super::{Finding, Found, Moment, Watch};
use crate::check::Isolation;
use crate::read;
use crate::verdict::Values;

#[derive(Clone)]
pub(super) struct RecordCount {
    pub(super) topic: String,
    pub(super) partition: Option<i32>,
    pub(super) key: Option<String>,
    pub(super) isolation: Isolation,
    pub(super) min: Option<u64>,
    pub(super) max: Option<u64>,
}

impl RecordCount {
    fn count(&self, now: &Moment<'_>, topic: &str) -> u64 {
        match &self.key {
            None => read::record_count(now.cluster, topic, self.partition, self.isolation),
            Some(key) => {
                let records = read::records_of(now.cluster, topic, self.isolation);
                let fits = |r: &&read::Read| {
                    self.partition.is_none_or(|p| p == r.partition.0)
                        && r.key.as_deref() == Some(key.as_bytes())
                };
                records.iter().filter(fits).count() as u64
            }
        }
    }
}

impl Watch for RecordCount {
    fn find(&self, now: &Moment<'_>) -> Finding {
        let got = self.count(now, &self.topic);
        if self.min.is_none_or(|min| got >= min) && self.max.is_none_or(|max| got <= max) {
            return Finding::Holds(format!("{got} records"));
        }
        let others = read::topics(now.cluster).into_iter().filter(|t| *t != self.topic);
        let elsewhere = others.map(|t| (self.count(now, &t), t)).filter(|(n, _)| *n > 0).max();
        let elsewhere = elsewhere.map(|(n, topic)| format!("`{topic}` holds {n}."));
        let want = self.min.filter(|min| got < *min).or(self.max).unwrap_or_default();
        let values = Values::from([
            ("got", got.to_string()),
            ("want", want.to_string()),
            ("topic", self.topic.clone()),
            ("elsewhere", elsewhere.unwrap_or_default()),
        ]);
        let message = "`{topic}` holds {got} records; {want} were expected. {elsewhere}".to_owned();
        Finding::NotYet(Found { message, values, at: None })
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
