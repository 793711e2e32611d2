//! The legend: the signs that occur now.

use crate::components::icon::Icon;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::view::Legend;

// A constant, not a literal: see top_bar.rs.
const READ: &str = "<path d=\"M0 6h20\" stroke=\"var(--ink-2)\" stroke-width=\"4\"/><path d=\"M20 0v12\" stroke=\"var(--ink-2)\" stroke-width=\"2\"/><path d=\"M21 6h18\" stroke=\"var(--ink-2)\" stroke-width=\"4\" stroke-dasharray=\"2 2.5\"/>";

#[component]
pub(super) fn LegendRow() -> impl IntoView {
    let store = store();
    let legend = part(store.stage, |stage| stage.legend.clone());
    view! {
        <div class="legend" aria-hidden="true">
            {move || legend.get().into_iter().map(|sign| view! { <span>{swatch(sign)}{words(sign)}</span> }).collect_view()}
        </div>
    }
}

fn swatch(sign: Legend) -> AnyView {
    match sign {
        Legend::Committed => view! { <i class="sw"></i> }.into_any(),
        Legend::Uncommitted => view! { <i class="sw shoal"></i> }.into_any(),
        Legend::Lost => view! { <i class="sw lost"></i> }.into_any(),
        Legend::Dry => view! { <i class="sw dry"></i> }.into_any(),
        Legend::OpenTransaction => view! { <i class="sw open"></i> }.into_any(),
        Legend::Aborted => view! { <i class="sw aborted"></i> }.into_any(),
        Legend::Gone => view! { <i class="sw-gone"></i> }.into_any(),
        Legend::HighWatermark => view! { <Icon name="level" small=true/> }.into_any(),
        Legend::LogEnd => view! { <i class="sw-end"></i> }.into_any(),
        Legend::LogStart => view! { <i class="sw-st"></i> }.into_any(),
        Legend::Read => view! {
            <svg width="44" height="12" inner_html=READ></svg>
        }
        .into_any(),
    }
}

fn words(sign: Legend) -> &'static str {
    match sign {
        Legend::Committed => "committed",
        Legend::Uncommitted => "not yet committed",
        Legend::Lost => "acked, then lost",
        Legend::Dry => "on a broker that is down",
        Legend::OpenTransaction => "in an open transaction",
        Legend::Aborted => "aborted",
        Legend::Gone => "removed",
        Legend::HighWatermark => "high watermark",
        Legend::LogEnd => "log end",
        Legend::LogStart => "log start",
        Legend::Read => "read: committed, then position",
    }
}
