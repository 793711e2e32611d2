//! From an event back to the line that began it, in words.

use logbrook_cluster::{Actor, Cluster, EventId, TraceEvent, story};

use crate::follow::moment;
use crate::view::{Cause, CauseActor, CauseStep, Rich};

/// The chain of causes that ends at `event`.
pub(crate) fn cause(cluster: &Cluster, title: &str, event: EventId) -> Cause {
    let trace = cluster.trace();
    let told = story(cluster, event).into_iter();
    let steps = told.filter_map(|told| {
        let e = trace.get(told.event)?;
        Some(CauseStep {
            moment: moment(e),
            actor: actor(cluster, e),
            text: Rich::parse(&told.text),
            is_moment: e.id == event,
        })
    });
    Cause { title: title.to_owned(), steps: steps.collect(), aside: None }
}

fn actor(cluster: &Cluster, event: &TraceEvent) -> CauseActor {
    match &event.actor {
        Actor::Operator => CauseActor::Fault,
        Actor::Broker(node) => CauseActor::Broker(*node),
        Actor::Process(process) => {
            let name = cluster.process(*process).map_or("", |p| p.name.as_str());
            CauseActor::Client(name.chars().next().unwrap_or('?').to_ascii_uppercase())
        }
        Actor::Store(name) => {
            CauseActor::Client(name.chars().next().unwrap_or('S').to_ascii_uppercase())
        }
    }
}
