//! What was acknowledged is never lost and never counted twice, whatever is killed when.
//!
//! The oracle: an ack is an obligation. `kill` kills the built programs at random moments; `order` proves by
//! the system calls that no ack leaves before the commit is on the disk. Crash points inside the store are
//! simulated in `collector/src/store/`.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod kill;
mod order;
