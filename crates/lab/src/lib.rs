//! Levels: the format, the worlds they describe, trials, observables, assertions and the grader.
//!
//! A level is data (`lessons/<track>/<slug>/`). The grader looks at state and at the history of a
//! run, never at what was typed.

pub mod answer;
pub mod check;
pub mod duration;
mod facts;
pub mod grade;
pub mod level;
pub mod observable;
pub mod packed;
#[cfg(feature = "parse")]
pub mod parse;
mod pauses;
pub mod permission;
mod prediction;
pub mod proof;
pub mod question;
mod read;
pub mod run;
pub mod seed;
pub mod selection;
mod transactions;
pub mod trial;
pub mod verdict;
mod watch;
pub mod world;
