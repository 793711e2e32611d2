//! The sandbox: a world of one's own, from nothing or from a template. It is named by a line of
//! `key=value` pairs, which stands in the address: `template=compaction&brokers=3&seed=7`.

use logbrook_sorted::SortedMap;
use std::fmt::Write;

use logbrook_lab::level::{
    AppDef, ClockMode, Level, May, PoisonDef, Role, StoreDef, StoreKind, TopicDef,
};

use crate::made::{self, Made};
use crate::view::{Sandbox, SandboxApp, SandboxTemplate};

/// The most brokers of a world.
const MOST_BROKERS: u32 = 9;

/// A template.
struct Template {
    slug: &'static str,
    title: &'static str,
    about: &'static str,
    brokers: u32,
    apps: &'static [&'static str],
}

const TEMPLATES: [Template; 5] = [
    Template {
        slug: "one",
        title: "1 broker",
        about: "One broker, empty. Every command starts from here.",
        brokers: 1,
        apps: &[],
    },
    Template {
        slug: "three",
        title: "3 brokers, RF 3",
        about: "`orders` has three copies of three partitions. `shop` writes, three instances of \
                `billing` read. Kill a broker and see who leads.",
        brokers: 3,
        apps: &["shop", "billing"],
    },
    Template {
        slug: "transactions",
        title: "Transactions",
        about: "`pricer` reads `orders` and writes `invoices` in transactions; `books` reads what is \
                committed. Restart `pricer` and look at the LSO.",
        brokers: 1,
        apps: &["shop", "pricer", "books"],
    },
    Template {
        slug: "compaction",
        title: "Compaction",
        about: "`profiles` keeps the newest record of each key. Segments close every 10 seconds; let \
                half a minute pass and offsets go.",
        brokers: 1,
        apps: &["profiles"],
    },
    Template {
        slug: "dead-letters",
        title: "Dead letters",
        about: "Every 20th order cannot be packed. `packer` puts it into `orders.DLT` and goes on.",
        brokers: 1,
        apps: &["bad-shop", "packer"],
    },
];

/// Apps that any world may have, and what they do.
const APPS: [(&str, &str); 7] = [
    ("shop", "writes 10 orders a second to `orders`, by customer"),
    ("billing", "three instances read `orders` as one group"),
    ("pricer", "reads `orders`, writes `invoices`, in transactions"),
    ("books", "reads committed `invoices`"),
    ("profiles", "writes 20 changes a second to the compacted topic `profiles`"),
    ("bad-shop", "writes orders, every 20th of them broken"),
    ("packer", "packs `orders`, dead letters to `orders.DLT`"),
];

/// A world as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct World {
    template: String,
    brokers: u32,
    seed: u32,
    apps: Vec<String>,
    /// Broker properties by Kafka's names: `set=NAME=VALUE;NAME=VALUE`.
    set: SortedMap<String, String>,
    /// `broker.rack` of broker 1, 2, …: `racks=a,b`.
    racks: Vec<String>,
    /// Time begins with the brokers' start: `start=cold`, as in links of `logbrook sim`.
    cold: bool,
}

impl Default for World {
    fn default() -> Self {
        World::of(&TEMPLATES[0])
    }
}

impl World {
    fn of(template: &Template) -> World {
        World {
            template: template.slug.to_owned(),
            brokers: template.brokers,
            seed: 1,
            apps: template.apps.iter().map(|app| (*app).to_owned()).collect(),
            set: SortedMap::new(),
            racks: Vec::new(),
            cold: false,
        }
    }

