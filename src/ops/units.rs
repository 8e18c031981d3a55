//! Numbers and sizes in words.

/// Bytes with one decimal in the largest unit that fits: `512 B`, `3.2 KiB`, `1.0 GiB`.
pub(super) fn bytes(count: u64) -> String {
    let mut unit = 1_u64;
    let mut name = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if count / unit < 1024 {
            break;
        }
        unit *= 1024;
        name = next;
    }
    if unit == 1 {
        return format!("{count} B");
    }
    let tenths = count / unit * 10 + count % unit * 10 / unit;
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

/// A number with its thousands apart: `12,345`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count with its word: `1 line`, `2 lines`.
pub(super) fn counted(number: usize, word: &str) -> String {
    let number = u64::try_from(number).unwrap_or(u64::MAX);
    format!("{} {word}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// At most `max` names in a row, and how many more there are.
pub(super) fn listed(names: &[String], max: usize) -> String {
    let shown: Vec<&str> = names.iter().take(max).map(String::as_str).collect();
    let more = names.len().saturating_sub(max);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{tail}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (count, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (64 * 1024 * 1024, "64.0 MiB"),
            (1024 * 1024 * 1024 - 1, "1023.9 MiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
    }

    #[test]
    fn numbers_are_readable() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(number), expected);
        }
        assert_eq!(counted(1, "line"), "1 line");
        assert_eq!(counted(0, "line"), "0 lines");
        assert_eq!(counted(2000, "line"), "2,000 lines");
    }

    #[test]
    fn long_lists_end() {
        let names: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        assert_eq!(listed(&names, 3), "a, b, c");
        assert_eq!(listed(&names, 2), "a, b and 1 more");
        assert_eq!(listed(&[], 2), "");
    }
}
