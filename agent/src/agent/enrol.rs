//! The command `enrol`: asks for an identity and says how it goes.

use std::sync::Arc;

use tenken_proto::fact::FactGroup as _;
use tenken_proto::fact::host::Host;
use tenken_proto::observed::Observed;
use tenken_proto::token::Token;

use crate::args::EnrolArgs;
use crate::called::Called;
use crate::clock;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::identity::Store;
use crate::identity::enrol::{Ask, EnrolError, Enrolled, Hints, Progress, enrol as ask_for_identity};
use crate::probe::{Consent, Probes};
use crate::root::Root;
use crate::transport::chain::chain;
use crate::transport::{Address, NotAnAddress, Settings};

/// Gets an identity, waiting for a person's approval where one is needed.
///
/// # Errors
/// [`Failure`]: a token or address that is none, no way to the collector, a refusal, the data folder.
pub fn enrol(config: &Config, args: &EnrolArgs, called: &Called) -> Result<(), Failure> {
    let collector: Address = args
        .collector
        .parse()
        .map_err(|error: NotAnAddress| Failure::new(Exit::Usage, format!("--collector: {error}")))?;
    let token: Token = args
        .token
        .parse()
        .map_err(|error| Failure::new(Exit::Refused, format!("the token cannot be used: {error}")))?;
    let store = Store::open(&config.data_dir).map_err(|error| {
        Failure::new(Exit::Failed, "the data folder cannot be used")
            .because(error)
            .remedy("run it as the user who owns that folder, or name another one with --data-dir")
    })?;
    let ask = Ask { collector, token, wait: !args.no_wait, hints: hints() };
    let settings = Settings { proxy: config.proxy.clone(), ..Settings::default() };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, "failed to start").because(error))?;
    let enrolled = runtime
        .block_on(ask_for_identity(&store, &ask, &settings, clock::now, |progress| show(&progress)))
        .map_err(failure)?;
    say(&match enrolled {
        Enrolled::Issued(identity) => {
            let (agent, report, run) = (identity.agent_id, &identity.report, called.command("run"));
            format!("Enrolled as {agent}; reports go to {report}. Start `{run}`.")
        }
        Enrolled::Already(identity) => {
            format!("Enrolled already as {}; reports go to {}.", identity.agent_id, identity.report)
        }
        Enrolled::Pending(agent) => format!(
            "Waits for approval as {agent} (`tenken-collector agents approve {agent}`); then run this command again."
        ),
    });
    Ok(())
}

fn show(progress: &Progress<'_>) {
    match progress {
        Progress::Waiting(agent) => say(&format!(
            "Waiting for approval as {agent}: on the collector, `tenken-collector agents approve {agent}`."
        )),
        Progress::Retrying(error) => {
            tracing::warn!(error = %chain(*error), "Still waiting; the collector did not answer");
        }
        Progress::Unproven(meaning) => say(&format!(
            "The certificate that this machine had proves nothing ({meaning}): the collector takes it for a new host. \
             A person there can say otherwise with `tenken-collector agents approve ID --host HOST`."
        )),
    }
}

fn failure(error: EnrolError) -> Failure {
    match error {
        EnrolError::Refused { .. } => Failure::new(Exit::Refused, error.to_string())
            .remedy("ask for a new token: `tenken-collector token create`"),
        EnrolError::Connect(_) if error.is_permanent() => Failure::new(Exit::Refused, "not enrolled")
            .because(error)
            .remedy("see the cause; check that the address and the token are of the same collector"),
        EnrolError::Connect(_) | EnrolError::Later(_) | EnrolError::Unproven(_) => {
            Failure::new(Exit::NotReachable, "not enrolled")
                .because(error)
                .remedy("check the address, the network and whether the collector runs; then try again")
        }
        EnrolError::Identity(_) => Failure::new(Exit::Failed, "not enrolled").because(error),
    }
}

/// What helps a person to tell this machine from others in the approval list.
fn hints() -> Hints {
    let seen =
        Root::live().ok().and_then(|root| Probes::new(Arc::new(root)).observe(&Host::name(), &Consent::default()));
    let Some(seen) = seen else { return Hints::default() };
    let host = Host::from_record(&seen.record);
    let text = |field: Observed<String>| field.value().cloned().unwrap_or_default();
    Hints { host_name: text(host.host_name), serial_number: text(host.serial_number), os: text(host.os_name) }
}

#[expect(clippy::print_stderr, reason = "progress goes to the person who called it")]
fn say(text: &str) {
    eprintln!("{}", crate::screen::escape(text));
}
