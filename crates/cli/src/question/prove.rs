//! `logbrook question prove`: each proof of a question, a line each.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use logbrook_lab::question::proof::{Prover, steps};

pub(crate) fn run(named: &[String], lessons: &Path) -> Result<ExitCode, String> {
    let begun = Instant::now();
    let (mut proofs, mut failed) = (0, 0);
    for question in super::named_or_all(named, lessons)? {
        let mut prover = Prover::new(&question);
        for step in steps(&question) {
            let begun = Instant::now();
            let result = prover.prove(&step);
            let took = begun.elapsed().as_secs_f64();
            let (slug, name) = (&question.slug, prover.name(&step));
            proofs += 1;
            match result {
                Ok(()) => println!("{slug} {name}: ok ({took:.2} s)"),
                Err(why) => {
                    println!("{slug} {name}: FAILS ({took:.2} s)\n    {}", why.trim_end());
                    failed += 1;
                }
            }
        }
    }
    println!("{proofs} proofs in {:.1} s, {failed} fail", begun.elapsed().as_secs_f64());
    Ok(ExitCode::from(u8::from(failed > 0)))
}
