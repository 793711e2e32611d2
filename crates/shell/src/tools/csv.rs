//! Lines of `group,topic,partition,offset` as Jackson's `CsvMapper` writes and reads them.

use super::java::Throwable;

/// Longer values are quoted without a look at their characters (`CsvEncoder`).
const MAX_QUOTE_CHECK: usize = 24;

/// A field as it is written: quoted if it is long or has a character below `-` or a quote.
pub(crate) fn field(value: &str) -> String {
    let long = value.encode_utf16().count() > MAX_QUOTE_CHECK;
    if long || value.chars().any(|c| c <= ',') {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.to_owned()
    }
}

/// A line of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// Empty in a plan of one group.
    pub(crate) group: String,
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

impl Record {
    /// `CsvRecordWithGroup` or `CsvRecordNoGroup` of a line; columns that are missing are 0 or null.
    pub(crate) fn read(line: &str, with_group: bool) -> Result<Record, Throwable> {
        let values = fields(line);
        let mut record = Record::default();
        let columns: &[&str] = match with_group {
            true => &["group", "topic", "partition", "offset"],
            false => &["topic", "partition", "offset"],
        };
        let class = if with_group { "CsvRecordWithGroup" } else { "CsvRecordNoGroup" };
        // Where a field begins, from 1: Jackson tells it.
        let mut at = 1;
        for (column, (value, length)) in columns.iter().zip(&values) {
            let not_a = |java: &str| not_a_number(class, column, java, value, at);
            match *column {
                "group" => record.group.clone_from(value),
                "topic" => record.topic.clone_from(value),
                "partition" => record.partition = value.trim().parse().map_err(|_| not_a("int"))?,
                _ => record.offset = value.trim().parse().map_err(|_| not_a("long"))?,
            }
            at += length + 1;
        }
        if let Some((value, _)) = values.get(columns.len()) {
            let (most, length) = (columns.len(), value.chars().count());
            return Err(Throwable::new(
                "com.fasterxml.jackson.dataformat.csv.CsvReadException",
                format!(
                    "Too many entries: expected at most {most} (value #{most} ({length} chars) \
                     \"{value}\")\n at [Source: (StringReader); line: 1, column: {at}]"
                ),
            ));
        }
        Ok(record)
    }
}

/// `InvalidFormatException` of a column.
fn not_a_number(class: &str, column: &str, java: &str, value: &str, at: usize) -> Throwable {
    Throwable::new(
        "com.fasterxml.jackson.databind.exc.InvalidFormatException",
        format!(
            "Cannot deserialize value of type `{java}` from String \"{value}\": not a valid `{java}` \
             value\n at [Source: (StringReader); line: 1, column: {at}] (through reference chain: \
             org.apache.kafka.tools.consumer.group.CsvUtils${class}[\"{column}\"])"
        ),
    )
}

/// The fields of a line, each with its length as it stands there.
fn fields(line: &str) -> Vec<(String, usize)> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => in_quotes(quoted),
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        let comma = after.find(',');
        let length = rest.len() - after.len() + comma.unwrap_or(after.len());
        fields.push((value, length));
        match comma {
            Some(comma) => rest = &after[comma + 1..],
            None => return fields,
        }
    }
}

fn in_quotes(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut rest = text;
    while let Some(end) = rest.find('"') {
        value.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                value.push('"');
                rest = after;
            }
            None => return (value, rest),
        }
    }
    value.push_str(rest);
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for values in
            [["orders", "0"], ["a,b", "say \"hi\""], ["", "a-topic-with-a-rather-long-name"]]
        {
            let line = values.map(field).join(",");
            let read: Vec<String> = fields(&line).into_iter().map(|(value, _)| value).collect();
            assert_eq!(read, values, "{line}");
        }
        assert_eq!(field("orders"), "orders");
        assert_eq!(field("a b"), "\"a b\"");
    }
}
