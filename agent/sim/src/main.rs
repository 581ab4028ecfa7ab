//! `tenken-sim`: a fleet of simulated agents, for demonstrations and load.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Parser;
use tenken_agent::config::duration;
use tenken_agent::transport::Address;
use tenken_proto::fact::GroupName;
use tenken_proto::token::Token;
use tenken_sim::facts::Plan;
use tenken_sim::fleet::{Counters, Fleet, Pace};
use tokio::sync::watch;

/// Enrols simulated agents, which report invented facts until Ctrl-C or for the time given.
#[derive(Parser)]
#[command(name = "tenken-sim", version)]
struct Args {
    /// Folder for the agents' identities; used again by the next run.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Enrol with this collector; without it all agents must be enrolled.
    #[arg(long, value_name = "HOST:PORT", requires = "token")]
    collector: Option<Address>,
    /// A token with as many uses as there are agents.
    #[arg(long, env = "TENKEN_TOKEN", hide_env_values = true)]
    token: Option<Token>,
    /// How many agents.
    #[arg(long, default_value_t = 10)]
    agents: u64,
    /// The same seed gives the same hosts.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Time between two looks of one agent.
    #[arg(long, default_value = "1h", value_parser = time)]
    every: Duration,
    /// Time between two signs of life.
    #[arg(long, default_value = "5m", value_parser = time)]
    heartbeat: Duration,
    /// Groups that turn from good to bad and back with each look, separated by commas.
    #[arg(long, value_delimiter = ',')]
    flip: Vec<GroupName>,
    /// Pending updates of an unpatched host: the size of a report.
    #[arg(long, default_value_t = 12)]
    updates: usize,
    /// Stop after this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    run_for: Option<Duration>,
    /// Enrol only.
    #[arg(long)]
    enrol_only: bool,
}

fn time(text: &str) -> Result<Duration, String> {
    duration(text).map_err(|problem| format!("{problem}; write for example 10s or 5m"))
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    tenken_agent::logging::start(tracing::level_filters::LevelFilter::WARN);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(simulate(args))
}

async fn simulate(args: Args) -> anyhow::Result<()> {
    let plan = Plan { seed: args.seed, flips: args.flip, updates: args.updates, ..Plan::default() };
    let fleet = Fleet { dir: args.data_dir, agents: args.agents, plan };
    if let (Some(collector), Some(token)) = (&args.collector, &args.token) {
        let enrolled = fleet.enrol(collector, token, !args.enrol_only).await?;
        say(&format!("{enrolled} of {} agents have an identity", args.agents));
    }
    if args.enrol_only {
        return Ok(());
    }
    let pace = Pace { look_interval: args.every, heartbeat_interval: args.heartbeat, ..Pace::default() };
    let counters = Arc::new(Counters::default());
    let (stop, stopped) = watch::channel(false);
    let run = fleet.run(&pace, &counters, &stopped);
    tokio::pin!(run);
    tokio::select! {
        ran = &mut run => ran?,
        asked = end(args.run_for) => {
            asked?;
            stop.send_replace(true);
            run.await?;
        }
    }
    say(&format!(
        "looks {}, changed groups {}, undelivered reports {}, refused agents {}",
        counters.looks.load(Ordering::Relaxed),
        counters.changed.load(Ordering::Relaxed),
        counters.undelivered.load(Ordering::Relaxed),
        counters.refused.load(Ordering::Relaxed),
    ));
    Ok(())
}

/// Returns when the time is over or a person asks for the end.
async fn end(after: Option<Duration>) -> std::io::Result<()> {
    let mut signals = tenken_agent::signals::Stop::listen()?;
    let time = async {
        match after {
            Some(after) => tokio::time::sleep(after).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = time => {}
        _ = signals.asked() => {}
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the result of the program")]
fn say(text: &str) {
    println!("{text}");
}
