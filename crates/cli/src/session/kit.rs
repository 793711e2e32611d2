//! Apache Kafka itself, as `cargo xtask` lays it out: which Java command a tool or a broker is.
//!
//! ```text
//! KIT/broker/*.jar   server and clients        KIT/drive/*.class   kafka-drive
//! KIT/tools/*.jar    command line tools        KIT/log4j2-broker.yaml, KIT/log4j2-tools.yaml
//! ```

use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with Apache Kafka's jars.
pub(super) struct Kit {
    root: PathBuf,
}

/// A tool by its script's name, without `.sh`, and the class that its script starts.
const TOOLS: &[(&str, &str)] = &[
    ("kafka-acls", "org.apache.kafka.tools.AclCommand"),
    ("kafka-broker-api-versions", "org.apache.kafka.tools.BrokerApiVersionsCommand"),
    ("kafka-client-metrics", "org.apache.kafka.tools.ClientMetricsCommand"),
    ("kafka-cluster", "org.apache.kafka.tools.ClusterTool"),
    ("kafka-configs", "kafka.admin.ConfigCommand"),
    ("kafka-console-consumer", "org.apache.kafka.tools.consumer.ConsoleConsumer"),
    ("kafka-console-producer", "org.apache.kafka.tools.ConsoleProducer"),
    ("kafka-console-share-consumer", "org.apache.kafka.tools.consumer.ConsoleShareConsumer"),
    ("kafka-consumer-groups", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"),
    ("kafka-consumer-perf-test", "org.apache.kafka.tools.ConsumerPerformance"),
    ("kafka-delete-records", "org.apache.kafka.tools.DeleteRecordsCommand"),
    ("kafka-dump-log", "org.apache.kafka.tools.DumpLogSegments"),
    ("kafka-features", "org.apache.kafka.tools.FeatureCommand"),
    ("kafka-get-offsets", "org.apache.kafka.tools.GetOffsetShell"),
    ("kafka-groups", "org.apache.kafka.tools.GroupsCommand"),
    ("kafka-leader-election", "org.apache.kafka.tools.LeaderElectionCommand"),
    ("kafka-log-dirs", "org.apache.kafka.tools.LogDirsCommand"),
    ("kafka-metadata-quorum", "org.apache.kafka.tools.MetadataQuorumCommand"),
    ("kafka-producer-perf-test", "org.apache.kafka.tools.ProducerPerformance"),
    ("kafka-reassign-partitions", "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"),
    ("kafka-replica-verification", "org.apache.kafka.tools.ReplicaVerificationTool"),
    ("kafka-share-groups", "org.apache.kafka.tools.consumer.group.ShareGroupCommand"),
    ("kafka-storage", "kafka.tools.StorageTool"),
    ("kafka-streams-application-reset", "org.apache.kafka.tools.StreamsResetter"),
    ("kafka-topics", "org.apache.kafka.tools.TopicCommand"),
    ("kafka-transactions", "org.apache.kafka.tools.TransactionsCommand"),
    ("kafka-verifiable-consumer", "org.apache.kafka.tools.VerifiableConsumer"),
    ("kafka-verifiable-producer", "org.apache.kafka.tools.VerifiableProducer"),
    ("transactional-message-copier", "org.apache.kafka.tools.TransactionalMessageCopier"),
];

/// These make a short-lived JVM start quickly.
const QUICK: &[&str] = &[
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Xshare:auto",
    "-Xlog:disable",
    "-Xlog:all=off",
    "-Djava.awt.headless=true",
    "-Djava.net.preferIPv4Stack=true",
];

impl Kit {
    /// The kit in a folder.
    ///
    /// # Errors
    /// A part that is not there, by name.
    pub(super) fn open(root: &Path) -> Result<Kit, String> {
        for part in ["broker", "tools", "drive", "log4j2-broker.yaml", "log4j2-tools.yaml"] {
            if !root.join(part).exists() {
                return Err(format!(
                    "--kit {}: there is no `{part}` in it; `cargo xtask conformance --served` makes the folder",
                    root.display()
                ));
            }
        }
        let root = root.canonicalize().map_err(|e| format!("--kit {}: {e}", root.display()))?;
        Ok(Kit { root })
    }

    /// A tool by the first word of a command line; the rest are its arguments.
    ///
    /// # Errors
    /// A tool that Apache Kafka does not have.
    pub(super) fn tool(&self, argv: &[String]) -> Result<Command, String> {
        let (word, arguments) = argv.split_first().ok_or("a command")?;
        let name = word.strip_suffix(".sh").unwrap_or(word);
        let mut java = if name == "kafka-drive" {
            let path = format!("{}:{}", self.at("drive"), self.jars("broker"));
            let mut java = self.java("log4j2-tools.yaml", &path);
            java.arg("Drive");
            java
        } else {
            let class = TOOLS.iter().find(|(tool, _)| *tool == name).map(|(_, class)| *class);
            let class = class.ok_or_else(|| format!("found `{word}`, expected a tool of Kafka"))?;
            let mut java = self.java("log4j2-tools.yaml", &self.jars("tools"));
            java.arg(class);
            java
        };
        java.args(arguments);
        Ok(java)
    }

    /// Formats the log directory that a properties file names.
    pub(super) fn format(&self, properties: &Path, cluster: &str, more: &[String]) -> Command {
        let mut java = self.java("log4j2-tools.yaml", &self.jars("broker"));
        java.args(["kafka.tools.StorageTool", "format", "-t", cluster, "-c"]).arg(properties);
        java.args(more);
        java
    }

    /// The server, with a properties file.
    pub(super) fn server(&self, properties: &Path) -> Command {
        let mut java = self.java("log4j2-broker.yaml", &self.jars("broker"));
        java.arg("kafka.Kafka").arg(properties);
        java
    }

    fn java(&self, logging: &str, class_path: &str) -> Command {
        let mut java = Command::new("java");
        java.arg("-Xmx512m").args(QUICK);
        java.arg(format!("-Dlog4j2.configurationFile={}", self.at(logging)));
        java.args(["-cp", class_path]);
        java.env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
        java
    }

    fn at(&self, part: &str) -> String {
        self.root.join(part).display().to_string()
    }

    fn jars(&self, part: &str) -> String {
        format!("{}/*", self.at(part))
    }
}
