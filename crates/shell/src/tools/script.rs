//! Admin tools written as straight-line code.
//!
//! A tool such as `kafka-consumer-groups.sh` asks several questions, one after the other. Here it
//! is a function from the answers so far to what it prints and asks next: at each answer it runs
//! again from its start, gets the old answers back at once, and goes on where it had to wait.
//! So its state is its list of answers, and copying a running tool is copying that list.

use std::any::Any;

use logbrook_broker::wire::{Request, Response};
use logbrook_client::admin::{Admin, AdminConfig, AdminOutput, CallId, Target, call_name};
use logbrook_client::{Channel, Input, Io, KafkaError, Level, Process, Signal};

use super::java;
use super::setup::{Early, started};

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

/// One question: a request, and how `KafkaAdminClient` would make the call.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    request: Request,
    to: Target,
    /// The call's name in a timeout; its API's without one.
    name: Option<String>,
    /// `timeoutMs` of the call's options; `default.api.timeout.ms` without.
    timeout_ms: Option<i64>,
    /// A broken connection ends the call: whoever asks looks for another broker.
    once: bool,
}

impl Question {
    pub(crate) fn new(request: impl Into<Request>, to: Target) -> Question {
        Question { request: request.into(), to, name: None, timeout_ms: None, once: false }
    }

    /// Named as Java's call is: `offsetCommit(api=OFFSET_COMMIT)`.
    pub(crate) fn named(mut self, name: impl Into<String>) -> Question {
        self.name = Some(name.into());
        self
    }

    /// Over after this long, ms.
    pub(crate) fn within(mut self, timeout_ms: i64) -> Question {
        self.timeout_ms = Some(timeout_ms);
        self
    }

    /// Over with its first connection.
    pub(crate) fn once(mut self) -> Question {
        self.once = true;
        self
    }
}

/// Something waited for that is over.
#[derive(Clone, Debug)]
struct Past {
    /// Nothing for a mere wait.
    answer: Option<Answer>,
    /// When it was over, ms since the epoch.
    at_ms: i64,
}

/// What the script waits for now.
enum Wanted {
    Answers(Vec<Question>),
    Time(i64),
}

/// What a script sees of the world.
pub(crate) struct Stage<'a> {
    /// Wall clock at this point of the script, ms since the epoch: the same each time that the
    /// script comes by.
    pub(crate) now: i64,
    /// The admin client's configuration.
    pub(crate) config: &'a AdminConfig,
    past: &'a [Past],
    asked: usize,
    wanted: Option<Wanted>,
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

    /// A line of the log on standard error, where the tools show it.
    pub(crate) fn log(&mut self, level: Level, text: &str, logger: &str) {
        let line = java::log_line(self.now, level, text, logger);
        self.err(line);
    }

    /// A line that the admin client itself logs.
    pub(crate) fn client_log(&mut self, level: Level, text: &str, logger: &str) {
        let text = format!("[AdminClient clientId={}] {text}", self.config.common.client_id);
        self.log(level, &text, logger);
    }

    /// One question.
    pub(crate) fn call(&mut self, request: Request, to: Target) -> Result<Answer, Waiting> {
        self.ask(Question::new(request, to))
    }

    /// Several questions at once; their answers in the same order.
    pub(crate) fn call_all(
        &mut self,
        questions: Vec<(Request, Target)>,
    ) -> Result<Vec<Answer>, Waiting> {
        self.ask_all(
            questions.into_iter().map(|(request, to)| Question::new(request, to)).collect(),
        )
    }

    /// One question, with its options.
    pub(crate) fn ask(&mut self, question: Question) -> Result<Answer, Waiting> {
        let mut answers = self.ask_all(vec![question])?;
        answers.pop().ok_or(Waiting)
    }

    /// Several questions at once, with their options; their answers in the same order.
    pub(crate) fn ask_all(&mut self, questions: Vec<Question>) -> Result<Vec<Answer>, Waiting> {
        let Some(past) = self.past.get(self.asked..self.asked + questions.len()) else {
            self.wanted = Some(Wanted::Answers(questions));
            return Err(Waiting);
        };
        self.asked += questions.len();
        self.now = past.iter().map(|p| p.at_ms).fold(self.now, i64::max);
        Ok(past.iter().filter_map(|p| p.answer.clone()).collect())
    }

    /// How long to wait after so many failed attempts and one more, ms: `retry.backoff.ms`, doubled
    /// up to `retry.backoff.max.ms`.
    pub(crate) fn backoff_ms(&self, failed_before: u32) -> i64 {
        let common = &self.config.common;
        let backoff_ms = common.retry_backoff_ms << failed_before.min(16);
        backoff_ms.min(common.retry_backoff_max_ms).max(1)
    }

    /// Goes on at this time, ms since the epoch.
    pub(crate) fn wait_until(&mut self, at_ms: i64) -> Result<(), Waiting> {
        let Some(past) = self.past.get(self.asked) else {
            self.wanted = Some(Wanted::Time(at_ms));
            return Err(Waiting);
        };
        self.asked += 1;
        self.now = self.now.max(past.at_ms);
        Ok(())
    }
}

