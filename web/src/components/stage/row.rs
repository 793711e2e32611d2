//! A replica: name and role, its strip, its figures.

use super::strip::Strip;
use crate::components::icon::Icon;
use crate::part::Part;
use leptos::prelude::*;
use logbrook_session::view::{InSync, Role, Row};
use std::sync::Arc;

#[component]
pub(super) fn RowView(
    row: Part<Arc<Row>>,
    /// Named after its broker, where its partition is said already.
    #[prop(optional)]
    by_broker: bool,
) -> impl IntoView {
    let role = Part::new(move |_| row.with(|row| (row.role, row.in_sync)));
    let (stem, end, title) = row.with_untracked(|row| match by_broker {
        true => ("broker".to_owned(), format!(" {}", row.broker), row.name()),
        false => (row.topic.clone(), format!("-{}", row.partition), row.name()),
    });
    let differs = Part::new(move |_| row.with(|row| row.differs.clone()));
    let marks = Part::new(move |_| row.with(|row| (row.high_watermark, row.log_end)));
    view! {
        <div class="row" class:lead=move || role.get().0 == Role::Leader>
            <div class="rl" title=move || differs.get()>
                <span class="nm" title=title><span>{stem}</span>{end}</span>
                {move || { let (icon, words) = role_words(role.get()); view! {
                    <span class="role"><Icon name=icon small=true/><span class="rx">{words}</span></span>
                } }}
            </div>
            <Strip row=row/>
            <div class="rt">
                <span>"HW "<b>{move || marks.get().0}</b></span>
                <span>"LEO "<b>{move || marks.get().1}</b></span>
            </div>
        </div>
    }
}

/// Sign and words of a replica's role.
pub(super) fn role_words((role, in_sync): (Role, InSync)) -> (&'static str, &'static str) {
    match (role, in_sync) {
        (Role::Leader, _) => ("flag", "leader"),
        (Role::Follower, InSync::In) => ("insync", "in ISR"),
        (Role::Follower, InSync::Out) => ("outsync", "not in ISR"),
        (Role::Follower, InSync::Elr) => ("insync", "in ELR"),
    }
}
