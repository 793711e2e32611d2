//! A made-up view for drawing the page and for tests of it. Only behind the feature `fixture`.

use crate::Event;
use crate::view::*;
use std::sync::Arc;

fn cells(base: i64, labels: &[&str]) -> Arc<Vec<Cell>> {
    Arc::new(
        labels
            .iter()
            .zip(base..)
            .map(|(label, offset)| Cell {
                offset,
                label: (*label).to_owned(),
                kind: CellKind::Data,
                about: format!("key {label}, 52 bytes, 00:06.208"),
            })
            .collect(),
    )
}

fn batches(base: i64, high_watermark: i64, of: &[&[&str]]) -> Vec<Arc<Batch>> {
    let mut base = base;
    of.iter()
        .map(|labels| {
            let first = base;
            base += labels.len() as i64;
            Arc::new(Batch {
                base_offset: first,
                last_offset: base - 1,
                state: if first < high_watermark {
                    BatchState::Committed
                } else {
                    BatchState::Uncommitted
                },
                compression: None,
                size_bytes: 217,
                cells: cells(first, labels),
            })
        })
        .collect()
}

fn moment(event: u64, ms: i64) -> Moment {
    Moment { event, time: Time(ms * 1_000) }
}

fn row(partition: i32, broker: i32, role: Role, high_watermark: i64, of: &[&[&str]]) -> Row {
    let batches = batches(0, high_watermark, of);
    let log_end = batches.last().map_or(0, |batch| batch.last_offset + 1);
    Row {
        topic: "orders".into(),
        partition,
        broker,
        role,
        high_watermark,
        last_stable: high_watermark,
        log_end,
        size_bytes: 900,
        batches,
        ..Row::default()
    }
}

const P0: &[&[&str]] = &[
    &["c02", "c31"],
    &["c11", "c02", "c45"],
    &["c11", "c31"],
    &["c02", "c11"],
    &["c31"],
    &["c45", "c02"],
    &["c11"],
];
const P1: &[&[&str]] = &[
    &["c07", "c19"],
    &["c07", "c23", "c19"],
    &["c07", "c07"],
    &["c19", "c23", "c07"],
    &["c19"],
    &["c23", "c07"],
    &["c19"],
    &["c23"],
];
const P2: &[&[&str]] =
    &[&["c05", "c14", "c40"], &["c05", "c14"], &["c40", "c05", "c14"], &["c05"], &["c40", "c14"]];

fn track(member: u16, committed: i64, position: i64, end: i64) -> Vec<ReadTrack> {
    vec![ReadTrack {
        group: "billing".into(),
        member: Some(MemberMark(member)),
        committed: Some(committed),
        position: Some(position),
        end,
    }]
}

fn out(mut row: Row, high_watermark: i64) -> Arc<Row> {
    row.in_sync = InSync::Out;
    row.high_watermark = high_watermark;
    Arc::new(row)
}

