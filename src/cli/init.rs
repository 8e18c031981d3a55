//! `init`: a first policy for a project, and how to tell a client of the server.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Output, exit};
use crate::core::text;

/// The file that is written.
const TEMPLATE: &str = include_str!("init.toml");

/// Its name.
const FILE: &str = "countersign.toml";

/// Writes the file into `folder`, where there is none, and prints the configuration of clients that
/// start `program`.
pub fn run(folder: &Path, program: std::io::Result<PathBuf>, out: Output) -> u8 {
    let path = folder.join(FILE);
    let shown = text::line(&path.display().to_string(), text::LINE_CHARS_MAX);
    match write(&path) {
        Ok(()) => out.message(format!("Wrote {shown}.\n")),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            out.message(format!(
                "countersign: {shown} is there already, and nothing is overwritten. See what it says \
                 with `countersign policy check`, or move it away first."
            ));
            return exit::USAGE;
        }
        Err(error) => {
            out.message(format!("countersign: {shown} cannot be written: {error}"));
            return exit::FAILED;
        }
    }
    // Where the program's own place cannot be told, its name is looked for on the path.
    let program = program.unwrap_or_else(|_| "countersign".into());
    let program = program.to_string_lossy();
    let server = json!({"mcpServers": {"countersign": {"command": program, "args": ["mcp"]}}});
    let verb = if folder.join(".mcp.json").exists() { "Add to" } else { "Write" };
    out.message(format!("{verb} .mcp.json, which MCP clients read in this folder:\n"));
    out.json(&server);
    out.message("\nor tell Claude Code:\n");
    out.data(format!("claude mcp add countersign -- {} mcp", quoted(&program)));
    out.message(
        "\nThen:\n  countersign policy check   reads the file and runs its tests\n  \
         countersign tools          lists the operations with their verdicts\n  \
         countersign doctor         says what is enforced here, and what goes around it",
    );
    exit::DONE
}

/// Writes the template where nothing is, not even a link to nowhere.
fn write(path: &Path) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(TEMPLATE.as_bytes()).inspect_err(|_| {
        // Half a policy is none; if it cannot be removed either, the first error says why.
        drop(std::fs::remove_file(path));
    })
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    let word = text::line(word, text::LINE_CHARS_MAX);
    if word.chars().all(plain) { word } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("/usr/bin/countersign"), "/usr/bin/countersign");
        assert_eq!(quoted("/my tools/it's"), "'/my tools/it'\\''s'");
        assert_eq!(quoted("/a;b$(c)"), "'/a;b$(c)'");
    }
}
