//! Tables of plain text: aligned, two blanks between columns, nothing else.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::units::counted;
use crate::core::text;

/// Lines of a section, at most.
const LINES_MAX: usize = 200;

/// The longest value, in characters.
pub const VALUE_CHARS_MAX: usize = 400;

/// A table with a heading. Cells are sanitised by their makers.
pub fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = heading.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    line(&mut out, heading.iter().copied(), &widths);
    for row in rows {
        line(&mut out, row.iter().map(String::as_str), &widths);
    }
    out
}

fn line<'a>(out: &mut String, cells: impl Iterator<Item = &'a str>, widths: &[usize]) {
    let start = out.len();
    for (cell, width) in cells.zip(widths) {
        out.push_str(cell);
        let pad = (width + 2).saturating_sub(cell.chars().count());
        out.extend(std::iter::repeat_n(' ', pad));
    }
    let end = start + out.get(start..).map_or(0, |line| line.trim_end().len());
    out.truncate(end);
    out.push('\n');
}

/// One section: its title, and its rows without the empty ones.
pub fn section(out: &mut String, title: &str, rows: &[(&str, String)]) {
    let rows: Vec<_> = rows.iter().filter(|(_, value)| !value.is_empty()).collect();
    let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or_default();
    if rows.is_empty() {
        return;
    }
    out.push_str(title);
    out.push('\n');
    for (label, value) in rows.iter().take(LINES_MAX) {
        // Writing to a String cannot fail.
        let gap = if width == 0 { "" } else { "  " };
        writeln!(out, "  {label:width$}{gap}{value}").unwrap_or_default();
    }
    if rows.len() > LINES_MAX {
        writeln!(out, "  … {} more", rows.len() - LINES_MAX).unwrap_or_default();
    }
}

/// Names and values as rows without labels.
pub fn pairs_of(pairs: &[(String, String)]) -> Vec<(&'static str, String)> {
    pairs
        .iter()
        .map(|(name, value)| {
            let value = text::line(value, VALUE_CHARS_MAX);
            ("", format!("{}={value}", text::name(name)))
        })
        .collect()
}

/// Names and values as data.
pub fn map_of(pairs: &[(String, String)]) -> Value {
    let clean = |value| Value::String(text::line(value, VALUE_CHARS_MAX));
    pairs.iter().map(|(name, value)| (text::name(name), clean(value))).collect::<Map<_, _>>().into()
}

/// The last line of an answer that hides values. `beside` is what else there is to know.
pub fn hidden(count: usize, beside: &str) -> String {
    let values = counted(count, "value");
    match count {
        0 => "Nothing was hidden.".to_owned(),
        1 => format!("{values} that can be secret was hidden{beside}."),
        _ => format!("{values} that can be secret were hidden{beside}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align() {
        let rows = [
            ["1".into(), "a long one".into(), "x".into()],
            ["22".into(), "é".into(), String::new()],
        ];
        assert_eq!(
            table(["N", "NAME", "REST"], &rows),
            "N   NAME        REST\n1   a long one  x\n22  é\n"
        );
        assert_eq!(table(["N"], &[]), "N\n");
    }
}