fn stage() -> Stage {
    let mut lost = row(1, 2, Role::Follower, 11, &P1[..5]);
    lost.in_sync = InSync::Out;
    lost.batches.push(Arc::new(Batch {
        base_offset: 11,
        last_offset: 13,
        state: BatchState::Lost,
        compression: None,
        size_bytes: 217,
        cells: cells(11, &["c07", "c19", "c07"]),
    }));
    lost.log_end = 14;
    lost.differs = "11 to 13, epoch 0".into();
    let mut leads_0 = row(0, 1, Role::Leader, 13, P0);
    leads_0.tracks = track(0, 10, 13, 13);
    let mut leads_1 = row(1, 3, Role::Leader, 14, P1);
    leads_1.tracks = track(1, 11, 14, 14);
    leads_1.epochs = vec![(11, 1)];
    leads_1.leader_epoch = 1;
    let mut leads_2 = row(2, 3, Role::Leader, 11, P2);
    leads_2.tracks = track(2, 11, 11, 11);
    let act = |label: &str, icon, line: &str| Act { label: label.into(), icon, line: line.into() };
    let faults = |id: i32| {
        vec![
            act(&format!("Kill broker {id}"), Icon::Power, &format!("@kill {id}")),
            act(&format!("Cut broker {id} from the others"), Icon::Cut, &format!("@cut {id}")),
            act(
                &format!("Slow the disk of broker {id}"),
                Icon::Slow,
                &format!("@disk {id} slow 40"),
            ),
        ]
    };
    Stage {
        summary: "3 brokers, 1 down".into(),
        topics: vec![TopicChoice { name: "orders".into(), partitions: 3, internal: false }],
        topic: Some("orders".into()),
        cell_text: CellText::Key,
        layout: StageLayout::Brokers,
        partitions: Vec::new(),
        left_out: String::new(),
        axis: Axis { first: 0, cells: 17, end: 15, follow: true },
        lanes: vec![
            Arc::new(Lane {
                broker: 1,
                up: Up::Up,
                status: "leads 1 of 3".into(),
                since: None,
                rows: vec![
                    Arc::new(leads_0),
                    Arc::new(row(1, 1, Role::Follower, 14, &P1[..7])),
                    Arc::new(row(2, 1, Role::Follower, 11, P2)),
                ],
                acts: faults(1),
                more: Vec::new(),
            }),
            Arc::new(Lane {
                broker: 2,
                up: Up::Down,
                status: "killed".into(),
                since: Some(Time(6_480_000)),
                rows: vec![
                    out(row(0, 2, Role::Follower, 9, &P0[..4]), 7),
                    Arc::new(lost),
                    out(row(2, 2, Role::Follower, 8, &P2[..3]), 5),
                ],
                acts: vec![act("Start broker 2", Icon::Power, "@start 2")],
                more: Vec::new(),
            }),
            Arc::new(Lane {
                broker: 3,
                up: Up::Up,
                status: "leads 2 of 3".into(),
                since: None,
                rows: vec![
                    Arc::new(row(0, 3, Role::Follower, 13, P0)),
                    Arc::new(leads_1),
                    Arc::new(leads_2),
                ],
                acts: faults(3),
                more: Vec::new(),
            }),
        ],
        groups: vec![Arc::new(Group {
            name: "billing".into(),
            state: "Stable".into(),
            tone: Tone::Ok,
            about: "classic protocol, generation 4, coordinator broker 1".into(),
            total_lag: 6,
            rows: [(0_u16, 10, 13, 13), (1, 11, 14, 14), (2, 11, 11, 11)]
                .map(|(i, committed, position, end)| GroupRow {
                    mark: Some(MemberMark(i)),
                    member: format!("billing/{}", i + 1),
                    partition: format!("orders-{i}"),
                    current_offset: Some(committed),
                    position: Some(position),
                    log_end_offset: Some(end),
                    lag: Some(end - committed),
                    lag_percent: u8::try_from((end - committed) * 10).unwrap_or(100),
                })
                .into(),
        })],
        legend: vec![
            Legend::Committed,
            Legend::Uncommitted,
            Legend::Lost,
            Legend::HighWatermark,
            Legend::Read,
        ],
        selected: Some(Selected {
            topic: "orders".into(),
            partition: 1,
            broker: 2,
            offset: Some(11),
        }),
        empty: None,
        bar: None,
    }
}

fn goal(id: &str, status: GoalStatus, sentence: &str, evidence: &str, at: Option<Moment>) -> Goal {
    Goal {
        id: id.into(),
        status,
        sentence: Rich::parse(sentence),
        evidence: Rich::parse(evidence),
        because: Rich::default(),
        moment: at,
    }
}

