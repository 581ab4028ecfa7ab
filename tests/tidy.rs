//! The rules of the repository that can be read from its text and from `cargo metadata`.
//!
//! Each test is one rule of the design (architecture section 9, style rule 24). A failure names every place
//! at once. Licences, bans and minimum versions come from the locked manifests, which cargo may have to fetch.

#![expect(clippy::expect_used, reason = "tests")]

#[path = "tidy/dependencies.rs"]
mod dependencies;
#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/examples.rs"]
mod examples;
#[path = "tidy/source.rs"]
mod source;

use std::path::{Path, PathBuf};

/// Top of the repository.
fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Files that git tracks, or would track, as paths from the top.
fn tracked() -> Vec<String> {
    let output = std::process::Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(top())
        .output()
        .expect("git lists the files of the repository");
    assert!(output.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).expect("file names are UTF-8");
    listed.lines().filter(|path| top().join(path).is_file()).map(str::to_owned).collect()
}

/// Text of a tracked file; none for binary ones.
fn text(path: &str) -> Option<String> {
    std::fs::read(top().join(path)).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}

/// Fails with all findings of a rule.
fn none(rule: &str, findings: Vec<String>) {
    assert!(findings.is_empty(), "{rule}\n  {}", findings.join("\n  "));
}
