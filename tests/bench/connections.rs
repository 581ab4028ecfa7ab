//! Memory of the collector for each idle connected agent, beside a bare tonic server with default settings.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::RootCertStore;

use harness::client::{Identity, roots};

use crate::ingest::{open, preload, scene};
use harness::process::memory;

/// CONNECTIONS to hold; 2,000 unless told.
pub(crate) fn run(args: &[&str]) {
    let connections: usize = args.first().and_then(|it| it.parse().ok()).unwrap_or(2_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let echo = crate::echo::Echo::start();
    let identities = std::slice::from_ref(&echo.identity);
    let bare = runtime.block_on(held(echo.address, &echo.roots, identities, connections, echo.child.id()));
    drop(echo);
    let mut collector = scene(connections);
    let roots = roots(&collector.data_dir());
    let identities = runtime.block_on(preload(&collector, &roots, connections));
    // Started anew: what was freed after the enrolments would otherwise be used again and hide growth.
    collector.stop();
    collector.serve();
    let ours = runtime.block_on(held(collector.addresses().report, &roots, &identities, connections, collector.pid()));
    println!("bare tonic, default settings: {bare:.1} KiB for each of {connections} idle agents");
    println!("tenken-collector:             {ours:.1} KiB for each of {connections} idle agents");
    println!("ratio collector / bare: {:.2}", ours / bare);
}

/// KiB of resident memory that each held stream adds.
async fn held(
    address: SocketAddr,
    roots: &Arc<RootCertStore>,
    identities: &[Identity],
    connections: usize,
    server: u32,
) -> f64 {
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let before = memory(server).rss;
    let mut streams = Vec::with_capacity(connections);
    for n in 0..connections {
        let identity = &identities[n % identities.len()];
        streams.push(open(address, roots, identity).await);
    }
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let after = memory(server).rss;
    drop(streams);
    #[expect(clippy::cast_precision_loss, reason = "KiB and counts")]
    let each = (after.saturating_sub(before)) as f64 / connections as f64;
    each
}
