//! A table of the view.

use leptos::prelude::*;
use logbrook_session::view::Table;

/// Draws a table; columns of figures stand to the right.
pub(crate) fn table(table: &Table, class: &'static str) -> AnyView {
    let numeric = |i: usize| table.numeric.get(i).copied().unwrap_or_default();
    view! {
        <table class=class>
            <thead>
                <tr>
                    {table.head.iter().enumerate().map(|(i, head)| {
                        view! { <th scope="col" class:n=numeric(i)>{head.clone()}</th> }
                    }).collect_view()}
                </tr>
            </thead>
            <tbody>
                {table.rows.iter().map(|row| view! {
                    <tr>
                        {row.iter().enumerate().map(|(i, cell)| {
                            view! { <td class:n=numeric(i)>{cell.clone()}</td> }
                        }).collect_view()}
                    </tr>
                }).collect_view()}
            </tbody>
        </table>
    }
    .into_any()
}
