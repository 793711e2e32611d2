//! The command line, and what is refused.

use std::fs;
use std::path::PathBuf;

#[cfg(feature = "planted-bugs")]
use logbrook_planted::Bug;
use logbrook_sim::{Fault, MAX_FAULTS, Plan};

/// So many seeds at most in one run: weeks on one core.
const MAX_SEEDS: u64 = 10_000_000;
/// So many runs at the same time at most; each holds a cluster with its trace.
const MAX_JOBS: usize = 256;

#[derive(Debug, clap::Args)]
pub(crate) struct SimArgs {
    /// Seeds from A up to, not with, B; one number is that seed alone
    #[arg(long, value_name = "A..B", value_parser = seeds, default_value = "0..1000")]
    pub(super) seeds: (u64, u64),
    /// How many runs at the same time
    #[arg(long, default_value_t = 1, value_parser = jobs)]
    pub(super) jobs: usize,
    /// Go on after a failure, and tell all of them
    #[arg(long)]
    pub(super) keep_going: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
    /// Print the plan of each seed, and do not run it
    #[arg(long)]
    pub(super) plan: bool,
    /// This fault in place of those that the seed draws, such as '+3.5 @kill 2'; may be repeated
    #[arg(long = "fault", value_name = "LINE")]
    fault: Vec<String>,
    /// The faults of this file in place of those that the seed draws, one a line
    #[arg(long, value_name = "FILE", conflicts_with = "fault")]
    faults: Option<PathBuf>,
    /// No faults
    #[arg(long, conflicts_with_all = ["fault", "faults"])]
    no_faults: bool,
    /// This application and no other of those that the seed draws; may be repeated
    #[arg(long = "app", value_name = "NAME")]
    app: Vec<String>,
    /// Plant this bug in the engine
    #[cfg(feature = "planted-bugs")]
    #[arg(long, value_name = "BUG", value_parser = bug)]
    pub(super) plant: Option<Bug>,
    /// Plant each bug and run seeds until it is found; those of --seeds at most
    #[cfg(feature = "planted-bugs")]
    #[arg(long)]
    pub(super) planted: bool,
}

fn seeds(text: &str) -> Result<(u64, u64), String> {
    let expected = || format!("found `{text}`, expected a range such as 0..1000, or one number");
    let Some((first, end)) = text.split_once("..") else {
        let seed: u64 = text.parse().map_err(|_| expected())?;
        let end = seed.checked_add(1).ok_or_else(expected)?;
        return Ok((seed, end));
    };
    let (first, end) =
        (first.parse().map_err(|_| expected())?, end.parse::<u64>().map_err(|_| expected())?);
    if first >= end {
        return Err(format!(
            "found `{text}`, expected a range such as 0..1000, whose end is above its start"
        ));
    }
    if end - first > MAX_SEEDS {
        return Err(format!(
            "found {} seeds in `{text}`, expected at most {MAX_SEEDS}",
            end - first
        ));
    }
    Ok((first, end))
}

fn jobs(text: &str) -> Result<usize, String> {
    let expected = || format!("found `{text}`, expected a number from 1 to {MAX_JOBS}");
    let jobs = text.parse().map_err(|_| expected())?;
    if (1..=MAX_JOBS).contains(&jobs) { Ok(jobs) } else { Err(expected()) }
}

#[cfg(feature = "planted-bugs")]
fn bug(text: &str) -> Result<Bug, String> {
    Bug::ALL.iter().copied().find(|bug| bug.name() == text).ok_or_else(|| {
        let names: Vec<&str> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        format!("found `{text}`, expected one of {}", names.join(", "))
    })
}

impl SimArgs {
    /// The faults that the command line names; `None` where the seed draws them.
    pub(super) fn faults(&self) -> Result<Option<Vec<Fault>>, String> {
        if self.no_faults {
            return Ok(Some(Vec::new()));
        }
        if let Some(file) = &self.faults {
            let name = file.display();
            let text = fs::read_to_string(file).map_err(|e| format!("FILE {name}: {e}"))?;
            let lines = text.lines().enumerate();
            let lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
            let lines: Vec<(usize, &str)> = lines.collect();
            if lines.len() > MAX_FAULTS {
                let found = lines.len();
                return Err(format!("{name}: found {found} faults, expected at most {MAX_FAULTS}"));
            }
            let read = |(at, line): (usize, &str)| {
                Fault::read(line).map_err(|error| format!("{name}, line {}: {error}", at + 1))
            };
            return in_order(lines.into_iter().map(read)).map(Some);
        }
        if self.fault.is_empty() {
            return Ok(None);
        }
        in_order(self.fault.iter().map(|line| Fault::read(line))).map(Some)
    }

    /// What a seed draws, under what the command line says.
    pub(super) fn plan_of(&self, seed: u64, faults: Option<&[Fault]>) -> Result<Plan, String> {
        let mut plan = Plan::draw(seed);
        if let Some(faults) = faults {
            plan.faults = faults.to_vec();
        }
        if !self.app.is_empty() {
            if let Some(unknown) =
                self.app.iter().find(|name| plan.apps.iter().all(|app| app.name != **name))
            {
                let names: Vec<&str> = plan.apps.iter().map(|app| app.name.as_str()).collect();
                let names = names.join(", ");
                return Err(format!("--app: found `{unknown}`, seed {seed} has {names}"));
            }
            plan.apps.retain(|app| self.app.contains(&app.name));
        }
        Ok(plan)
    }
}

fn in_order(faults: impl Iterator<Item = Result<Fault, String>>) -> Result<Vec<Fault>, String> {
    let mut faults: Vec<Fault> = faults.collect::<Result<_, _>>()?;
    faults.sort_by_key(|fault| fault.at_us);
    Ok(faults)
}
