//! What a level lets a learner change. What is not listed is refused with the level's reason.

use std::fmt;

use logbrook_shell::action::Action;

use crate::level::{All, Allowed, Any, AppDef, Level, May, Role, Tools};
use logbrook_sorted::SortedMap;

/// An action that the level does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What was refused: a tool, a verb, a setting.
    pub what: String,
    /// Why, in the level's words or ours.
    pub why: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

/// Whether the level allows the action.
///
/// # Errors
/// What is refused and why.
pub fn check(level: &Level, action: &Action) -> Result<(), Refused> {
    let refuse = |what: &str, else_why: String| {
        let why = level.may.why.get(what).cloned().unwrap_or(else_why);
        Err(Refused { what: what.to_owned(), why })
    };
    match action {
        Action::Run { command, .. } | Action::Background { command, .. } => {
            let tool = command.split_whitespace().next().unwrap_or_default();
            match &level.may.tools {
                Tools::Word(_all) => Ok(()),
                // `cat`, `ls` and what is no tool at all are answered by the shell itself.
                Tools::List(tools)
                    if !tool.starts_with("kafka-") || tools.iter().any(|t| t == tool) =>
                {
                    Ok(())
                }
                Tools::List(tools) => refuse(tool, format!("this level has {}", tools.join(", "))),
            }
        }
        Action::Deploy { app, settings } => {
            allow_verb(level, "deploy")?;
            // Who may add an application may change what they added.
            let is_levels = level.apps.iter().any(|known| known.name == *app);
            if !is_levels && level.may.lab.iter().any(|verb| verb == "app") {
                return Ok(());
            }
            let Some(allowed) = level.may.deploy.get(app) else {
                return refuse(
                    &format!("@deploy {app}"),
                    "this level does not let it be changed".to_owned(),
                );
            };
            for (name, value) in settings {
                match allowed.get(name) {
                    None => {
                        let names: Vec<_> = allowed.keys().map(String::as_str).collect();
                        return refuse(
                            name,
                            format!("of {app}, {} may be changed here", names.join(", ")),
                        );
                    }
                    Some(Allowed::Word(_any)) => {}
                    Some(Allowed::OneOf(values)) => {
                        let values: Vec<_> =
                            values.iter().map(crate::level::Setting::text).collect();
                        if !value.is_empty() && !values.contains(value) {
                            return refuse(
                                &format!("{name}={value}"),
                                format!("expected one of {}", values.join(", ")),
                            );
                        }
                    }
                }
            }
            Ok(())
        }
        // Answers, notes and what only a file can hold are no acts on the world.
        Action::Blank
        | Action::Comment(_)
        | Action::Mask(_)
        | Action::File { .. }
        | Action::Feed { .. }
        | Action::Expect { .. }
        | Action::Close(_)
        | Action::Wait(_)
        | Action::Until(_)
        | Action::At(_)
        | Action::Predict { .. }
        | Action::Note(_) => Ok(()),
        Action::Stop(_) if is_terminal(action, level) => Ok(()),
        Action::Cluster { .. } => refuse("@cluster", "the level has its own cluster".to_owned()),
        Action::Stop(_)
        | Action::Sleep(_)
        | Action::Kill(_)
        | Action::Term(_)
        | Action::Start(_)
        | Action::Crash(_)
        | Action::Lose(_)
        | Action::Pause(..)
        | Action::Disk(..)
        | Action::Clock(..)
        | Action::Cut { .. }
        | Action::Delay(..)
        | Action::Drop(..)
        | Action::Heal
        | Action::App { .. }
        | Action::Scale { .. }
        | Action::Restart(_)
        | Action::Burst { .. }
        | Action::Poison { .. }
        | Action::Store(..) => allow_verb(level, action.name().trim_start_matches('@')),
    }
}

/// `@stop NAME` ends a console tool in another terminal as well as an app.
fn is_terminal(action: &Action, level: &Level) -> bool {
    let text = action.to_string();
    let name = text.trim_start_matches("@stop ");
    !level.apps.iter().any(|app| name == app.name || name.starts_with(&format!("{}/", app.name)))
}

fn allow_verb(level: &Level, verb: &str) -> Result<(), Refused> {
    if level.may.lab.iter().any(|v| v == verb) {
        return Ok(());
    }
    let verbs: Vec<_> = level.may.lab.iter().map(|v| format!("@{v}")).collect();
    let why =
        level.may.why.get(verb).cloned().unwrap_or(format!("this level has {}", verbs.join(", ")));
    Err(Refused { what: format!("@{verb}"), why })
}

/// Everything may be done, and everything of an app be set that it sets itself or that is usual to set.
#[must_use]
pub fn everything(apps: &[AppDef]) -> May {
    const VERBS: [&str; 22] = [
        "sleep", "kill", "term", "start", "stop", "crash", "lose", "pause", "disk", "clock", "cut",
        "delay", "drop", "heal", "app", "deploy", "scale", "restart", "burst", "poison", "store",
        "at",
    ];
    let mut deploy = SortedMap::new();
    for app in apps {
        let names = app.config.keys().chain(app.code.keys()).cloned();
        let mut settings: SortedMap<String, Allowed> =
            names.map(|name| (name, Allowed::Word(Any::Any))).collect();
        let usual: &[&str] = match app.role {
            Role::Producer | Role::Relay => &[
                "acks",
                "enable.idempotence",
                "linger.ms",
                "batch.size",
                "compression.type",
                "retries",
            ],
            Role::Consumer | Role::Processor => &[
                "auto.offset.reset",
                "group.protocol",
                "max.poll.records",
                "session.timeout.ms",
                "isolation.level",
            ],
        };
        for name in usual {
            settings.insert((*name).to_owned(), Allowed::Word(Any::Any));
        }
        deploy.insert(app.name.clone(), settings);
    }
    May {
        tools: Tools::Word(All::All),
        lab: VERBS.iter().map(|verb| (*verb).to_owned()).collect(),
        deploy,
        why: SortedMap::new(),
    }
}
