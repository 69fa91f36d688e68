//! What was measured, as a table in Markdown that grows while the run goes on.

/// Says a line of the report at once.
#[expect(
    clippy::print_stdout,
    reason = "the report is what this program is for"
)]
pub(crate) fn say(line: impl std::fmt::Display) {
    println!("{line}");
}

/// Begins a table.
pub(crate) fn table(title: &str, columns: &[&str]) {
    say(format!("\n### {title}\n"));
    row(columns);
    say(format!("|{}", "---|".repeat(columns.len())));
}

/// A row of the table begun last.
pub(crate) fn row<T: AsRef<str>>(cells: &[T]) {
    let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
    say(format!("| {} |", cells.join(" | ")));
}

/// A whole number with commas between thousands.
pub(crate) fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A place in sorted values: 0.5 is the median.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((last as f64 * share).round() as usize)
        .copied()
        .unwrap_or_default()
}
