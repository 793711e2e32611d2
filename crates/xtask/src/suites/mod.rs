//! `cargo xtask conformance --suite NAME`: other people's tests against `logbrook serve`.
//!
//! What Apache Kafka makes of each test under the same command stands in `tests/suites/NAME.txt`
//! (`--record` writes it, with `--against` a broker of Kafka). A suite holds when every test that
//! Kafka passes passes here; one that fails is run once more alone, as a busy machine is no fault
//! of a broker.

mod broker;
mod clients;
mod job;
mod kafka_python;
mod librdkafka;
mod python;
mod report;

use crate::env::paths;
use crate::say::{Doing, Result, failure, note, step};
use broker::Broker;
use clap::ValueEnum;
use librdkafka::Protocol;
use report::{Compared, Expected, Outcome, Verdict};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

#[derive(clap::Args)]
#[group(id = "suite_options")]
pub(crate) struct Args {
    /// Run these suites of other projects against `logbrook serve`
    #[arg(long = "suite", value_enum)]
    suites: Vec<Suite>,
    /// With --suite: these tests of it alone
    #[arg(long = "test", requires = "suites")]
    tests: Vec<String>,
    /// With --suite: a broker that runs already, instead of `logbrook serve`
    #[arg(long, value_name = "HOST:PORT", requires = "suites")]
    against: Option<String>,
    /// With --suite and --against a broker of Kafka: keep what it passes in tests/suites
    #[arg(long = "keep", requires = "against", conflicts_with = "tests")]
    keep: bool,
}

/// A suite, one file each.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// librdkafka's own tests, built from the crate rdkafka-sys (needs a C and a C++ compiler and make)
    Librdkafka,
    /// The same with `group.protocol=consumer` (KIP-848)
    LibrdkafkaConsumer,
    /// kafka-python's integration tests (needs Python 3)
    KafkaPython,
    /// One scenario for each client: produce, read, a group of three with a crash, a transactional copy
    Clients,
}

/// What a suite is given.
struct Run<'a> {
    /// `HOST:PORT`.
    bootstrap: &'a str,
    /// These alone; all where there is none.
    tests: &'a [String],
}

impl Suite {
    /// As it is typed, and as its file in tests/suites is called.
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Where the suite keeps what it fetches and builds.
    fn folder(self) -> Result<PathBuf> {
        let name = match self {
            Suite::LibrdkafkaConsumer => Suite::Librdkafka.name(),
            Suite::Librdkafka | Suite::KafkaPython | Suite::Clients => self.name(),
        };
        let folder = paths::target().join("suites").join(name);
        fs::create_dir_all(&folder).doing(folder.display())?;
        Ok(folder)
    }

    fn expected_file(self) -> PathBuf {
        paths::root().join("tests/suites").join(format!("{}.txt", self.name()))
    }

    /// Fetches and builds it.
    fn prepare(self) -> Result<()> {
        match self {
            Suite::Librdkafka | Suite::LibrdkafkaConsumer => librdkafka::prepare(&self.folder()?),
            Suite::KafkaPython => kafka_python::prepare(&self.folder()?),
            Suite::Clients => clients::prepare(&self.folder()?),
        }
    }

    /// The server properties that it needs, beside those of Kafka's own `config/server.properties`.
    fn properties(self) -> &'static [&'static str] {
        match self {
            Suite::Librdkafka | Suite::LibrdkafkaConsumer => librdkafka::PROPERTIES,
            Suite::KafkaPython | Suite::Clients => &[],
        }
    }

    /// What comes first in its file: the version, and the command as a person would type it.
    fn about(self) -> &'static str {
        match self {
            Suite::Librdkafka => librdkafka::ABOUT,
            Suite::LibrdkafkaConsumer => librdkafka::ABOUT_CONSUMER,
            Suite::KafkaPython => kafka_python::ABOUT,
            Suite::Clients => clients::ABOUT,
        }
    }

    fn run(self, run: &Run<'_>) -> Result<Vec<Outcome>> {
        let folder = self.folder()?;
        match self {
            Suite::Librdkafka => librdkafka::run(&folder, run, Protocol::Classic),
            Suite::LibrdkafkaConsumer => librdkafka::run(&folder, run, Protocol::Consumer),
            Suite::KafkaPython => kafka_python::run(&folder, run),
            Suite::Clients => clients::run(&folder, run),
        }
    }
}

impl Args {
    /// Whether any suite was asked for.
    pub(crate) fn any(&self) -> bool {
        !self.suites.is_empty()
    }
}

/// Runs the suites that were asked for, one after another, each on a broker of its own.
pub(crate) fn run(args: &Args, json: bool) -> Result<()> {
    let mut all = Vec::new();
    for suite in &args.suites {
        suite.prepare()?;
        let compared = one(*suite, args)?;
        if !json {
            println!("{compared}");
        }
        all.push(compared);
    }
    if json {
        let suites: Vec<_> = all.iter().map(Compared::json).collect();
        println!("{}", serde_json::Value::Array(suites));
    } else {
        all.iter().for_each(|compared| println!("{}", compared.summary()));
    }
    match all.iter().map(Compared::missing).sum::<usize>() {
        0 => Ok(()),
        missing => Err(failure(format!("{missing} tests fail that Apache Kafka passes."))),
    }
}

fn one(suite: Suite, args: &Args) -> Result<Compared> {
    let expected = match args.keep {
        true => Expected::default(),
        false => Expected::read(&suite.expected_file())?,
    };
    let ours = match &args.against {
        Some(_) => None,
        None => Some(Broker::start(&suite.folder()?, suite.properties())?),
    };
    let bootstrap = match (&args.against, &ours) {
        (Some(given), _) => given.as_str(),
        (None, Some(broker)) => broker.bootstrap(),
        (None, None) => "127.0.0.1:9092",
    };
    let running = step(format!("{} against {bootstrap}", suite.name()));
    let mut outcomes = suite.run(&Run { bootstrap, tests: &args.tests })?;
    running.done_with(&report::counts(&outcomes));
    again(suite, bootstrap, &expected, &mut outcomes)?;
    if args.keep {
        let file = suite.expected_file();
        fs::write(&file, Expected::text(suite.about(), &outcomes)).doing(file.display())?;
        note(format!("{} is written", file.display()));
        return Ok(Compared::new(suite.name(), &Expected::of(&outcomes), outcomes));
    }
    Ok(Compared::new(suite.name(), &expected, outcomes))
}

/// Those that Kafka passes and that failed, once more and one at a time; where the expectation is
/// only being made, all that failed.
fn again(
    suite: Suite,
    bootstrap: &str,
    expected: &Expected,
    outcomes: &mut [Outcome],
) -> Result<()> {
    let matters = |o: &&mut Outcome| {
        o.verdict == Verdict::Failed && (expected.is_empty() || expected.passes(&o.name))
    };
    for outcome in outcomes.iter_mut().filter(matters) {
        let alone = step(format!("once more: {}", outcome.name));
        let tests = [outcome.name.clone()];
        let found = suite.run(&Run { bootstrap, tests: &tests })?;
        let by_name: BTreeMap<_, _> = found.into_iter().map(|o| (o.name.clone(), o)).collect();
        match by_name.get(&outcome.name) {
            Some(now) => *outcome = now.clone(),
            None => outcome.remark = "did not run alone".to_owned(),
        }
        alone.done_with(outcome.verdict.word());
    }
    Ok(())
}
