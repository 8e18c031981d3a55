//! Tables of plain text: aligned, two blanks between columns, nothing else.

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