    /// Reads `template=…&brokers=…&seed=…&apps=a,b`, and says what of it could not be read; that is
    /// then as the template has it. Other keys are not the world's.
    pub(crate) fn read(text: &str) -> (World, Vec<String>) {
        let pairs = || text.split('&').filter_map(|pair| pair.split_once('='));
        let mut wrong = Vec::new();
        let mut world = World::default();
        if let Some((_, slug)) = pairs().find(|(key, _)| *key == "template") {
            match TEMPLATES.iter().find(|template| template.slug == slug) {
                Some(template) => world = World::of(template),
                None => {
                    let known: Vec<&str> = TEMPLATES.iter().map(|t| t.slug).collect();
                    wrong.push(format!(
                        "`template` in this link is `{slug}`; one of {} was expected. The sandbox begins \
                         with one broker.",
                        known.join(", ")
                    ));
                }
            }
        }
        for (key, value) in pairs() {
            match key {
                "brokers" => match value.parse() {
                    Ok(brokers) if (1..=MOST_BROKERS).contains(&brokers) => world.brokers = brokers,
                    _ => wrong.push(format!(
                        "`brokers` in this link is `{value}`; a whole number from 1 to {MOST_BROKERS} was \
                         expected. There are {}.",
                        world.brokers
                    )),
                },
                "seed" => match value.parse() {
                    Ok(seed) => world.seed = seed,
                    Err(_) => wrong.push(format!(
                        "`seed` in this link is `{value}`; a whole number from 0 to {} was expected. Seed \
                         {} is used.",
                        u32::MAX,
                        world.seed
                    )),
                },
                "apps" => {
                    let asked: Vec<&str> = value.split(',').filter(|app| !app.is_empty()).collect();
                    for app in asked.iter().filter(|app| !is_app(app)) {
                        wrong.push(format!("There is no app `{app}` for the sandbox; it was left out."));
                    }
                    let known = asked.into_iter().filter(|app| is_app(app));
                    world.apps = known.map(str::to_owned).collect();
                }
                "set" => {
                    for property in value.split(';').filter(|property| !property.is_empty()) {
                        match property.split_once('=').filter(|(name, _)| is_plain(name)) {
                            Some((name, value)) => {
                                world.set.insert(name.to_owned(), value.to_owned());
                            }
                            None => wrong.push(format!(
                                "`set` in this link has `{property}`; NAME=VALUE was expected, with a \
                                 broker property of Kafka as the name. It was left out."
                            )),
                        }
                    }
                }
                "racks" => world.racks = value.split(',').map(str::to_owned).collect(),
                "start" if value == "cold" => world.cold = true,
                "start" => wrong.push(format!(
                    "`start` in this link is `{value}`; cold was expected, or nothing. The brokers run \
                     before the first line."
                )),
                _ => {}
            }
        }
        (world, wrong)
    }

    /// As [`World::read`] reads it; what the template says is left out.
    pub(crate) fn write(&self) -> String {
        let template = TEMPLATES.iter().find(|template| template.slug == self.template);
        let usual = template.map(World::of).unwrap_or_default();
        let mut text = format!("template={}", self.template);
        // Writing to a string never fails.
        if self.brokers != usual.brokers {
            let _ = write!(text, "&brokers={}", self.brokers);
        }
        if self.seed != usual.seed {
            let _ = write!(text, "&seed={}", self.seed);
        }
        if self.apps != usual.apps {
            let _ = write!(text, "&apps={}", self.apps.join(","));
        }
        if !self.set.is_empty() {
            let set: Vec<String> =
                self.set.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let _ = write!(text, "&set={}", set.join(";"));
        }
        if !self.racks.is_empty() {
            let _ = write!(text, "&racks={}", self.racks.join(","));
        }
        if self.cold {
            text.push_str("&start=cold");
        }
        text
    }

