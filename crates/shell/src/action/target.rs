//! Who an action is aimed at: a node, an app, or a selector resolved when the line runs.

use std::fmt;

use super::ActionError;

/// A topic partition as written in a selector: `orders-0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicPartitionRef {
    /// Topic name; may itself contain `-`.
    pub topic: String,
    /// Partition index.
    pub partition: i32,
}

/// What a target selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Select {
    /// A broker or controller by its number.
    Node(i32),
    /// An app, a terminal, or a name given by an earlier `as NAME`; `worker/2` is one instance.
    Named(String, Option<u32>),
    /// The leader of a partition.
    Leader(TopicPartitionRef),
    /// A live follower of a partition, in the ISR where there is one.
    Follower(TopicPartitionRef),
    /// The coordinator of a group.
    Coordinator(String),
    /// The active controller.
    Controller,
    /// The group member that owns a partition.
    Owner(String, TopicPartitionRef),
    /// Any live broker, drawn from the seed.
    AnyBroker,
    /// Any live instance of an app, drawn from the seed.
    AnyOf(String),
    /// Everything that the verb applies to.
    All,
}

/// A selector, and the name under which its choice is kept (`leader(orders-0) as l`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What is selected.
    pub select: Select,
    /// Kept as this name for later lines.
    pub as_name: Option<String>,
}

pub(super) const FORMS: &str = "a node number, an app (`worker`, `worker/2`), or one of leader(T-P), follower(T-P), \
     coordinator(G), controller, owner(G,T-P), any-broker, any(APP), all";

impl Target {
    /// A target without a kept name.
    pub fn of(select: Select) -> Target {
        Target { select, as_name: None }
    }

    /// Reads `SELECTOR` or `SELECTOR as NAME`.
    pub fn parse(text: &str) -> Result<Target, ActionError> {
        let text = text.trim();
        match text.split_once(" as ") {
            Some((select, name)) if is_name(name.trim()) => Ok(Target {
                select: Select::parse(select.trim())?,
                as_name: Some(name.trim().to_string()),
            }),
            Some((_, name)) => Err(ActionError::new(name, "a name after `as`")),
            None => Ok(Target::of(Select::parse(text)?)),
        }
    }
}

impl Select {
    fn parse(text: &str) -> Result<Select, ActionError> {
        let wrong = || ActionError::new(text, FORMS);
        if let Some((function, rest)) = text.split_once('(') {
            let inner = rest.strip_suffix(')').ok_or_else(wrong)?.trim();
            return match function {
                "leader" => Ok(Select::Leader(TopicPartitionRef::parse(inner)?)),
                "follower" => Ok(Select::Follower(TopicPartitionRef::parse(inner)?)),
                "coordinator" if is_name(inner) => Ok(Select::Coordinator(inner.to_string())),
                "any" if is_name(inner) => Ok(Select::AnyOf(inner.to_string())),
                "owner" => {
                    let (group, tp) = inner.split_once(',').ok_or_else(wrong)?;
                    if !is_name(group.trim()) {
                        return Err(wrong());
                    }
                    Ok(Select::Owner(
                        group.trim().to_string(),
                        TopicPartitionRef::parse(tp.trim())?,
                    ))
                }
                _ => Err(wrong()),
            };
        }
        match text {
            "controller" => return Ok(Select::Controller),
            "any-broker" => return Ok(Select::AnyBroker),
            "all" => return Ok(Select::All),
            _ => {}
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return text.parse().map(Select::Node).map_err(|_| wrong());
        }
        match text.split_once('/') {
            Some((app, instance)) if is_name(app) => {
                Ok(Select::Named(app.to_string(), Some(instance.parse().map_err(|_| wrong())?)))
            }
            None if is_name(text) => Ok(Select::Named(text.to_string(), None)),
            _ => Err(wrong()),
        }
    }
}

impl TopicPartitionRef {
    /// Reads `orders-0`.
    pub fn parse(text: &str) -> Result<TopicPartitionRef, ActionError> {
        let wrong = || ActionError::new(text, "a topic partition such as orders-0");
        let (topic, partition) = text.rsplit_once('-').ok_or_else(wrong)?;
        if !is_name(topic) {
            return Err(wrong());
        }
        let partition: u32 = partition.parse().map_err(|_| wrong())?;
        Ok(TopicPartitionRef {
            topic: topic.to_string(),
            partition: i32::try_from(partition).map_err(|_| wrong())?,
        })
    }
}

/// Names of apps, terminals, groups and topics in this language: no blanks, commas or brackets.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || "(),/=".contains(c))
}

impl fmt::Display for TopicPartitionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

impl fmt::Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Select::Node(id) => write!(f, "{id}"),
            Select::Named(name, None) => f.write_str(name),
            Select::Named(name, Some(i)) => write!(f, "{name}/{i}"),
            Select::Leader(tp) => write!(f, "leader({tp})"),
            Select::Follower(tp) => write!(f, "follower({tp})"),
            Select::Coordinator(group) => write!(f, "coordinator({group})"),
            Select::Controller => f.write_str("controller"),
            Select::Owner(group, tp) => write!(f, "owner({group},{tp})"),
            Select::AnyBroker => f.write_str("any-broker"),
            Select::AnyOf(app) => write!(f, "any({app})"),
            Select::All => f.write_str("all"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.select.fmt(f)?;
        match &self.as_name {
            Some(name) => write!(f, " as {name}"),
            None => Ok(()),
        }
    }
}
