//! `logbrook question tell`: a question's runs as transcripts, for who writes them.

use std::path::Path;
use std::process::ExitCode;

use logbrook_lab::question::{Claim, Experiment, Part, Question, Running};

pub(crate) fn run(named: &str, lessons: &Path) -> Result<ExitCode, String> {
    for question in super::named_or_all(&[named.to_owned()], lessons)? {
        for point in &question.points {
            println!("== {}: {}", point.id, point.text);
            tell(&question, &point.run, &point.claims);
            for counter in &point.counters {
                println!("-- without: {}", counter.because);
                tell(&question, &counter.run, &point.claims);
            }
        }
        match &question.part {
            Part::Explain | Part::Design(_) => {}
            Part::Predict(predict) => {
                println!("== the run");
                if let Some(run) = tell(&question, &predict.run, &[]) {
                    println!("   {}: {}", predict.answer, run.run().observable(&predict.answer));
                }
            }
            Part::Diagnose(diagnose) => {
                println!("== the evidence");
                if let Some(run) = tell(&question, &diagnose.look(), &diagnose.symptom) {
                    for cause in &diagnose.causes {
                        println!("   cause {}", cause.id);
                        measured(&run, &cause.shows);
                    }
                }
                println!("== the remedy");
                let lines = diagnose.remedy.clone();
                let run = Experiment { world: diagnose.world.clone(), lines };
                tell(&question, &run, &diagnose.symptom);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(question: &Question, run: &Experiment, claims: &[Claim]) -> Option<Running> {
    let world = question.world(run)?;
    let run = match Running::start(world, &run.lines, None).and_then(Running::finish) {
        Ok(run) => run,
        Err(why) => {
            println!("   the run fails: {why}");
            return None;
        }
    };
    for said in run.said() {
        print!("{}\n{}", said.line, said.printed);
        if let Some(exit) = said.exit {
            println!("= {exit}");
        }
    }
    measured(&run, claims);
    Some(run)
}

fn measured(run: &Running, claims: &[Claim]) {
    for measured in run.measure(claims) {
        println!("   {} {}", if measured.holds { "holds " } else { "FALSE " }, measured.told());
    }
}
