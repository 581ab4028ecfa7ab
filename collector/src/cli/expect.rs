//! `expect`: the list of machines that should exist.

use std::path::Path;

use super::{Console, Failure, name_of};
use crate::args::Output;

pub(super) async fn run(console: &Console, file: &Path, output: Output) -> Result<String, Failure> {
    let imported = console.import(file, "/api/v1/expected", &name_of(file)).await?;
    console.shown(output, &imported, |screen| screen.n("cli-expected", imported.rows) + "\n")
}
