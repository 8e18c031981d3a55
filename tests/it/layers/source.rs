//! Source files, read as far as the rules need it: with and without comments, literals and tests.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// One file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its path within the package, such as `src/core/grant.rs`.
    pub(crate) path: String,
    /// It as it is.
    pub(crate) text: String,
    /// Without comments and without modules that only tests are compiled with.
    pub(crate) words: String,
    /// Without literals as well.
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let (words, code) = (blank(text, false), blank(text, true));
        let tests = test_modules(&code);
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            words: without(&words, &tests),
            code: without(&code, &tests),
        }
    }

    /// The layer or adapter that it belongs to: `core` for `src/core/grant.rs`.
    pub(crate) fn layer(&self) -> &str {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inner.split(['/', '.']).next().unwrap()
    }

    /// How deep its module lies within the package.
    pub(crate) fn depth(&self) -> usize {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        inner.trim_end_matches("/mod").split('/').count()
    }

    /// Its last segment, without the suffix.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap().trim_end_matches(".rs")
    }

    fn at(&self, byte: usize) -> usize {
        part(&self.code, 0..byte).matches('\n').count() + 1
    }

    /// A finding on the first place where `pattern` fits the code.
    pub(crate) fn find_code(&self, pattern: &str, what: &str) -> Option<String> {
        let found = Regex::new(pattern).unwrap().find(&self.code)?;
        Some(format!("{}:{}: `{}`: {what}", self.path, self.at(found.start()), found.as_str()))
    }
}

/// Every file of a folder of the package, in order.
pub(crate) fn read(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(&root.join(folder), &mut paths);
    paths.sort();
    let read = |path: &PathBuf| {
        let inner = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        Source::new(&inner, &fs::read_to_string(path).unwrap())
    };
    paths.iter().map(read).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// The files of `src` that the program is made of: without those that only tests are compiled with.
pub(crate) fn program() -> Vec<Source> {
    let mut sources = read("src");
    let only_tests: BTreeSet<String> = sources
        .iter()
        .flat_map(|source| {
            let folder = source.path.trim_end_matches(".rs").trim_end_matches("/mod").to_owned();
            let names = TEST_MODULE.captures_iter(&source.text).filter(|name| &name["end"] == ";");
            names.map(move |name| format!("{folder}/{}", &name[1])).collect::<Vec<_>>()
        })
        .collect();
    sources.retain(|source| {
        let path = source.path.trim_end_matches(".rs");
        !only_tests.iter().any(|test| {
            path.strip_prefix(test.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    });
    sources
}

/// A comment, or a literal of text.
static TOKENS: LazyLock<Regex> = LazyLock::new(|| {
    let comment = r"(?P<comment>//[^\n]*|/\*(?s:.*?)\*/)";
    let text = r##"b?r#"(?s:.*?)"#|b?r"[^"]*"|b?"(?:\\(?s:.)|[^"\\])*""##;
    let char = r"b?'(?:\\[^\n]+?|[^'\\\n])'";
    Regex::new(&format!("{comment}|{text}|{char}")).unwrap()
});

/// The text with its comments, and if asked to its literals, replaced by blanks. Lines stay lines.
fn blank(text: &str, literals: bool) -> String {
    let blanked = TOKENS.replace_all(text, |found: &Captures<'_>| {
        let whole = &found[0];
        if found.name("comment").is_none() && !literals {
            return whole.to_owned();
        }
        whole.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect()
    });
    blanked.into_owned()
}

/// Where a module begins that only tests are compiled with, up to its name.
static TEST_MODULE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"#\[cfg\(test\)\]\s*(?:pub(?:\(\w+\))? )?mod (\w+)\s*(?P<end>[;{])").unwrap()
});

/// The lines of modules in braces that only tests are compiled with.
fn test_modules(code: &str) -> Vec<(usize, usize)> {
    let line = |byte: usize| part(code, 0..byte).matches('\n').count();
    let modules = TEST_MODULE.captures_iter(code).filter(|found| &found["end"] == "{");
    let places = modules.map(|found| found.get(0).unwrap());
    places.map(|f| (line(f.start()), line(closing(code, f.end() - 1)))).collect()
}

fn without(text: &str, lines: &[(usize, usize)]) -> String {
    let kept = text.lines().enumerate().map(|(number, line)| {
        if lines.iter().any(|(from, to)| (*from..=*to).contains(&number)) { "" } else { line }
    });
    kept.map(|line| format!("{line}\n")).collect()
}

/// A part of a text, by its bytes. Findings of patterns lie between characters.
pub(crate) fn part(text: &str, bytes: Range<usize>) -> &str {
    text.get(bytes).unwrap()
}

/// Where the brace that opens at `open` closes.
pub(crate) fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, c) in part(code, open..code.len()).char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return open + at,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn comments_literals_and_tests_are_told_from_code() {
    let source = Source::new(
        "src/core/x.rs",
        "//! Docker.\nfn f<'a>(x: &'a str) -> char { g(\"a // { b\", '\"', r#\"{\"\"#); '{' }\n\
         /* { */ fn h() {}\n#[cfg(test)]\nmod tests {\n    fn t() { secret() }\n}\nfn last() {}\n",
    );
    assert!(!source.words.contains("Docker") && !source.words.contains("secret"));
    assert!(source.words.contains("a // { b") && !source.code.contains("a // { b"));
    for name in ["fn f<'a>", "fn h()", "fn last()"] {
        assert!(source.code.contains(name), "{name}: {}", source.code);
    }
    assert_eq!(source.code.matches('{').count(), source.code.matches('}').count());
    assert_eq!(source.code.lines().count(), source.text.lines().count());
    assert_eq!((source.layer(), source.depth(), source.name()), ("core", 2, "x"));
    assert_eq!(Source::new("src/gate.rs", "").depth(), 1);
    assert_eq!(Source::new("src/ops/mod.rs", "").depth(), 1);
}

#[test]
fn files_of_tests_are_told_from_the_program() {
    let sources = program();
    let has = |path: &str| sources.iter().any(|source| source.path == path);
    assert!(has("src/main.rs") && has("src/core/grant.rs") && has("src/gate/steps.rs"));
    assert!(!has("src/core/grant/tests.rs") && !has("src/audit/tests/chain.rs"));
    assert!(!has("src/ops/fake.rs"));
}
