//! The whole command tree, parsed and checked; nothing is done here.
//!
//! Every command takes `--config` and `--data-dir`; every command that reads takes `--format`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use jiff::{SignedDuration, civil};
use tenken_proto::ident::AgentId;

use crate::api::v1::AnswerWord;
use crate::api::{NotSpoken, TEXT_CHARS_MAX};
use crate::identity::token::{TTL_MAX, USES_MAX};
use crate::locale::{self, Message};

/// The checklist that is meant when none is named.
pub const CHECKLIST_DEFAULT: &str = "ipa-self-3";

/// Observed answers to security checklists: the collector and its commands.
#[derive(Debug, Parser)]
#[command(name = "tenken-collector", version, disable_help_subcommand = true, arg_required_else_help = true)]
pub struct Args {
    /// Where the collector is, and how to speak to a person.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Common {
    /// Configuration file [default: collector.toml in the data folder, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data folder [default: as configured, else /var/lib/tenken-collector]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Language of texts [default: as the environment says]
    #[arg(long, global = true, value_enum, value_name = "LANG")]
    pub lang: Option<Lang>,
}

/// Language of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Lang {
    /// Japanese
    Ja,
    /// English
    En,
}

impl Lang {
    /// From the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is set; English unless it is Japanese.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set =
            ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(|name| variable(name).filter(|it| !it.is_empty()));
        match set {
            Some(locale) if locale == "ja" || locale.starts_with("ja_") || locale.starts_with("ja.") => Self::Ja,
            Some(_) | None => Self::En,
        }
    }
}

impl From<Lang> for locale::Lang {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Ja => Self::Ja,
            Lang::En => Self::En,
        }
    }
}

/// Form of what a reading command prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs: API version 1
    Json,
}

