//! Lengths of time, as files say them: a whole number and its unit.

/// Reads `30s`, `10m`, `24h` or `7d`, in seconds.
pub(super) fn seconds(text: &str) -> Option<u32> {
    let unit = text.chars().next_back()?;
    let number = text.strip_suffix(unit)?;
    let unit = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse::<u32>().ok().filter(|_| is_number)?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_or_refused() {
        for (text, expected) in [
            ("30s", Some(30)),
            ("0s", Some(0)),
            ("10m", Some(600)),
            ("24h", Some(86_400)),
            ("7d", Some(604_800)),
            ("007m", Some(420)),
            ("10", None),
            ("m", None),
            ("", None),
            ("+5m", None),
            ("-5m", None),
            ("1.5h", None),
            ("5 m", None),
            ("5min", None),
            ("5M", None),
            ("5ü", None),
            ("99999999999s", None),
            ("99999d", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