fn task(lesson: bool) -> Task {
    let hints = [
        "Where to look",
        "The idea",
        "What is too little, what is too much",
        "The shape of the commands",
        "The solution",
    ];
    let mut blocks = vec![Block::Html("<p>Any one broker may die. Writing must go on, and every order that <code>shop</code> was told is stored must still be there. Three copies and a minimum of two are set; <code>shop</code> runs with <code>acks=1</code>.</p>".into())];
    if lesson {
        blocks = vec![
            Block::Html("<p>Kafka keeps records in <strong>topics</strong>. A topic is a log: new records are added at its end, and each one stays where it was put. Let us make one and look.</p>".into()),
            Block::Run(RunBlock { label: "create".into(), lines: vec!["$ kafka-topics.sh --create --topic orders --bootstrap-server localhost:9092 --partitions 3 --replication-factor 1".into()], state: RunState::Done, blocked: None }),
            Block::Html("<p><code>localhost:9092</code> is the broker, the server that keeps the log. Now write three records, one a line.</p>".into()),
            Block::Run(RunBlock { label: "write".into(), lines: vec!["$ kafka-console-producer.sh --bootstrap-server localhost:9092 --topic orders".into(), "< order 1: two coffees".into(), "< order 2: one tea".into()], state: RunState::Ready, blocked: None }),
            Block::Predict(Predict { id: "where".into(), question: Rich::parse("Three records without a key, three partitions. How many of the partitions hold records now?"), options: ["1", "2", "3"].map(|v| PredictOption { value: v.into(), text: Rich::parse(v) }).into(), answer: None, revealed: None, runs: Some("where".into()) }),
            Block::Predict(Predict { id: "again".into(), question: Rich::parse("How many records will it show?"), options: ["0", "3"].map(|v| PredictOption { value: v.into(), text: Rich::parse(v) }).into(), answer: Some("0".into()), revealed: Some("3".into()), runs: None }),
            Block::Show(Show { view: "strip".into(), title: "orders".into(), text: "".into(), live: Some(ShowLive::Strips(vec![Arc::new(row(0, 1, Role::Leader, 13, P0)), Arc::new(row(1, 1, Role::Leader, 14, &P1[..3]))])) }),
            Block::Goals,
        ];
    }
    Task {
        place: "Replication, 5 of 13".into(),
        kind: if lesson { LevelKind::Lesson } else { LevelKind::Challenge },
        minutes: 15,
        title: if lesson { "Your first record".into() } else { "Survive any one broker".into() },
        blocks,
        goals: vec![
            goal(
                "lost",
                GoalStatus::Fails,
                "No acked order is lost",
                "3 orders were acked and are not readable now, the first of them `shop-00029` in `orders-1`. Only broker 2 had them when it died.",
                Some(moment(252, 15_118)),
            ),
            goal(
                "wait",
                GoalStatus::Holds,
                "No order waits more than 15 s for its ack",
                "Longest so far 8.944 s, `shop-00032`",
                None,
            ),
            goal("topic", GoalStatus::Holds, "`orders` has 3 partitions", "", None),
            goal(
                "lag",
                GoalStatus::Open,
                "Group billing has no lag at the end",
                "Lag is 6 now. Decided at 00:30.000.",
                None,
            ),
        ],
        goals_summary: "2 hold, 1 fails, 1 open".into(),
        as_of: None,
        trials: if lesson {
            vec![]
        } else {
            vec![
                Trial {
                    name: "Any one broker dies".into(),
                    seeds: vec![SeedState::Empty; 8],
                    failure: None,
                    because: Rich::default(),
                },
                Trial {
                    name: "Maintenance, then a dead disk".into(),
                    seeds: vec![
                        SeedState::Passed,
                        SeedState::Passed,
                        SeedState::Failed,
                        SeedState::Running,
                        SeedState::Empty,
                        SeedState::Empty,
                        SeedState::Empty,
                        SeedState::Empty,
                    ],
                    failure: None,
                    because: Rich::default(),
                },
            ]
        },
        trials_note: "16 hidden seeds, not checked yet".into(),
        hints: hints
            .iter()
            .enumerate()
            .map(|(i, label)| Hint {
                label: (*label).into(),
                text: (i == 0).then(|| {
                    Rich::parse("What had `shop` waited for when it counted offset 11 as written?")
                }),
                lines: vec![],
                next: i == 1,
            })
            .collect(),
        check: (!lesson).then(|| Check {
            label: "Check 16 seeds".into(),
            running: false,
            note: Rich::default(),
        }),
        passed: None,
    }
}

