//! What a simulated event and a graded seed cost: the trials of a challenge on three brokers, with its solution.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use logbrook_lab::answer;
use logbrook_lab::level::Level;
use logbrook_lab::run::Run;
use logbrook_lab::trial::TrialRun;

/// One figure.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
}

/// Seeds of each trial that are run.
const SEEDS: u32 = 6;

/// The figures of `lessons/replication/survive-any-one`; `repository` holds `lessons`.
///
/// # Errors
/// A level that cannot be read or run, in words.
pub(crate) fn measure(repository: &Path) -> Result<Vec<Figure>, String> {
    let folder = repository.join("lessons/replication/survive-any-one");
    let level = logbrook_lab::parse::read_level(&folder).map_err(|e| e.to_string())?;
    let run = solved(Arc::new(level))?;
    let (mut events, mut steps, mut seeds) = (0, 0, 0);
    let began = Instant::now();
    for trial in &run.level().trials {
        for index in 0..SEEDS {
            let mut seed = TrialRun::start(&run, trial, index)?;
            while !seed.advance(|| true) {}
            let verdicts = seed.verdicts();
            let cluster = seed.into_run();
            if verdicts.is_empty() {
                return Err("a trial without a verdict".to_owned());
            }
            events += cluster.cluster().trace().len();
            steps += cluster.cluster().steps();
            seeds += 1;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok(vec![
        Figure {
            name: "simulation/3 brokers/events",
            unit: "k/s",
            value: events as f64 / seconds / 1e3,
        },
        Figure {
            name: "simulation/3 brokers/steps",
            unit: "k/s",
            value: steps as f64 / seconds / 1e3,
        },
        Figure {
            name: "simulation/a challenge on 3 brokers/100 seeds",
            unit: "s",
            value: seconds / f64::from(seeds) * 100.0,
        },
    ])
}

fn solved(level: Arc<Level>) -> Result<Run, String> {
    let solution = level.solutions.first().map(|solution| solution.lines.clone());
    let solution = solution.ok_or("the level has no solution")?;
    let mut run = Run::start(level)?;
    let entries = answer::parse(&solution).map_err(|e| e.to_string())?;
    run.run_all(&entries).map_err(|(line, e)| format!("line {line}: {e}"))?;
    Ok(run)
}