    /// The world as a level without a task.
    pub(crate) fn level(&self) -> Level {
        let has = |app: &str| self.apps.iter().any(|a| a == app);
        let copies = i16::try_from(self.brokers.min(3)).unwrap_or(1);
        let min_isr = if copies > 1 { "2" } else { "1" };
        let mut topics: Vec<TopicDef> = Vec::new();
        if self.apps.iter().any(|app| app != "profiles") {
            topics.push(made::topic("orders", 3, copies, &[("min.insync.replicas", min_isr)]));
        }
        if has("pricer") || has("books") {
            topics.push(made::topic("invoices", 3, copies, &[("min.insync.replicas", min_isr)]));
        }
        if has("packer") {
            topics.push(made::topic("orders.DLT", 1, copies, &[]));
        }
        if has("profiles") {
            let config = [
                ("cleanup.policy", "compact"),
                ("segment.ms", "10000"),
                ("min.cleanable.dirty.ratio", "0.1"),
            ];
            topics.push(made::topic("profiles", 2, copies, &config));
        }
        let apps: Vec<AppDef> = self.apps.iter().filter_map(|name| app_def(name)).collect();
        let title = TEMPLATES.iter().find(|t| t.slug == self.template).map_or("", |t| t.title);
        let made = Made {
            track: "sandbox",
            slug: &self.template,
            title,
            brokers: self.brokers,
            seed: u64::from(self.seed),
            clock: ClockMode::Step,
        };
        let mut level = made::level(&made, topics, apps, May::default());
        level.may = logbrook_lab::permission::everything(&level.apps);
        level.cluster.config.clone_from(&self.set);
        level.cluster.racks.clone_from(&self.racks);
        level.cluster.cold = self.cold;
        if has("packer") {
            level.stores.push(StoreDef {
                name: "stock".to_owned(),
                kind: StoreKind::Log,
                latency_ms: 0,
                unique: None,
            });
        }
        if self.template == "compaction" {
            level.cluster.config.insert("log.cleaner.backoff.ms".to_owned(), "5000".to_owned());
        }
        level
    }

    /// What the panel shows.
    pub(crate) fn view(&self) -> Sandbox {
        let template = |t: &Template| SandboxTemplate {
            spec: format!("template={}", t.slug),
            title: t.title.to_owned(),
            about: t.about.to_owned(),
            chosen: t.slug == self.template,
        };
        let app = |(name, about): &(&str, &str)| {
            let on = self.apps.iter().any(|app| app == name);
            let mut with = self.clone();
            if on {
                with.apps.retain(|app| app != name);
            } else {
                with.apps.push((*name).to_owned());
            }
            SandboxApp {
                name: (*name).to_owned(),
                about: (*about).to_owned(),
                on,
                spec: with.write(),
            }
        };
        let with_brokers = |brokers: u32| (brokers, World { brokers, ..self.clone() }.write());
        Sandbox {
            spec: self.write(),
            templates: TEMPLATES.iter().map(template).collect(),
            brokers: self.brokers,
            brokers_to: (1..=MOST_BROKERS).map(with_brokers).collect(),
            apps: APPS.iter().map(app).collect(),
        }
    }
}

/// Whether it can be the name of a property.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

fn is_app(name: &str) -> bool {
    APPS.iter().any(|(app, _)| *app == name)
}

fn reader(name: &str, topic: &str, instances: u32) -> AppDef {
    AppDef {
        instances,
        topics: vec![topic.to_owned()],
        group: Some(name.to_owned()),
        config: made::settings(&[
            ("auto.offset.reset", "earliest"),
            ("enable.auto.commit", "false"),
        ]),
        code: made::settings(&[("commit", "after-batch"), ("process_ms", "20..80")]),
        ..made::app(name, Role::Consumer)
    }
}