fn inspector() -> Inspector {
    let step = |event, ms, actor, text: &str, is_moment| CauseStep {
        moment: moment(event, ms),
        actor,
        text: Rich::parse(text),
        is_moment,
    };
    let raw: Vec<u8> = (0..217_u32)
        .map(|i| {
            if i < 8 {
                if i == 7 { 11 } else { 0 }
            } else if (43..51).contains(&i) {
                255
            } else {
                (i * 37 % 251) as u8
            }
        })
        .collect();
    let header: [(&str, usize, &str, &str, Purpose); 13] = [
        ("baseOffset", 8, "int64", "11", Purpose::Place),
        ("batchLength", 4, "int32", "205", Purpose::Place),
        ("partitionLeaderEpoch", 4, "int32", "0", Purpose::Place),
        ("magic", 1, "int8", "2", Purpose::Integrity),
        ("crc", 4, "uint32", "0xdba710ac", Purpose::Integrity),
        ("attributes", 2, "int16", "0", Purpose::Shape),
        ("lastOffsetDelta", 4, "int32", "2", Purpose::Shape),
        ("baseTimestamp", 8, "int64", "1767225606208", Purpose::Time),
        ("maxTimestamp", 8, "int64", "1767225606210", Purpose::Time),
        ("producerId", 8, "int64", "-1", Purpose::Producer),
        ("producerEpoch", 2, "int16", "-1", Purpose::Producer),
        ("baseSequence", 4, "int32", "-1", Purpose::Producer),
        ("recordsCount", 4, "int32", "3", Purpose::Count),
    ];
    let base = |depth, name: &str, start, len, value: &str| ByteRow {
        depth,
        name: name.into(),
        number: None,
        purpose: Purpose::Group,
        kind: String::new(),
        start,
        len,
        value: value.into(),
        doc: Rich::default(),
        record: None,
        error: None,
    };
    let mut rows =
        vec![base(0, "batch 11 to 13", 0, 217, "217 bytes"), base(1, "header", 0, 61, "61 bytes")];
    let mut at = 0;
    for (i, (name, len, kind, value, purpose)) in header.into_iter().enumerate() {
        rows.push(ByteRow {
            number: u8::try_from(i + 1).ok(),
            purpose,
            kind: kind.into(),
            doc: Rich::parse("This producer has no id, so the broker keeps no sequence for it and can neither spot a repeated batch nor a missing one."),
            ..base(2, name, at, len, value)
        });
        at += len;
    }
    for offset in 11..14_i64 {
        rows.push(ByteRow {
            record: Some(offset),
            ..base(1, &format!("record {offset}"), at, 52, "52 bytes")
        });
        let fields: [(&str, usize, &str, &str, Purpose); 9] = [
            ("length", 1, "varint", "51", Purpose::RecordLength),
            ("attributes", 1, "int8", "0", Purpose::Record),
            ("timestampDelta", 1, "varint", "0", Purpose::Record),
            ("offsetDelta", 1, "varint", "0", Purpose::Record),
            ("keyLength", 1, "varint", "3", Purpose::Record),
            ("key", 3, "bytes", "c07", Purpose::RecordKey),
            ("valueLength", 1, "varint", "42", Purpose::Record),
            (
                "value",
                42,
                "bytes",
                "{\"id\":\"shop-00029\",\"customer\":\"c07\",\"n\":6}",
                Purpose::Record,
            ),
            ("headersCount", 1, "varint", "0", Purpose::Record),
        ];
        for (name, len, kind, value, purpose) in fields {
            rows.push(ByteRow {
                kind: kind.into(),
                purpose,
                record: Some(offset),
                ..base(2, name, at, len, value)
            });
            at += len;
        }
    }
    Inspector {
        title: "orders-1, offset 11".into(),
        tab: InspectorTab::Cause,
        cause: Some(Arc::new(Cause {
            title: "Why three orders were lost".into(),
            steps: vec![
                step(
                    188,
                    6_004,
                    CauseActor::Fault,
                    "Link cut between broker 2 and brokers 1 and 3",
                    false,
                ),
                step(
                    201,
                    6_208,
                    CauseActor::Broker(2),
                    "Produce, `acks=1`: 3 records appended at 11 to 13, on this broker alone",
                    false,
                ),
                step(
                    202,
                    6_211,
                    CauseActor::Client('P'),
                    "`shop` is told: written, base offset 11, no error",
                    false,
                ),
                step(214, 6_480, CauseActor::Fault, "Broker 2 is killed", false),
                step(
                    252,
                    15_118,
                    CauseActor::Broker(3),
                    "Controller fences broker 2. Broker 3 leads `orders-1`, epoch 1, log end 11",
                    true,
                ),
                step(259, 15_420, CauseActor::Broker(3), "Another order takes offset 11", false),
            ],
            aside: Some((
                "Two records at offset 11".into(),
                Table {
                    head: vec!["where".into(), "record".into()],
                    numeric: vec![],
                    rows: vec![
                        vec!["epoch 0, broker 2".into(), "c07 shop-00029".into()],
                        vec!["epoch 1, broker 3".into(), "c23 shop-00032".into()],
                    ],
                },
            )),
        })),
        bytes: Some(Arc::new(Bytes {
            partition: "orders-1".into(),
            place: "batch 11 to 13 on broker 2; batch 6 of 6".into(),
            neighbours: (true, false),
            written: Some(moment(201, 6_208)),
            bytes: Arc::new(raw),
            rows,
            start: 11,
            crc_covers: (21, 216),
            crc: (
                true,
                Rich::parse(
                    "CRC-32C over bytes 21 to 216 is `0xdba710ac`, as stored. The leader epoch lies outside it, so that a broker can set it without computing it again.",
                ),
            ),
            records: vec![RecordCard {
                offset: 11,
                timestamp: "CreateTime 1767225606208".into(),
                key: Some("c07".into()),
                value: Some("{\"id\":\"shop-00029\",\"customer\":\"c07\",\"n\":6}".into()),
                headers: vec![],
            }],
        })),
        request: None,
        state: Some(Arc::new(ValueCard {
            title: "Partition orders-1".into(),
            rows: vec![KeyValue { name: "leader".into(), value: "3".into() }],
        })),
    }
}

