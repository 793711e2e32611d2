//! Simulated applications with their knobs.

use logbrook_sorted::SortedMap;

use logbrook_app::{Code, Role};
use logbrook_cluster::{AppState, Cluster};
use logbrook_lab::level::{Allowed, Level, Setting};

use crate::follow::Follow;
use crate::view::{Act, App, Icon, Knob, KnobControl, Rich, Tone};

pub(crate) fn apps(
    cluster: &Cluster,
    level: &Level,
    follow: &Follow,
    refused: &SortedMap<(String, String), String>,
) -> Vec<App> {
    cluster.apps().values().map(|app| one(cluster, level, follow, app, refused)).collect()
}

fn one(
    cluster: &Cluster,
    level: &Level,
    follow: &Follow,
    app: &AppState,
    refused: &SortedMap<(String, String), String>,
) -> App {
    let spec = &app.spec;
    let name = spec.name.clone();
    let group = spec.group.clone().unwrap_or_default();
    let about = match spec.role {
        Role::Producer | Role::Relay => {
            format!("producer to {}", spec.topic.as_deref().unwrap_or("-"))
        }
        Role::Consumer | Role::Processor => {
            format!("consumer of {}, group {group}", spec.topics.join(", "))
        }
    };
    let instances = app.instances().iter().map(|(number, instance)| {
        let name = format!("{name}/{number}");
        let mark = follow.mark(&group, &name);
        match (instance.process, instance.wanted) {
            (Some(_), _) => (name, mark, Tone::Ok, "running".to_owned()),
            (None, true) => (name, mark, Tone::Warn, "starting".to_owned()),
            (None, false) => (name, mark, Tone::Plain, "stopped".to_owned()),
        }
    });
    let rate = match spec.rate {
        Some(rate) => format!("{} events a second", rate.events * 1_000_000 / rate.per_us.max(1)),
        None => String::new(),
    };
    let knobs = knobs(level, app, refused);
    let chip = knobs.iter().find(|k| k.control != KnobControl::Fixed);
    let chip = chip.map(|k| format!("{name} {}={}", k.name, k.value)).unwrap_or_default();
    App {
        about,
        instances: instances.collect(),
        rate,
        errors: errors(cluster, app),
        chip,
        knobs,
        acts: acts(level, app),
        name,
    }
}

fn knobs(
    level: &Level,
    app: &AppState,
    refused: &SortedMap<(String, String), String>,
) -> Vec<Knob> {
    let spec = &app.spec;
    let allowed = level.may.deploy.get(&spec.name);
    let def = level.apps.iter().find(|a| a.name == spec.name);
    let mut names: Vec<String> = allowed.iter().flat_map(|a| a.keys().cloned()).collect();
    let fixed = def.into_iter().flat_map(|d| d.code.keys().chain(d.config.keys())).cloned();
    for name in fixed {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let knob = |name: String| {
        let value = value(&spec.code, &spec.config, &name);
        let control = match allowed.and_then(|a| a.get(&name)) {
            Some(Allowed::OneOf(values)) => {
                KnobControl::Choice(values.iter().map(Setting::text).collect())
            }
            Some(Allowed::Word(_any)) => KnobControl::Text,
            None => KnobControl::Fixed,
        };
        let why = match control {
            KnobControl::Fixed => level.may.why.get(&name).cloned().unwrap_or_default(),
            KnobControl::Choice(_) | KnobControl::Text => String::new(),
        };
        let error = refused.get(&(spec.name.clone(), name.clone())).map(|text| Rich::parse(text));
        Knob { value, control, why, error, name }
    };
    names.into_iter().map(knob).collect()
}

fn value(code: &Code, config: &SortedMap<String, String>, name: &str) -> String {
    code.get(name).or_else(|| config.get(name).cloned()).unwrap_or_else(|| "default".to_owned())
}

fn errors(cluster: &Cluster, app: &AppState) -> String {
    let errors: Vec<String> = app
        .processes()
        .filter_map(|p| cluster.process(p))
        .flat_map(|p| p.stderr.iter().map(|chunk| chunk.text.trim().to_owned()))
        .filter(|line| !line.is_empty())
        .collect();
    match errors.as_slice() {
        [] => "none".to_owned(),
        [.., last] => format!("{}, newest: {last}", errors.len()),
    }
}

fn acts(level: &Level, app: &AppState) -> Vec<Act> {
    let name = &app.spec.name;
    let may = |verb: &str| level.may.lab.iter().any(|v| v == verb);
    let mut acts = Vec::new();
    if may("restart") {
        acts.push(Act {
            label: format!("Restart {name}"),
            icon: Icon::Fork,
            line: format!("@restart {name}"),
        });
    }
    if may("scale") {
        let more = app.instances().len() + 1;
        acts.push(Act {
            label: "One instance more".to_owned(),
            icon: Icon::Plus,
            line: format!("@scale {name} {more}"),
        });
    }
    if may("stop") && app.processes().next().is_some() {
        acts.push(Act {
            label: format!("Stop {name}"),
            icon: Icon::Power,
            line: format!("@stop {name}"),
        });
    }
    if may("start") && app.processes().next().is_none() {
        acts.push(Act {
            label: format!("Start {name}"),
            icon: Icon::Power,
            line: format!("@start {name}"),
        });
    }
    acts
}
