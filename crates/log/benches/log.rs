//! `cargo bench -p logbrook-log` prints a table; with `-- --json` one JSON array of {name, unit, value}.

#[allow(clippy::disallowed_types, reason = "a benchmark reads the clock")]
mod measure;

fn main() {
    let out = measure::measure();
    if std::env::args().any(|arg| arg == "--json") {
        let items: Vec<_> = out
            .iter()
            .map(|item| {
                format!(
                    r#"{{"name":"{}","unit":"{}","value":{:.3}}}"#,
                    item.name, item.unit, item.value
                )
            })
            .collect();
        println!("[{}]", items.join(",\n "));
    } else {
        for item in &out {
            println!("{:<46} {:>12.2} {}", item.name, item.value, item.unit);
        }
    }
}