/// A script with its admin client: a process.
#[derive(Clone)]
pub(crate) struct Scripted<S> {
    script: S,
    admin: Admin,
    /// When the tool was started, ms since the epoch.
    started_ms: i64,
    past: Vec<Past>,
    /// Calls under way, in the order asked, each with its answer once it came.
    pending: Vec<(CallId, Option<Answer>)>,
    /// A mere wait under way ends then.
    wait_until_ms: Option<i64>,
    shown: usize,
    ended: bool,
}

/// The process of a tool that is a script: what its command line prepared.
pub(crate) fn scripted<S: Script>(
    prepared: Result<(S, AdminConfig), Early>,
    seed: u64,
) -> Box<dyn Process> {
    started(prepared.map(|(script, config)| Scripted::new(script, config, seed)))
}

impl<S: Script> Scripted<S> {
    pub(crate) fn new(script: S, config: AdminConfig, seed: u64) -> Scripted<S> {
        Scripted {
            script,
            admin: Admin::new(config, seed),
            started_ms: 0,
            past: Vec::new(),
            pending: Vec::new(),
            wait_until_ms: None,
            shown: 0,
            ended: false,
        }
    }

    /// Runs the script from its start, and shows what it had not shown before.
    fn play(&mut self, io: &mut Io) {
        let mut stage = Stage {
            now: self.started_ms,
            config: self.admin.config(),
            past: &self.past,
            asked: 0,
            wanted: None,
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
            Err(Waiting) => match wanted {
                Some(Wanted::Answers(questions)) => {
                    self.pending =
                        questions.into_iter().map(|q| (self.call(io.now, q), None)).collect();
                }
                Some(Wanted::Time(at_ms)) => self.wait_until_ms = Some(at_ms),
                // A script that waits for nothing would never end.
                None => {
                    debug_assert!(false, "a script waits for nothing");
                    self.ended = true;
                    io.exit(1);
                }
            },
        }
    }

    fn call(&mut self, now: i64, question: Question) -> CallId {
        let Question { request, to, name, timeout_ms, once } = question;
        let name = name.unwrap_or_else(|| call_name(&request));
        let timeout_ms = timeout_ms.unwrap_or(self.admin.config().default_api_timeout_ms);
        let id = self.admin.call_named(now, name, request, to, timeout_ms);
        if once {
            self.admin.end_on_disconnect(id);
        }
        id
    }

    fn pump(&mut self, io: &mut Io) {
        while !self.ended {
            let waited = self.wait_until_ms.take_if(|at_ms| io.now >= *at_ms).is_some();
            if waited {
                self.past.push(Past { answer: None, at_ms: io.now });
                self.play(io);
            }
            let outputs = self.admin.poll(io.now);
            if outputs.is_empty() && !waited {
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
                let at_ms = io.now;
                let past = pending.into_iter().map(|(_, answer)| Past { answer, at_ms });
                self.past.extend(past);
                self.play(io);
            }
        }
        let wakeups = [self.admin.next_wakeup(), self.wait_until_ms];
        if let Some(at) = wakeups.into_iter().flatten().min() {
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
            Input::Start => {
                self.started_ms = io.now;
                self.play(io);
            }
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
