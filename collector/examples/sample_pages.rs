//! Serves the pages over the made-up fleet of the page tests, for looking at every state that a page can show.
//!
//! `cargo run -p tenken-collector --example sample_pages -- [PORT]` prints a one-use link; Ctrl-C ends it.

#![expect(clippy::print_stdout, reason = "the link goes to the person who looks at the pages")]

use std::error::Error;
use std::sync::Arc;

use jiff::tz::TimeZone;
use tenken_collector::clock::{self, Clock};
use tenken_collector::web::{Links, Names, Setup, Web};
// What the sample of the page tests names by `crate::`.
use tenken_collector::{api, engine, web};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[path = "../src/web/tests/sample.rs"]
mod sample;

const PORT_DEFAULT: u16 = 7439;

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(PORT_DEFAULT), |port| port.parse())?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(port))
}

async fn serve(port: u16) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let web = Web::new(Setup {
        views: Arc::new(sample::Sample::new(clock::now())),
        clock: Clock::System,
        zone: TimeZone::get("Asia/Tokyo")?,
        names: Names::new([]),
        links: Links::new(Clock::System, listener.local_addr()?),
        collector: "tenken-collector".into(),
    });
    println!("{}", web.links().new_link()?);
    let stop = CancellationToken::new();
    let interrupted = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    });
    web.serve(listener, stop).await;
    Ok(())
}