fn timeline() -> Timeline {
    let mut ticks = Vec::new();
    for i in 0..90_i64 {
        let actor = u16::try_from(i % 4).unwrap_or_default();
        if actor == 2 && i > 26 {
            continue;
        }
        ticks.push(Tick { actor, time: Time(i * 236_000 + i * i % 7 * 31_000), tall: i % 5 == 0 });
    }
    Timeline {
        now: moment(318, 21_340),
        latest: moment(318, 21_340),
        end: Time(30_000_000),
        bounded: true,
        playing: false,
        chip: Some("Paused at event 318".into()),
        can: Transport { play: true, step: true, back: true },
        speed: Speed(10),
        speeds: [1, 5, 10, 20, 50, 100].map(Speed).into(),
        actors: [
            ("clients", None),
            ("broker 1", None),
            ("broker 2", Some(6_480_000)),
            ("broker 3", None),
        ]
        .map(|(name, down)| Actor {
            name: name.into(),
            down: down.map(|at| (Time(at), None)).into_iter().collect(),
        })
        .into(),
        ticks: Arc::new(ticks),
        flags: vec![
            Flag {
                kind: FlagKind::Cut,
                actor: 0,
                moment: moment(188, 6_004),
                title: "link cut".into(),
            },
            Flag {
                kind: FlagKind::Fault,
                actor: 2,
                moment: moment(214, 6_480),
                title: "broker 2 killed".into(),
            },
            Flag {
                kind: FlagKind::Election,
                actor: 3,
                moment: moment(252, 15_118),
                title: "leader elected".into(),
            },
        ],
        moment: Some(moment(252, 15_118)),
        runs: Vec::new(),
        verdicts: vec![Verdict {
            moment: moment(252, 15_118),
            holds: false,
            title: "No acked order is lost".into(),
        }],
    }
}

