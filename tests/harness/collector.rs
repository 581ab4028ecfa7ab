//! A real `tenken-collector` on free ports, in a folder of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::{AgentBuilder, eventually, program, signal, terminate, told};

/// Where a started collector listens.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Addresses {
    pub enrol: SocketAddr,
    pub report: SocketAddr,
    pub web: Option<SocketAddr>,
}

pub struct CollectorBuilder {
    config: toml::Table,
}

/// A collector with free ports and the default limits.
pub fn collector() -> CollectorBuilder {
    let config = toml::toml! {
        [listen]
        enrol = "127.0.0.1:0"
        report = "127.0.0.1:0"
        [web]
        listen = "127.0.0.1:0"
    };
    CollectorBuilder { config }
}

impl CollectorBuilder {
    /// Sets `[section] key`.
    pub fn set(mut self, section: &str, key: &str, value: impl Into<toml::Value>) -> Self {
        let table = self.config.entry(section).or_insert_with(|| toml::Table::new().into());
        table.as_table_mut().expect("a section").insert(key.to_owned(), value.into());
        self
    }

    /// Makes the CA and starts serving.
    pub fn start(self) -> Collector {
        let dir = TempDir::new().expect("a temporary folder");
        std::fs::write(dir.path().join("collector.toml"), self.config.to_string()).unwrap();
        let mut collector = Collector { dir, child: None, addresses: None };
        let output = collector.cli(&["init"]);
        assert!(output.status.success(), "init: {}", told(&output));
        collector.serve();
        collector
    }
}

pub struct Collector {
    dir: TempDir,
    child: Option<Child>,
    addresses: Option<Addresses>,
}

impl Collector {
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn config_file(&self) -> PathBuf {
        self.dir.path().join("collector.toml")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("serve.log")).unwrap_or_default()
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("a running collector").id()
    }

    pub fn addresses(&self) -> &Addresses {
        self.addresses.as_ref().expect("a running collector")
    }

    /// The command line of this collector's program.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program("tenken-collector"));
        command.arg("--config").arg(self.config_file()).arg("--data-dir").arg(self.data_dir()).args(args);
        command.env("LANG", "C.UTF-8").env_remove("LC_ALL").env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    pub fn cli(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("tenken-collector starts")
    }

    /// A command that must succeed and prints JSON.
    pub fn json(&self, args: &[&str]) -> Value {
        let mut all = args.to_vec();
        all.extend(["--format", "json"]);
        let output = self.cli(&all);
        assert!(output.status.success(), "{args:?}: {}", told(&output));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {}", told(&output)))
    }

    /// A new token, with further arguments of `token create`.
    pub fn token(&self, args: &[&str]) -> String {
        let mut all = vec!["token", "create"];
        all.extend(args);
        self.json(&all)["token"].as_str().expect("a token").to_owned()
    }

    /// An item of a checklist, as `answers` prints it.
    pub fn item(&self, checklist: &str, id: &str) -> Value {
        let answers = self.json(&["answers", "--checklist", checklist]);
        let items = answers["items"].as_array().expect("items").clone();
        items.into_iter().find(|item| item["id"] == id).unwrap_or_else(|| panic!("no item {id} in {answers}"))
    }

    /// Starts `serve` and waits until it answers.
    pub fn serve(&mut self) {
        let _ = std::fs::remove_file(self.data_dir().join("addresses.json"));
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("serve.log")).unwrap();
        let child = self.command(&["serve"]).stdout(log.try_clone().unwrap()).stderr(log).spawn();
        self.child = Some(child.expect("tenken-collector serve starts"));
        let addresses = self.data_dir().join("addresses.json");
        self.addresses = Some(eventually("the collector listens", || {
            let text = std::fs::read_to_string(&addresses).map_err(|error| format!("{error}; log: {}", self.log()))?;
            serde_json::from_str(&text).map_err(|error| format!("{error} in {text}"))
        }));
    }

    pub fn kill_9(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(&child, "KILL");
            let _ = child.wait();
        }
    }

    /// SIGTERM; fails when it does not end by itself.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let status = terminate(&mut child);
            assert!(status.is_some_and(|it| it.success()), "stop: {status:?}; log: {}", self.log());
        }
    }

    /// An agent that is to report to this collector.
    pub fn agent(&self) -> AgentBuilder<'_> {
        AgentBuilder::new(self)
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            terminate(&mut child);
        }
        if std::thread::panicking() {
            eprintln!("--- collector log ---\n{}", self.log());
        }
    }
}
