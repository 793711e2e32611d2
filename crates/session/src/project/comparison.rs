//! Two runs beside each other.

use std::sync::Arc;

use logbrook_cluster::{Cluster, compare};

use crate::view::{
    Cause, CauseActor, CauseStep, Inspector, InspectorTab, Moment, Rich, Table, Time,
};

/// A list is read, not scrolled: so many differences are shown.
const SHOWN: usize = 40;

/// The run in front (`here`) and another by its name.
pub(crate) fn comparison(here: &Cluster, there: &Cluster, name: &str) -> Inspector {
    let found = compare(here, there);
    let mut steps = Vec::new();
    if let Some(parted) = &found.parted {
        let sides = [("this run", &parted.here), (name, &parted.there)];
        steps.extend(sides.into_iter().map(|(whose, told)| {
            let (time_us, text) = match told {
                Some((time_us, text)) => (*time_us, format!("{whose}: {text}")),
                None => (here.now_us(), format!("{whose} has not come so far")),
            };
            CauseStep {
                moment: Moment { event: parted.event.0, time: Time(time_us) },
                actor: CauseActor::Fault,
                text: Rich::parse(&text),
                is_moment: true,
            }
        }));
    }
    let all = found.differences.len();
    let none = || "-".to_owned();
    // A table has plain text: names stand without their backticks.
    let plain = |text: String| text.replace('`', "");
    let rows = found.differences.into_iter().take(SHOWN).map(|difference| {
        let [ours, theirs] =
            [difference.here, difference.there].map(|side| side.unwrap_or_else(none));
        vec![plain(difference.subject), plain(ours), plain(theirs)]
    });
    let table = Table {
        head: vec!["what".to_owned(), "this run".to_owned(), name.to_owned()],
        numeric: vec![false, false, false],
        rows: rows.collect(),
    };
    let title = match &found.parted {
        Some(parted) => format!("This run and {name} part at event {}", parted.event.0),
        None => format!("This run and {name} are the same so far"),
    };
    let aside_title = match all {
        0 => "Nothing is different now".to_owned(),
        1..=SHOWN => format!("{all} differences now"),
        _more => format!("{SHOWN} of {all} differences now"),
    };
    let cause = Cause { title: title.clone(), steps, aside: Some((aside_title, table)) };
    Inspector {
        title,
        tab: InspectorTab::Cause,
        cause: Some(Arc::new(cause)),
        ..Inspector::default()
    }
}
