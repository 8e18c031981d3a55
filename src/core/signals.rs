//! Signals of Linux by name and number, as engines know them. Numbers tell whether two ways to write
//! one mean the same.

/// Names without `SIG`, but for real-time ones. Of two names for one number, the usual one is first.
const NAMES: [(&str, u8); 34] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("IOT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("POLL", 29),
    ("PWR", 30),
    ("SYS", 31),
];

/// The first real-time signal that programs may use, and the last.
const REAL_TIME: (u8, u8) = (34, 64);

/// How far `RTMIN+n` reaches; what is above is written `RTMAX-n`.
const FROM_FIRST_MAX: u8 = 15;

/// The number of a signal that is written as a name, with or without `SIG`, or as a number.
pub fn number(written: &str) -> Option<u8> {
    let upper = written.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let plain = plain(name, REAL_TIME.1).filter(|_| name == upper);
    plain.or_else(|| by_name(name)).or_else(|| real_time(name))
}

/// The usual name of a signal, with `SIG`; none for a number that has no name.
pub fn name(number: u8) -> Option<String> {
    let (first, last) = REAL_TIME;
    let known = NAMES.iter().find(|(_, its)| *its == number).map(|(name, _)| (*name).to_owned());
    let real_time = || match number {
        _ if number == first => Some("RTMIN".to_owned()),
        _ if number == last => Some("RTMAX".to_owned()),
        _ if number < first || number > last => None,
        _ if number - first <= FROM_FIRST_MAX => Some(format!("RTMIN+{}", number - first)),
        _ => Some(format!("RTMAX-{}", last - number)),
    };
    known.or_else(real_time).map(|name| format!("SIG{name}"))
}

fn by_name(name: &str) -> Option<u8> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

/// `RTMIN`, `RTMIN+1` to `RTMIN+15`, `RTMAX-14` to `RTMAX-1`, and `RTMAX`.
fn real_time(name: &str) -> Option<u8> {
    let (first, last) = REAL_TIME;
    match name {
        "RTMIN" => Some(first),
        "RTMAX" => Some(last),
        _ => {
            let up = name.strip_prefix("RTMIN+").and_then(|digits| plain(digits, FROM_FIRST_MAX));
            let down =
                name.strip_prefix("RTMAX-").and_then(|digits| plain(digits, FROM_FIRST_MAX - 1));
            up.map(|up| first + up).or(down.map(|down| last - down))
        }
    }
}

/// Digits, and nothing else, as a number from one to this.
fn plain(digits: &str, max: u8) -> Option<u8> {
    let plain = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && (1..=max).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_signal_has_one_number_however_it_is_written() {
        for (written, expected) in [
            ("SIGWINCH", Some(28)),
            ("winch", Some(28)),
            ("28", Some(28)),
            ("USR1", Some(10)),
            ("10", Some(10)),
            ("IOT", Some(6)),
            ("ABRT", Some(6)),
            ("CLD", Some(17)),
            ("POLL", Some(29)),
            ("SIGRTMIN", Some(34)),
            ("RTMIN+3", Some(37)),
            ("SIGRTMAX-14", Some(50)),
            ("RTMAX", Some(64)),
            ("1", Some(1)),
            ("64", Some(64)),
            ("0", None),
            ("65", None),
            ("09", None),
            ("+9", None),
            ("-9", None),
            ("SIG9", None),
            ("RTMIN+0", None),
            ("RTMIN+16", None),
            ("RTMAX-15", None),
            ("RTMIN+", None),
            ("SIGSIGKILL", None),
            ("SIG", None),
            ("", None),
        ] {
            assert_eq!(number(written), expected, "{written}");
        }
    }

    #[test]
    fn a_name_leads_back_to_its_number() {
        for signal in 1..=64 {
            let back = name(signal).map(|name| number(&name));
            assert_eq!(back, (![32, 33].contains(&signal)).then_some(Some(signal)), "{signal}");
        }
        assert_eq!((name(0), name(65)), (None, None));
        assert_eq!((name(6), name(37)), (Some("SIGABRT".into()), Some("SIGRTMIN+3".into())));
    }
}
