//! `open`: a link that opens the pages once.

use super::{Console, Failure};
use crate::api::v1;
use crate::args::Output;

pub(super) async fn run(console: &Console, output: Output) -> Result<String, Failure> {
    let made: v1::PageLink =
        console.client.post("/api/v1/pages/link", &()).await.map_err(|error| console.failure(error))?;
    console.shown(output, &made, |screen| format!("{}\n{}\n", made.link, screen.t("closed-why")))
}