/// The form, as an option.
#[derive(Debug, Clone, Copy, Default, ClapArgs)]
pub struct Output {
    /// Form of the output
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub format: Format,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the data folder: authority, keys, configuration
    Init(Init),
    /// Run the collector
    Serve,
    /// Check configuration and data folder, and leave; also beside a running collector
    Check {
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Tokens with which agents enrol
    Token {
        /// What to do.
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Agents: list, approve, revoke
    #[command(args_conflicts_with_subcommands = true)]
    Agents {
        /// What to do; none: list.
        #[command(subcommand)]
        command: Option<AgentsCommand>,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Hosts: list, retire
    #[command(args_conflicts_with_subcommands = true)]
    Hosts {
        /// What to do; none: list.
        #[command(subcommand)]
        command: Option<HostsCommand>,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// One host with every fact and its source
    Host {
        /// Id or name of the host
        #[arg(value_name = "ID")]
        host: String,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Import the list of machines that should exist (CSV)
    Expect {
        /// CSV file: host name, serial number, class (pc or server), site
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// How much is seen, what is worst, what turns when, what waits for a person
    Overview {
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// The answers to a checklist
    Answers {
        /// The checklist
        #[arg(long, default_value = CHECKLIST_DEFAULT, value_name = "ID")]
        checklist: String,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Why an item or a control stands as it does
    Explain {
        /// Item of a checklist, or control
        #[arg(value_name = "ITEM-OR-CONTROL")]
        what: String,
        /// The checklist of the item
        #[arg(long, default_value = CHECKLIST_DEFAULT, value_name = "ID")]
        checklist: String,
        /// Only this host (id or name)
        #[arg(long, value_name = "ID")]
        host: Option<String>,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Say how it is, where it cannot be measured
    Declare(Declare),
    /// The ledger of information assets: import, list
    Ledger {
        /// What to do.
        #[command(subcommand)]
        command: LedgerCommand,
    },
    /// The risk of each row of the ledger
    Risk {
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Packs: controls, checklists, methods
    Pack {
        /// What to do.
        #[command(subcommand)]
        command: PackCommand,
    },
    /// Print a link that opens the pages once
    Open {
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// How the running collector is
    Health {
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
}

/// `init`
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Init {
    /// Name or address under which agents reach this collector; may be repeated [default: this machine's name]
    #[arg(long = "name", value_name = "HOST")]
    pub names: Vec<String>,
}

/// `token …`
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token; it is shown this once
    Create(TokenCreate),
}

/// `token create`
#[derive(Debug, Clone, ClapArgs)]
pub struct TokenCreate {
    /// How many enrolments it is good for
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = uses)]
    pub uses: u32,
    /// For how long, such as 30m, 1h or 2d
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = ttl)]
    pub ttl: SignedDuration,
    /// Network from which it may be used, such as 192.0.2.0/24; may be repeated
    #[arg(long = "network", value_name = "CIDR", value_parser = network)]
    pub networks: Vec<IpNet>,
    /// Site that its hosts are given
    #[arg(long, value_name = "NAME", value_parser = spoken)]
    pub site: Option<String>,
    /// Hosts enter at once, without a person's approval [default: for one use yes, for more no]
    #[arg(long)]
    pub auto_approve: bool,
    /// How to print.
    #[command(flatten)]
    pub output: Output,
}

/// `agents …`
#[derive(Debug, Subcommand)]
pub enum AgentsCommand {
    /// List the agents
    List {
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Let waiting or held agents in
    Approve {
        /// Ids of the agents
        #[arg(required = true, value_name = "ID", value_parser = agent_id)]
        ids: Vec<AgentId>,
        /// The known host that the agent is on (id or name)
        #[arg(long, value_name = "HOST")]
        host: Option<String>,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Revoke an agent's connection
    Revoke {
        /// Ids of the agents
        #[arg(required = true, value_name = "ID", value_parser = agent_id)]
        ids: Vec<AgentId>,
        /// Why
        #[arg(long, value_name = "TEXT", value_parser = spoken)]
        reason: Option<String>,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
}

/// `hosts …`
#[derive(Debug, Subcommand)]
pub enum HostsCommand {
    /// Take a host out of the count
    Retire {
        /// Id or name of the host
        #[arg(value_name = "ID")]
        id: String,
        /// Who says so
        #[arg(long, value_name = "NAME", value_parser = spoken)]
        by: String,
        /// Why
        #[arg(long, value_name = "TEXT", value_parser = spoken)]
        reason: String,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
}

/// `declare`
#[derive(Debug, Clone, ClapArgs)]
pub struct Declare {
    /// Item of the checklist
    #[arg(value_name = "ITEM")]
    pub item: String,
    /// The checklist
    #[arg(long, default_value = CHECKLIST_DEFAULT, value_name = "ID")]
    pub checklist: String,
    /// The answer
    #[arg(long, value_enum, value_name = "ANSWER")]
    pub answer: DeclaredAnswer,
    /// Who says so
    #[arg(long, value_name = "NAME", value_parser = spoken)]
    pub by: String,
    /// Last day on which it stands, as YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub until: Option<civil::Date>,
    /// What it rests on
    #[arg(long, value_name = "TEXT", value_parser = spoken)]
    pub evidence: Option<String>,
    /// How to print.
    #[command(flatten)]
    pub output: Output,
}

/// An answer that a person can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum DeclaredAnswer {
    /// Done everywhere
    Implemented,
    /// Done in part
    Partly,
    /// Not done
    NotImplemented,
    /// Not known
    Unknown,
    /// Does not apply (only where the edition has it)
    NotApplicable,
}

impl From<DeclaredAnswer> for AnswerWord {
    fn from(answer: DeclaredAnswer) -> Self {
        match answer {
            DeclaredAnswer::Implemented => Self::Implemented,
            DeclaredAnswer::Partly => Self::Partly,
            DeclaredAnswer::NotImplemented => Self::NotImplemented,
            DeclaredAnswer::Unknown => Self::Unknown,
            DeclaredAnswer::NotApplicable => Self::NotApplicable,
        }
    }
}

/// `ledger …`
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Import the ledger (CSV); it replaces the one before
    Import {
        /// CSV file with the ledger's headings, UTF-8 or Shift_JIS
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Name of the ledger [default: name of the file]
        #[arg(long, value_name = "NAME", value_parser = spoken)]
        name: Option<String>,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// List the ledger's rows
    List {
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
}

/// `pack …`
#[derive(Debug, Subcommand)]
pub enum PackCommand {
    /// List the packs that the running collector uses
    List {
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Run the tests inside packs; needs no running collector
    Test {
        /// Folders of packs [default: the packs of this program]
        #[arg(value_name = "DIR")]
        folders: Vec<PathBuf>,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
}

/// What is wrong with the value of an argument, and how it would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongValue(pub Message);

fn wrong(key: &'static str) -> WrongValue {
    WrongValue(Message::new(key))
}

fn uses(text: &str) -> Result<u32, WrongValue> {
    let number = text.parse().ok().filter(|number| (1..=USES_MAX).contains(number));
    number.ok_or_else(|| WrongValue(Message::new("usage-uses").mention("max", USES_MAX)))
}

fn ttl(text: &str) -> Result<SignedDuration, WrongValue> {
    let span: jiff::Span = text.parse().map_err(|_| wrong("usage-ttl"))?;
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong("usage-ttl"))?;
    if duration < SignedDuration::from_mins(1) || duration > TTL_MAX {
        return Err(wrong("usage-ttl_range"));
    }
    Ok(duration)
}

fn network(text: &str) -> Result<IpNet, WrongValue> {
    text.parse().map_err(|_| wrong("usage-network"))
}

fn date(text: &str) -> Result<civil::Date, WrongValue> {
    text.parse().map_err(|_| wrong("usage-date"))
}

fn agent_id(text: &str) -> Result<AgentId, WrongValue> {
    text.parse().map_err(|_| wrong("usage-agent"))
}

/// A name or a reason as a person writes it: not empty, bounded, one line.
fn spoken(text: &str) -> Result<String, WrongValue> {
    crate::api::spoken(text).map_err(|error| match error {
        NotSpoken::Empty => wrong("usage-empty"),
        NotSpoken::Long => WrongValue(Message::new("usage-long").mention("max", TEXT_CHARS_MAX)),
        NotSpoken::Control => wrong("usage-control"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_tree_is_sound() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }

    #[test]
    fn every_command_of_the_contract_parses() {
        let id = "0190f3a1-0000-7000-8000-000000000001";
        for line in [
            "init",
            "serve --config c.toml --data-dir d",
            "--data-dir d serve",
            "check --config c.toml",
            "check --format json",
            "token create",
            "token create --uses 20 --ttl 1d --network 192.0.2.0/24 --network 2001:db8::/32 --site 本社 --auto-approve",
            "agents",
            "agents --format json",
            "agents list --format json",
            &format!("agents approve {id} {id}"),
            &format!("agents approve {id} --host pc01"),
            &format!("agents revoke {id}"),
            "hosts --format json --lang ja",
            &format!("host {id}"),
            "host pc01 --format text",
            &format!("hosts retire {id} --by 山田 --reason 廃棄"),
            "expect machines.csv",
            "answers",
            "answers --checklist tenken-base --format json",
            "explain 1",
            "explain patch.current --host pc01 --format json",
            "declare 5 --answer implemented --by 山田 --until 2027-03-31 --evidence 朝礼",
            "declare 5 --checklist ipa-self-3 --answer not_implemented --by 山田",
            "ledger import ledger.csv",
            "ledger list --format json",
            "risk --format json",
            "pack list",
            "pack test",
            "pack test some/folder",
            "overview --format json",
            "health",
        ] {
            let parsed = parse(&format!("tenken-collector {line}"));
            assert!(parsed.is_ok(), "{line}: {}", parsed.err().map(|e| e.to_string()).unwrap_or_default());
        }
    }

    #[test]
    fn wrong_values_name_the_option_and_the_remedy() {
        for (line, part) in [
            ("declare 5 --answer maybe --by x", "not_implemented"),
            ("declare 5 --answer partly", "--by"),
            ("declare 5 --answer partly --by x --until 31.3.2027", "YYYY-MM-DD"),
            ("token create --ttl 5", "unit"),
            ("token create --ttl 9999h", "7 days"),
            ("token create --uses 0", "whole number from 1"),
            ("token create --network 192.0.2.0/99", "--network"),
            ("agents approve", "<ID>"),
            ("agents revoke not-an-id", "not-an-id"),
            ("hosts retire 0190f3a1-0000-7000-8000-000000000001 --by x", "--reason"),
            ("answers --format xml", "json"),
            ("ledger", "import"),
            ("colect", "colect"),
        ] {
            let error = parse(&format!("tenken-collector {line}")).expect_err(line).to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn a_persons_text_is_one_bounded_line() {
        assert_eq!(spoken("  山田  "), Ok("山田".to_owned()));
        assert!(spoken("   ").is_err());
        assert!(spoken("a\u{1b}[31m").is_err());
        assert!(spoken(&"あ".repeat(TEXT_CHARS_MAX + 1)).is_err());
    }

    #[test]
    fn the_language_follows_the_environment() {
        let with =
            |name: &'static str, value: &'static str| Lang::from_env(move |it| (it == name).then(|| value.to_owned()));
        assert_eq!(with("LANG", "ja_JP.UTF-8"), Lang::Ja);
        assert_eq!(with("LC_ALL", "ja"), Lang::Ja);
        assert_eq!(with("LANG", "C.UTF-8"), Lang::En);
        assert_eq!(with("LANG", "jam_XX"), Lang::En);
        assert_eq!(Lang::from_env(|_| None), Lang::En);
    }
}