fn terminal() -> Terminal {
    let line =
        |kind, text: &str, ms: i64| TermLine { kind, text: text.into(), time: Time(ms * 1_000) };
    let lines = vec![
        line(TermLineKind::Lab, "kill 2", 6_480),
        line(
            TermLineKind::Command,
            "kafka-topics.sh --bootstrap-server localhost:9092 --describe --topic orders",
            21_340,
        ),
        line(
            TermLineKind::Stdout,
            "Topic: orders\tTopicId: Yk3vTq0uQ7mJ4o2nVxB1sA\tPartitionCount: 3\tReplicationFactor: 3\tConfigs: min.insync.replicas=2",
            21_340,
        ),
        line(
            TermLineKind::Stdout,
            "\tTopic: orders\tPartition: 0\tLeader: 1\tReplicas: 1,2,3\tIsr: 1,3\tElr: \tLastKnownElr: ",
            21_340,
        ),
        line(
            TermLineKind::Stdout,
            "\tTopic: orders\tPartition: 1\tLeader: 3\tReplicas: 2,3,1\tIsr: 3,1\tElr: \tLastKnownElr: ",
            21_340,
        ),
        line(
            TermLineKind::Stdout,
            "\tTopic: orders\tPartition: 2\tLeader: 3\tReplicas: 3,1,2\tIsr: 3,1\tElr: \tLastKnownElr: ",
            21_340,
        ),
    ];
    let text = "kafka-consumer-groups.sh --bootstrap-server localhost:9092 --describe --";
    Terminal {
        tabs: vec![Arc::new(TermTab {
            id: 1,
            title: "Terminal".into(),
            lines: Arc::new(lines),
            dropped: 0,
            foreground: Foreground::Idle,
            prompt: "$".into(),
            exit: None,
            input: Input { text: text.into(), cursor: text.len(), rev: 1 },
            completions: ["--group", "--all-groups", "--members", "--offsets", "--state"]
                .map(|text| Completion {
                    text: text.into(),
                    about: "The consumer group we wish to act on.".into(),
                    denied: None,
                })
                .into(),
            chosen: 0,
            ghost: "group billing".into(),
            closable: false,
        })],
        active: 1,
    }
}

fn home() -> Home {
    let level = |slug: &str, title: &str, kind, status| LevelCell {
        slug: slug.into(),
        title: title.into(),
        idea: "A topic is a log.".into(),
        kind,
        minutes: 5,
        status,
        best: String::new(),
        after: vec![],
    };
    Home {
        tracks: vec![
            TrackRow {
                slug: "basics".into(),
                title: "Basics".into(),
                levels: vec![level(
                    "first-record",
                    "Your first record",
                    LevelKind::Lesson,
                    LevelStatus::Passed,
                )],
                high_watermark: 1,
                passed: 1,
                next: None,
            },
            TrackRow {
                slug: "partitions".into(),
                title: "Partitions".into(),
                levels: vec![level(
                    "order-per-account",
                    "Each account's story in order",
                    LevelKind::Challenge,
                    LevelStatus::Begun,
                )],
                high_watermark: 0,
                passed: 0,
                next: Some("challenge, 12 min; begun, 1 of 3 goals fails".into()),
            },
        ],
        passed: 1,
        levels: 2,
        next: Some((1, 0)),
        live: None,
    }
}

