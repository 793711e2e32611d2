//! `TopicFilter.IncludeList`: a list of topic names or regular expressions, separated by commas.

use regex_lite::Regex;

use super::java::Throwable;

/// Topics that exist only for Kafka itself (`Topic.isInternal`).
pub(crate) fn is_internal(topic: &str) -> bool {
    ["__consumer_offsets", "__transaction_state", "__share_group_state"].contains(&topic)
}

/// Matches whole topic names.
#[derive(Clone, Debug)]
pub(crate) struct IncludeList(Regex);

impl IncludeList {
    /// Commas mean "or", blanks are dropped, quotes around are dropped.
    pub(crate) fn new(raw: &str) -> Result<IncludeList, Throwable> {
        let regex = raw.trim().replace(',', "|").replace(' ', "");
        let regex = regex.trim_matches(['"', '\'']);
        match Regex::new(&format!("^(?:{regex})$")) {
            Ok(compiled) => Ok(IncludeList(compiled)),
            Err(_) => Err(Throwable::new(
                "java.lang.RuntimeException",
                format!("{regex} is an invalid regex."),
            )),
        }
    }

    /// Does the whole name match?
    pub(crate) fn is_allowed(&self, topic: &str, exclude_internal: bool) -> bool {
        self.0.is_match(topic) && !(exclude_internal && is_internal(topic))
    }
}
