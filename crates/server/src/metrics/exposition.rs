//! Prometheus' text format, version 0.0.4.

use std::fmt::Write;

use logbrook_sorted::SortedMap;

/// Samples by metric: those of one name stand together, under one `# TYPE` line, whatever the order in
/// which they come.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    metrics: SortedMap<String, (&'static str, String)>,
}

impl Exposition {
    pub(super) fn counter(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.sample("counter", name, labels, value);
    }

    pub(super) fn gauge(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.sample("gauge", name, labels, value);
    }

    fn sample(&mut self, kind: &'static str, name: &str, labels: &[(&str, &str)], value: f64) {
        let (_, out) = self.metrics.entry(name.to_owned()).or_insert((kind, String::new()));
        out.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            out.push(if index == 0 { '{' } else { ',' });
            // Writing to a string does not fail.
            let _ = write!(out, "{label}=\"");
            for letter in text.chars() {
                match letter {
                    '\\' => out.push_str("\\\\"),
                    '"' => out.push_str("\\\""),
                    '\n' => out.push_str("\\n"),
                    letter => out.push(letter),
                }
            }
            out.push('"');
        }
        if !labels.is_empty() {
            out.push('}');
        }
        let _ = writeln!(out, " {value}");
    }

    pub(super) fn finish(self) -> String {
        let mut text = String::new();
        for (name, (kind, samples)) in &self.metrics {
            let _ = write!(text, "# TYPE {name} {kind}\n{samples}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_a_name_stand_together_and_labels_are_escaped() {
        let mut out = Exposition::default();
        out.counter("b_total", &[("topic", "a\"\\\n")], 1.0);
        out.gauge("a", &[], 0.5);
        out.counter("b_total", &[], 2.0);
        assert_eq!(
            out.finish(),
            "# TYPE a gauge\na 0.5\n# TYPE b_total counter\nb_total{topic=\"a\\\"\\\\\\n\"} 1\nb_total 2\n"
        );
    }
}
