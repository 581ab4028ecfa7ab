//! `once`: observe, print, end. Sends nothing, needs no set-up, works beneath any root.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use tenken_proto::fact::{FactGroup as _, GroupName, host::Host, with_derived};

use crate::args::{Format, OnceArgs};
use crate::exit::{Exit, Failure};
use crate::probe::{Consent, Observation, Probes};
use crate::root::Root;

mod text;

/// Runs the command.
///
/// # Errors
/// [`Failure`] when the root cannot be opened or the output cannot be written.
pub fn run(args: &OnceArgs) -> Result<(), Failure> {
    let root = open_root(args.root.as_deref())?;
    let seen = Probes::new(Arc::new(root)).observe_all(&Consent::default());
    let seen: Vec<Observation> = seen.into_iter().map(derived).collect();
    let out = match args.format {
        Format::Json => document(&json(&seen))?,
        Format::Text => text::render(&seen, std::io::stdout().is_terminal()),
    };
    print(&out)
}

/// The root that a command was given; the live system where none was.
///
/// # Errors
/// [`Failure`] with what to give instead.
pub fn open_root(dir: Option<&std::path::Path>) -> Result<Root, Failure> {
    let root = match dir {
        Some(dir) => Root::at(dir),
        None => Root::live(),
    };
    root.map_err(|error| {
        let remedy = error.remedy();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let failure = Failure::new(Exit::Usage, error.to_string()).remedy(remedy);
        match cause {
            Some(cause) => failure.because(cause),
            None => failure,
        }
    })
}

/// A JSON document as it is printed.
///
/// # Errors
/// [`Failure`]: the value has no JSON form; a defect.
pub fn document<T: serde::Serialize>(value: &T) -> Result<String, Failure> {
    tenken_proto::json::document(value)
        .map_err(|error| Failure::new(Exit::Failed, "failed to write JSON").because(error))
}

/// Writes to standard output; a reader that went away is no failure.
///
/// # Errors
/// [`Failure`] when the output cannot be written.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, "failed to write to standard output").because(error))
        }
        _ => Ok(()),
    }
}

fn derived(seen: Observation) -> Observation {
    Observation { record: with_derived(&seen.name, seen.record), ..seen }
}

/// `{"host": {…}, "facts": {"patch": {…}, …}}`: `host` is the group of that name.
fn json(seen: &[Observation]) -> Json {
    let host: GroupName = Host::name();
    let mut facts = Map::new();
    let mut out = Map::new();
    out.insert("host".to_owned(), Json::Object(Map::new()));
    for observation in seen {
        let fields = tenken_proto::json::record(&observation.record, observation.observed_at);
        let place = if observation.name == host { &mut out } else { &mut facts };
        place.insert(observation.name.as_str().to_owned(), fields);
    }
    out.insert("facts".to_owned(), Json::Object(facts));
    Json::Object(out)
}
