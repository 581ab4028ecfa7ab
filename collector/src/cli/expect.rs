//! `expect`: the list of machines that should exist.

use std::path::Path;

use super::{Console, Failure, name_of};
use crate::api::v1;
use crate::args::Output;

pub(super) async fn run(console: &Console, file: &Path, output: Output) -> Result<String, Failure> {
    let bytes = console.read(file)?;
    let imported: v1::Imported =
        console.client.file("/api/v1/expected", &name_of(file), bytes).await.map_err(|error| console.failure(error))?;
    console.shown(output, &imported, |screen| screen.n("cli-expected", imported.rows) + "\n")
}
