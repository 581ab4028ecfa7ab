//! Benches of the built programs. Each prints a ratio against a peer or a physical limit measured in the same
//! run, because machines are noisy; none of them fails on a figure. Figures and commands: `tests/bench/README.md`.
//!
//! `cargo bench -p tenken-tests --bench tenken -- NAME [ARG…]`, with NAME one of `once`, `change`, `idle`,
//! `ingest`, `restart`, `connections`, `judge`, `engine`. The programs measured are the ones beside this one in the target folder, so
//! build them first with `cargo build --release --workspace`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a bench fails loudly")]
#![expect(clippy::print_stdout, reason = "a bench prints")]

mod change;
mod connections;
mod echo;
mod engine;
mod idle;
mod ingest;
mod judge;
mod load;
mod once;
mod restart;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let rest: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    match args.first().map(String::as_str) {
        Some("once") => once::run(&rest),
        Some("change") => change::run(&rest),
        Some("idle") => idle::run(&rest),
        Some("ingest") => ingest::run(&rest),
        Some("restart") => restart::run(&rest),
        Some("connections") => connections::run(&rest),
        Some("judge") => judge::run(&rest),
        Some("engine") => engine::run(&rest),
        Some("echo-peer") => echo::serve(&rest),
        // `cargo test --benches` calls without a name: nothing is measured then.
        _ => println!(
            "benches: once, change, idle, ingest, restart, connections, judge, engine; see tests/bench/README.md"
        ),
    }
}
