//! Admin tools written as straight-line code.
//!
//! A tool such as `kafka-consumer-groups.sh` asks several questions, one after the other. Here it
//! is a function from the answers so far to what it prints and asks next: at each answer it runs
//! again from its start, gets the old answers back at once, and goes on where it had to wait.
//! So its state is its list of answers, and copying a running tool is copying that list.

use std::any::Any;

use logbrook_broker::wire::{Request, Response};
use logbrook_client::admin::{Admin, AdminConfig, AdminOutput, CallId, Target};
use logbrook_client::{Channel, Input, Io, KafkaError, Process, Signal};

use super::java;

/// The answer to one question.
pub(crate) type Answer = Result<Response, KafkaError>;

/// The run cannot go on until more answers are there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting;

/// A tool's code.
pub(crate) trait Script: Clone + 'static {
    /// From the start to the exit code, or to the first question without an answer.
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting>;
}

/// What a script sees of the world.
pub(crate) struct Stage<'a> {
    /// Wall clock, ms since the epoch.
    pub(crate) now: i64,
    answers: &'a [Answer],
    asked: usize,
    wanted: Vec<(Request, Target)>,
    printed: Vec<Printed>,
}

enum Printed {
    Out(String),
    Err(String),
}

impl Stage<'_> {
    /// Standard output; the caller writes the newline.
    pub(crate) fn out(&mut self, text: impl Into<String>) {
        self.printed.push(Printed::Out(text.into()));
    }

    /// Standard error; the caller writes the newline.
    pub(crate) fn err(&mut self, text: impl Into<String>) {
        self.printed.push(Printed::Err(text.into()));
    }

    /// One question.
    pub(crate) fn call(&mut self, request: Request, to: Target) -> Result<Answer, Waiting> {
        let mut answers = self.call_all(vec![(request, to)])?;
        answers.pop().ok_or(Waiting)
    }

    /// Several questions at once; their answers in the same order.
    pub(crate) fn call_all(
        &mut self,
        questions: Vec<(Request, Target)>,
    ) -> Result<Vec<Answer>, Waiting> {
        let from = self.asked;
        self.asked += questions.len();
        match self.answers.get(from..self.asked) {
            Some(answers) => Ok(answers.to_vec()),
            None => {
                self.wanted = questions;
                Err(Waiting)
            }
        }
    }
}

/// A script with its admin client: a process.
#[derive(Clone)]
pub(crate) struct Scripted<S> {
    script: S,
    admin: Admin,
    answers: Vec<Answer>,
    /// Calls under way, in the order asked, each with its answer once it came.
    pending: Vec<(CallId, Option<Answer>)>,
    shown: usize,
    ended: bool,
}

impl<S: Script> Scripted<S> {
    pub(crate) fn new(script: S, config: AdminConfig, seed: u64) -> Scripted<S> {
        Scripted {
            script,
            admin: Admin::new(config, seed),
            answers: Vec::new(),
            pending: Vec::new(),
            shown: 0,
            ended: false,
        }
    }

    /// Runs the script from its start, and shows what it had not shown before.
    fn play(&mut self, io: &mut Io) {
        let mut stage = Stage {
            now: io.now,
            answers: &self.answers,
            asked: 0,
            wanted: Vec::new(),
            printed: Vec::new(),
        };
        let end = self.script.run(&mut stage);
        let Stage { wanted, printed, .. } = stage;
        for text in printed.iter().skip(self.shown) {
            match text {
                Printed::Out(text) => io.stdout(text),
                Printed::Err(text) => io.stderr(text),
            }
        }
        self.shown = printed.len();
        match end {
            Ok(code) => {
                self.ended = true;
                io.exit(code);
            }
            Err(Waiting) => {
                self.pending = wanted
                    .into_iter()
                    .map(|(request, to)| (self.admin.call(io.now, request, to), None))
                    .collect();
            }
        }
    }

    fn pump(&mut self, io: &mut Io) {
        while !self.ended {
            let outputs = self.admin.poll(io.now);
            if outputs.is_empty() {
                break;
            }
            for output in outputs {
                match output {
                    AdminOutput::Request(outgoing) => io.send(outgoing),
                    AdminOutput::Disconnect { to, channel } => io.disconnect(to, channel),
                    AdminOutput::Log(line) => {
                        if let Some(text) = java::client_log(io.now, &line) {
                            io.stderr(&text);
                        }
                    }
                    AdminOutput::Completed { id, result } => {
                        for (call, answer) in &mut self.pending {
                            if *call == id {
                                *answer = Some((*result).clone());
                            }
                        }
                    }
                }
            }
            if !self.pending.is_empty() && self.pending.iter().all(|(_, answer)| answer.is_some()) {
                let pending = std::mem::take(&mut self.pending);
                self.answers.extend(pending.into_iter().filter_map(|(_, answer)| answer));
                self.play(io);
            }
        }
        if let Some(at) = self.admin.next_wakeup() {
            io.wake_at(at);
        }
    }
}

impl<S: Script> Process for Scripted<S> {
    fn handle(&mut self, input: Input, io: &mut Io) {
        if self.ended {
            return;
        }
        match input {
            Input::Start => self.play(io),
            Input::Net(event) => {
                debug_assert_eq!(event.channel().client, Channel::node(0).client);
                self.admin.handle(io.now, event);
            }
            Input::Signal(signal) => {
                self.ended = true;
                io.exit(exit_code(signal));
            }
            Input::Wake | Input::Stdin(_) | Input::StdinClosed | Input::Store(_) => {}
        }
        self.pump(io);
    }

    fn clone_box(&self) -> Box<dyn Process> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What a shell reports of a JVM that a signal ended.
pub(crate) fn exit_code(signal: Signal) -> i32 {
    match signal {
        Signal::Int => 130,
        Signal::Term => 143,
        Signal::Kill => 137,
    }
}