fn app_def(name: &str) -> Option<AppDef> {
    Some(match name {
        "shop" => {
            let mut shop = made::producer("shop", "orders", 10, ("c{1..20}", "customer"));
            shop.config = made::settings(&[("acks", "all")]);
            shop
        }
        "billing" => reader("billing", "orders", 3),
        "pricer" => {
            let mut pricer = reader("pricer", "orders", 2);
            pricer.role = Role::Processor;
            pricer.output = Some("invoices".to_owned());
            pricer.code = made::settings(&[("transaction", "batch"), ("process_ms", "20..80")]);
            pricer
        }
        "books" => {
            let mut books = reader("books", "invoices", 1);
            books.config.insert(
                "isolation.level".to_owned(),
                logbrook_lab::level::Setting::Text("read_committed".to_owned()),
            );
            books
        }
        "profiles" => made::producer("profiles", "profiles", 20, ("user-{1..12}", "user")),
        "bad-shop" => {
            let mut shop = made::producer("bad-shop", "orders", 10, ("order-{1..200}", "order"));
            let every =
                PoisonDef { at: None, every: Some(20), count: None, kind: "malformed".to_owned() };
            shop.poison = vec![every];
            shop
        }
        "packer" => {
            let mut packer = reader("packer", "orders", 3);
            packer.store = Some("stock".to_owned());
            packer.code = made::settings(&[
                ("process_ms", "20"),
                ("commit", "after-batch"),
                ("on_error", "dlq"),
                ("dlq", "orders.DLT"),
                ("dlq_headers", "true"),
                ("retries", "2"),
                ("retry_backoff_ms", "100"),
            ]);
            packer
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::play::Play;
    use crate::project::stage;
    use crate::view::{BatchState, Stage};
    use std::sync::Arc;

    fn run(spec: &str, seconds: i64) -> (Play, Stage) {
        let (world, wrong) = World::read(spec);
        assert_eq!(wrong, Vec::<String>::new());
        let mut play =
            Play::open(Arc::new(world.level())).unwrap_or_else(|e| panic!("{spec}: {e}"));
        play.run.pass_until_us(seconds * 1_000_000);
        play.follow.observe(&play.run.workspace.cluster);
        play.chosen.cells = 400;
        play.chosen.first = Some(0);
        let level = Arc::clone(play.run.level());
        let stage = stage::stage(
            play.run.cluster(),
            Some(&level),
            &play.follow,
            &play.chosen,
            &mut play.cache,
        );
        (play, stage)
    }

    #[test]
    fn every_template_runs_and_shows_what_it_says() {
        let (_, one) = run("template=one", 5);
        assert!(one.empty.is_some() && one.topics.is_empty());

        let (_, three) = run("template=three", 20);
        assert_eq!((three.summary.as_str(), three.lanes.len()), ("3 brokers", 3));
        assert_eq!(three.rows().count(), 9, "three copies of three partitions");
        assert_eq!(three.groups.len(), 1);
        assert!(three.groups[0].rows.iter().all(|row| row.mark.is_some()), "{:?}", three.groups);
        assert!(three.lanes[0].acts.iter().any(|act| act.line == "@kill 1"));

        let (mut play, _) = run("template=transactions", 20);
        play.chosen.topic = Some("invoices".to_owned());
        let cluster = play.run.cluster();
        let invoices = stage::stage(cluster, None, &play.follow, &play.chosen, &mut play.cache);
        let states: Vec<_> = invoices.rows().flat_map(|r| &r.batches).map(|b| b.state).collect();
        assert!(states.contains(&BatchState::Control), "{states:?}");

        let (_, compacted) = run("template=compaction", 60);
        assert!(compacted.rows().any(|row| !row.gone.is_empty()), "nothing was compacted");

        let (play, _) = run("template=dead-letters", 30);
        let letters = play.run.cluster().broker(1).and_then(|b| b.partition("orders.DLT", 0));
        assert!(letters.is_some_and(|p| p.log().log_end_offset().0 > 3), "no dead letters");
    }

    #[test]
    fn a_world_reads_as_it_is_written() {
        for spec in [
            "template=one",
            "template=three&brokers=5&seed=9",
            "template=one&apps=shop,books",
            "template=one&brokers=3&set=a.b=1;c=x,y&racks=a,b,a&start=cold",
        ] {
            let (world, wrong) = World::read(spec);
            assert_eq!((world.write().as_str(), wrong.len()), (spec, 0));
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_and_the_rest_holds() {
        let (world, wrong) = World::read("template=three&brokers=12&seed=7.5&apps=shop,nobody");
        assert_eq!((world.brokers, world.seed, world.apps.join(" ")), (3, 1, "shop".to_owned()));
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(wrong[0].contains("from 1 to 9"), "{wrong:?}");
        let (world, wrong) = World::read("template=one&set=a=1;b;=c&start=warm");
        assert_eq!((world.set.len(), world.cold), (1, false));
        assert_eq!(wrong.len(), 3, "{wrong:?}");
    }
}
