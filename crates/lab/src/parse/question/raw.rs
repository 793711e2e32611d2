//! A question as it stands in its file.

use logbrook_sorted::SortedMap;
use serde::Deserialize;
use toml::Spanned;

use crate::level::{AppDef, ClusterDef, EventDef, May, StoreDef, TopicDef, TrialDef};
use crate::observable::Observable;
use crate::question::{Choice, Evidence, FollowUp, Kind, Knob, WrongDesign};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) format: Spanned<u32>,
    pub(super) rev: u32,
    pub(super) kind: Spanned<Kind>,
    pub(super) title: String,
    pub(super) ask: String,
    #[serde(default)]
    pub(super) given: String,
    pub(super) minutes: Spanned<u32>,
    pub(super) difficulty: Spanned<u32>,
    #[serde(default)]
    pub(super) levels: Vec<String>,
    #[serde(default)]
    pub(super) seed_refs: Vec<String>,
    pub(super) world: SortedMap<String, Spanned<RawWorld>>,
    pub(super) predict: Option<RawPredict>,
    pub(super) diagnose: Option<RawDiagnose>,
    pub(super) design: Option<RawDesign>,
    pub(super) point: Vec<Spanned<RawPoint>>,
    #[serde(default)]
    pub(super) follow_up: Vec<FollowUp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWorld {
    pub(super) cluster: Spanned<ClusterDef>,
    #[serde(default)]
    pub(super) topic: Vec<Spanned<TopicDef>>,
    #[serde(default)]
    pub(super) store: Vec<Spanned<StoreDef>>,
    #[serde(default)]
    pub(super) app: Vec<Spanned<AppDef>>,
    pub(super) may: Option<Spanned<May>>,
    #[serde(default)]
    pub(super) event: Vec<Spanned<EventDef>>,
    #[serde(default)]
    pub(super) assert: Vec<Spanned<toml::Table>>,
    #[serde(default)]
    pub(super) trial: Vec<Spanned<TrialDef>>,
    pub(super) setup: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPoint {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) weight: u32,
    pub(super) world: Spanned<String>,
    pub(super) lines: Spanned<String>,
    pub(super) claims: Vec<Spanned<RawClaim>>,
    #[serde(default)]
    pub(super) counter: Vec<RawCounter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCounter {
    pub(super) because: String,
    /// The point's own without.
    pub(super) world: Option<Spanned<String>>,
    /// The point's own without.
    pub(super) lines: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClaim {
    #[serde(default)]
    pub(super) say: String,
    pub(super) observe: Option<Observable>,
    pub(super) assert: Option<String>,
    pub(super) is: Option<RawValue>,
    pub(super) not: Option<RawValue>,
    pub(super) at_least: Option<RawValue>,
    pub(super) at_most: Option<RawValue>,
    pub(super) holds: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawValue {
    Int(i64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPredict {
    pub(super) world: Spanned<String>,
    pub(super) lines: Spanned<String>,
    pub(super) answer: Spanned<Observable>,
    pub(super) options: Spanned<Vec<Choice>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDiagnose {
    pub(super) world: Spanned<String>,
    pub(super) symptom: Vec<Spanned<RawClaim>>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) cause: Vec<RawCause>,
    pub(super) remedy: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCause {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) shows: Vec<Spanned<RawClaim>>,
    pub(super) because: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDesign {
    pub(super) world: Spanned<String>,
    pub(super) knob: Vec<Knob>,
    pub(super) answer: Vec<SortedMap<String, String>>,
    pub(super) wrong: Vec<WrongDesign>,
}
