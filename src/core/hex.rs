//! Bytes as hex digits, and back: the one form of ids, digests and tokens.

/// Whether a text holds nothing but lower-case hex digits.
pub fn is_lower(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Bytes as lower-case hex digits.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Exactly `N` bytes from hex digits of either case.
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_nothing_else() {
        assert_eq!(encode(&[0, 0xab]), "00ab");
        assert_eq!(decode("00ab"), Some([0, 0xab]));
        assert_eq!(decode("00AB"), Some([0, 0xab]));
        for bad in ["", "00a", "00abc", "00ab00", "00a+", "00ag", "00é"] {
            assert_eq!(decode::<2>(bad), None, "{bad}");
        }
        assert!(is_lower("00ab") && !is_lower("00AB") && !is_lower("g"));
    }
}
