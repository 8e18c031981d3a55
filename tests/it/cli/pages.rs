//! What the program says of itself: help, completions, manual pages, and the documents made of
//! these. `INSTA_UPDATE=always cargo test --test it cli::pages` renews the documents.

use std::fmt::Write as _;

use countersign::core::reason::Reason;

use crate::support::page::document;
use crate::support::program::Sandbox;

/// Every verb, by the words that name it.
const VERBS: [&[&str]; 28] = [
    &[],
    &["mcp"],
    &["call"],
    &["tools"],
    &["asks"],
    &["asks", "show"],
    &["approve"],
    &["deny"],
    &["revoke"],
    &["policy"],
    &["policy", "check"],
    &["policy", "show"],
    &["policy", "explain"],
    &["policy", "test"],
    &["policy", "diff"],
    &["audit"],
    &["audit", "tail"],
    &["audit", "show"],
    &["audit", "stats"],
    &["audit", "verify"],
    &["trust"],
    &["trust", "add"],
    &["trust", "list"],
    &["trust", "remove"],
    &["doctor"],
    &["init"],
    &["completions"],
    &["man"],
];

fn help(verb: &[&str]) -> String {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&[verb, &["--help"]].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{verb:?}");
    assert!(!sandbox.log().exists());
    ran.stdout
}

#[test]
fn every_verb_helps_with_an_example() {
    for verb in VERBS {
        let text = help(verb);
        assert!(text.contains("Usage: countersign"), "{verb:?}");
        assert!(text.contains("Example"), "{verb:?} has no example");
        assert!(!text.contains('\u{1b}'));
    }
}

/// The verbs that a help text lists.
fn listed(text: &str) -> Vec<String> {
    let after = text.split_once("Commands:\n").map_or("", |(_, after)| after);
    let rows = after.lines().take_while(|line| line.starts_with("  "));
    rows.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn no_verb_is_left_out() {
    let groups = ["asks", "policy", "audit", "trust"].map(|verb| (vec![verb], 2));
    for (verb, depth) in [(Vec::new(), 1)].into_iter().chain(groups) {
        let told: Vec<&str> = VERBS
            .iter()
            .filter(|words| words.len() == depth && words.starts_with(&verb))
            .map(|words| words[depth - 1])
            .collect();
        assert_eq!(listed(&help(&verb)), told);
    }
}

#[test]
fn there_are_completions_for_each_shell() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = sandbox.run(&["completions", shell]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{shell}");
        for word in ["countersign", "doctor", "read-only"] {
            assert!(ran.stdout.contains(word), "{shell}: {word}");
        }
    }
    let ran = sandbox.run(&["completions", "abacus"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
}

#[test]
fn there_is_a_manual_page_for_each_verb() {
    let sandbox = Sandbox::new();
    for verb in ["mcp", "call", "tools", "policy", "audit", "doctor", "init", "completions", "man"]
    {
        let ran = sandbox.run(&["man", verb]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{verb}");
        let title = format!(".TH countersign-{verb} 1");
        assert!(ran.stdout.contains(&title), "{verb}: {}", ran.stdout);
    }
    assert!(sandbox.run(&["man"]).stdout.contains(".TH countersign 1"));
    let ran = sandbox.run(&["man", "dinner"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
}

#[test]
fn the_version_is_the_packages() {
    let ran = Sandbox::new().run(&["--version"]);
    assert_eq!((ran.code, ran.stdout), (0, format!("countersign {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn the_reference_of_the_command_line_is_golden() {
    let mut text = String::from(
        "# Command line\n\nWhat `--help` says of every verb. Made by the test `cli::pages`; do not \
         edit.\n",
    );
    for verb in VERBS {
        let name = [&["countersign"], verb].concat().join(" ");
        write!(text, "\n## `{name}`\n\n```text\n{}\n```\n", help(verb).trim_end()).unwrap();
    }
    insta::assert_snapshot!(text);
    document("cli.md", &text);
}

/// What each exit code says.
const CODES: [(u8, &str); 7] = [
    (0, "done"),
    (1, "the operation failed"),
    (2, "usage or configuration"),
    (3, "refused by policy or token; of `policy diff`: more is permitted"),
    (4, "confirmation or approval needed"),
    (5, "audit log damaged (`audit verify`)"),
    (6, "outcome unknown: look before you try again"),
];

/// What each reason says.
const fn says(reason: Reason) -> &'static str {
    match reason {
        Reason::TokenUnknown => "no grant waits under this token here",
        Reason::TokenExpired => "the token's time was over, or the ask's",
        Reason::TokenUsed => "the token was presented before, or the ask was spent or closed",
        Reason::TokenMismatch => {
            "the token was given for another operation, target, arguments or caller"
        }
        Reason::PlanChanged => "the target or the policy is no longer what was shown",
        Reason::PolicyDenied => "a rule denies it, or none speaks of it",
        Reason::ApprovalUnavailable => "a person would have to say yes, and nobody could be asked",
        Reason::ApprovalDenied => "a person said no",
        Reason::ApprovalRevoked => "a person took the approval back",
        Reason::CoolingDown => "a person said no to the same lately",
        Reason::AskClosed => "the ask is decided, spent or over already",
        Reason::SignatureInvalid => "it is no signature over this ask for this purpose",
        Reason::SignerUnknown => "no file trusts the signature's key, or not now",
        Reason::AssuranceTooLow => {
            "it was confirmed or approved in a way that policy does not take here; or the dialog was \
             not answered"
        }
        Reason::StateUnavailable => {
            "the state that holds asks could not be read or written, so nothing was done"
        }
        Reason::Unclassified => "no such operation is offered here",
        Reason::ReadOnly => "changes are switched off",
        Reason::NotFound => "what was named is not there",
        Reason::Ambiguous => "the name fits more than one",
        Reason::InvalidArgument => {
            "an argument is unknown, missing, of the wrong type or out of bounds"
        }
        Reason::AuditUnavailable => {
            "the log could not be read or written, so nothing was done or shown"
        }
        Reason::EngineUnavailable => "the engine could not be reached",
        Reason::EngineError => "the engine answered with an error",
        Reason::Busy => "another change of the same target is running",
        Reason::Limit => "a limit was reached",
        Reason::Timeout => "the engine did not answer in time, and nothing was changed",
        Reason::OutcomeUnknown => "nobody can say whether the change happened",
    }
}

#[test]
fn the_table_of_exit_codes_is_golden() {
    let mut text = String::from(
        "# Exit codes\n\nMade by the test `cli::pages` of the reason codes; do not edit.\n\n\
         | exit code | says |\n|---|---|\n",
    );
    for (code, says) in CODES {
        writeln!(text, "| {code} | {says} |").unwrap();
    }
    text.push_str(
        "\nA command that ends with a reason code, which `call --json` and the audit log show, \
         exits so:\n\n| reason | exit code | says |\n|---|---|---|\n",
    );
    for reason in Reason::ALL {
        assert!(CODES.iter().any(|(code, _)| *code == reason.exit_code()), "{reason}");
        let (code, says) = (reason.exit_code(), says(reason));
        writeln!(text, "| `{reason}` | {code} | {says} |").unwrap();
    }
    text.push_str(
        "\nA preview that waits for a confirmation or an approval has no reason and exits with 4. The \
         server, `mcp`, exits with 0 when its client leaves.\n",
    );
    document("exit-codes.md", &text);
}
