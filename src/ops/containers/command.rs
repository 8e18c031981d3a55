//! A program with its arguments as a caller gives it: words, which no shell takes apart.

use crate::core::reason::Fault;
use crate::core::redact::Redactor;
use crate::core::text;

/// Bytes of all words, at most: more is nothing that a person reads before agreeing to it.
const BYTES_MAX: usize = 16 << 10;

/// Whether these words can be run.
///
/// # Errors
/// `invalid_argument` for words that no program takes, and for too many to read.
pub(super) fn check(words: &[String]) -> Result<(), Fault> {
    if words.first().is_some_and(String::is_empty) {
        return Err(Fault::invalid("The first word of `command` is the program; it is empty."));
    }
    if words.iter().any(|word| word.contains('\0')) {
        return Err(Fault::invalid("`command` holds a character that no program takes (NUL)."));
    }
    let bytes: usize = words.iter().map(String::len).sum();
    if bytes > BYTES_MAX {
        return Err(Fault::invalid(format!(
            "`command` holds {bytes} bytes; {BYTES_MAX} at most can be shown to whoever confirms it. \
             Put the rest into a file."
        )));
    }
    Ok(())
}

/// The words exactly, each between quotes, with nothing hidden and nothing left out: a JSON list in
/// which also what JSON leaves as it is stands visibly.
pub(super) fn shown(words: &[String]) -> String {
    // Text always has a form in JSON.
    let json = serde_json::to_string(words).unwrap_or_default();
    text::line(&json, usize::MAX)
}

/// By whom a program is run, with what the empty user stands for. An engine takes any number for a
/// user's, and zero in each of its spellings is root's.
pub(super) fn runs_as(user: &str, unnamed: &str) -> String {
    let name = user.split(':').next().unwrap_or_default();
    let zero = !name.is_empty() && name.trim_start_matches(['+', '-']).bytes().all(|b| b == b'0');
    let shown = if user.is_empty() { unnamed.to_owned() } else { text::name(user) };
    if zero || ["", "root"].contains(&name) { format!("ROOT ({shown})") } else { shown }
}

/// The words as the log keeps them: without what is secret, and without these variables' values.
pub(super) fn recorded(words: &[String], env: &[String]) -> Vec<String> {
    Redactor::new(env).command(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(all: &[&str]) -> Vec<String> {
        all.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn root_is_told_however_it_is_written() {
        for (user, root) in [
            ("", true),
            ("root", true),
            ("root:web", true),
            ("0", true),
            ("00", true),
            ("0000:0", true),
            ("-0", true),
            (":5", true),
            ("10", false),
            ("web", false),
            ("web:0", false),
            ("rooty", false),
            ("1000:root", false),
        ] {
            let told = runs_as(user, "the image names no user");
            assert_eq!(told.starts_with("ROOT ("), root, "{user}: {told}");
        }
    }

    #[test]
    fn each_word_is_shown_exactly() {
        for (given, expected) in [
            (&["ls", "-l /"][..], r#"["ls","-l /"]"#),
            (&["a b", "a", "b"], r#"["a b","a","b"]"#),
            (&["\"", "\\", "a\nb\u{1b}"], r#"["\"","\\","a\nb\u001b"]"#),
            (&["x\u{202e}y", "x\\u{202e}y"], r#"["x\u{202e}y","x\\u{202e}y"]"#),
            (&["", "é"], r#"["","é"]"#),
        ] {
            assert_eq!(shown(&words(given)), expected);
        }
        let long = "x".repeat(BYTES_MAX);
        assert_eq!(shown(std::slice::from_ref(&long)).len(), BYTES_MAX + 4);
    }

    #[test]
    fn what_no_program_takes_is_refused() {
        assert!(check(&words(&["sh", ""])).is_ok());
        assert!(check(&["x".repeat(BYTES_MAX)]).is_ok());
        for bad in [words(&["", "x"]), words(&["a\0b"]), vec!["x".repeat(BYTES_MAX + 1)]] {
            assert!(check(&bad).is_err(), "{}", bad.len());
        }
    }

    #[test]
    fn the_log_keeps_no_secret() {
        let env = words(&["NAME=hunter2-long"]);
        let kept =
            recorded(&words(&["run", "--token", "abc", "x=hunter2-long", "hunter2-long"]), &env);
        assert!(!format!("{kept:?}").contains("abc"), "{kept:?}");
        assert!(!kept.iter().any(|word| word == "hunter2-long"), "{kept:?}");
        assert_eq!(kept[0], "run");
    }
}
