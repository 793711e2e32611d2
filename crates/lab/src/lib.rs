//! Levels: format, worlds, trials, observables, assertions, grader.