fn apps() -> Vec<App> {
    vec![App {
        name: "shop".into(),
        about: "producer to orders".into(),
        instances: vec![("shop/1".into(), None, Tone::Ok, "running".into())],
        rate: "4 events a second".into(),
        errors: "none".into(),
        chip: "shop acks=1".into(),
        knobs: vec![
            Knob {
                name: "acks".into(),
                value: "1".into(),
                control: KnobControl::Choice(vec!["0".into(), "1".into(), "all".into()]),
                why: String::new(),
                error: None,
            },
            Knob {
                name: "linger.ms".into(),
                value: "5".into(),
                control: KnobControl::Fixed,
                why: "release freeze".into(),
                error: None,
            },
        ],
        acts: vec![Act { label: "Restart".into(), icon: Icon::Fork, line: "@restart shop".into() }],
    }]
}

/// A view of a place: Home, the lesson, or (anything else) the challenge of the design.
pub fn view(place: &Place) -> View {
    let lesson = matches!(place, Place::Workbench { slug, .. } if slug == "first-record");
    let bench = *place != Place::Home;
    View {
        place: place.clone(),
        top: Arc::new(if bench {
            Top {
                track: "Replication".into(),
                title: if lesson {
                    "Your first record".into()
                } else {
                    "Survive any one broker".into()
                },
                seed: Some(7),
            }
        } else {
            Top::default()
        }),
        home: Arc::new(home()),
        task: bench.then(|| Arc::new(task(lesson))),
        stage: Arc::new(stage()),
        timeline: Arc::new(timeline()),
        terminal: Arc::new(terminal()),
        apps: Arc::new(apps()),
        lines: Arc::new(Lines {
            lines: vec![HistoryLine {
                time: Time(6_480_000),
                text: "@kill 2".into(),
                changing: true,
            }],
            changing: 1,
            par: None,
        }),
        inspector: bench.then(|| Arc::new(inspector())),
        announcement: Arc::default(),
        notices: Arc::default(),
        sandbox: None,
        unread: Arc::default(),
        share: None,
        keep: Arc::default(),
    }
}

/// The little that a made-up view can follow.
pub fn update(view: &mut View, event: Event) {
    match event {
        Event::Inspect(tab) => {
            if let Some(look) = &mut view.inspector {
                Arc::make_mut(look).tab = tab;
            }
        }
        Event::Axis { first, cells } => {
            let stage = Arc::make_mut(&mut view.stage);
            stage.axis.cells = cells;
            stage.axis.first = first.unwrap_or(0);
        }
        Event::Select { topic, partition, broker, offset } => {
            Arc::make_mut(&mut view.stage).selected =
                Some(Selected { topic, partition, broker, offset });
        }
        Event::Deselect => view.inspector = None,
        Event::Go(place) => *view = self::view(&place),
        _ => {}
    }
}

/// A session that shows made-up views: the page draws on it as on the real one.
pub struct MadeUp(View);

impl MadeUp {
    /// At home.
    pub fn new(_catalog: crate::catalog::Catalog) -> Self {
        Self(view(&Place::Home))
    }

    /// A level, by its place.
    pub fn open(&mut self, level: crate::Level) {
        self.0 = view(&Place::Workbench { track: level.track, slug: level.slug });
    }

    /// The little that a made-up view can follow.
    pub fn update(&mut self, event: Event) {
        update(&mut self.0, event);
    }

    /// Nothing runs.
    pub fn advance(&mut self, _elapsed_us: i64, _go_on: &mut dyn FnMut() -> bool) -> bool {
        false
    }

    /// What to draw.
    pub fn view(&self) -> &View {
        &self.0
    }
}
