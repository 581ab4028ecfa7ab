//! A real `tenken-collector` on free ports, in a folder of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::{AgentBuilder, Disk, behind, eventually, signal, terminate, told};

/// Where a started collector listens.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Addresses {
    pub enrol: SocketAddr,
    pub report: SocketAddr,
    pub web: Option<SocketAddr>,
}

pub struct CollectorBuilder {
    config: toml::Table,
    disk_bytes: Option<u64>,
    files_max: Option<u32>,
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
    CollectorBuilder { config, disk_bytes: None, files_max: None }
}

impl CollectorBuilder {
    /// Sets `[section] key`.
    pub fn set(mut self, section: &str, key: &str, value: impl Into<toml::Value>) -> Self {
        let table = self.config.entry(section).or_insert_with(|| toml::Table::new().into());
        table.as_table_mut().expect("a section").insert(key.to_owned(), value.into());
        self
    }

    /// Its data folder is a disk of its own, so large.
    pub fn disk(mut self, bytes: u64) -> Self {
        self.disk_bytes = Some(bytes);
        self
    }

    /// `serve` may have so many files and sockets open.
    pub fn files_max(mut self, files: u32) -> Self {
        self.files_max = Some(files);
        self
    }

    /// Makes the CA and starts serving.
    pub fn start(self) -> Collector {
        let dir = TempDir::new().expect("a temporary folder");
        std::fs::write(dir.path().join("collector.toml"), self.config.to_string()).unwrap();
        let disk = self.disk_bytes.map(|bytes| Disk::mount(&dir.path().join("data"), bytes));
        let mut collector = Collector { disk, dir, child: None, addresses: None, files_max: self.files_max };
        let output = collector.cli(&["init"]);
        assert!(output.status.success(), "init: {}", told(&output));
        collector.serve();
        collector
    }
}

pub struct Collector {
    disk: Option<Disk>,
    dir: TempDir,
    child: Option<Child>,
    addresses: Option<Addresses>,
    files_max: Option<u32>,
}

impl Collector {
    /// The data folder, as this process sees it.
    pub fn data_dir(&self) -> PathBuf {
        self.disk.as_ref().map_or_else(|| self.own_data_dir(), Disk::outside)
    }

    /// The data folder, as the collector sees it.
    fn own_data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The disk of its own.
    pub fn disk(&self) -> &Disk {
        self.disk.as_ref().expect("a collector with a disk of its own")
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
        self.command_behind(Vec::new(), args)
    }

    fn command_behind(&self, words: Vec<String>, args: &[&str]) -> Command {
        let mut all = self.disk.as_ref().map(Disk::prefix).unwrap_or_default();
        all.extend(words);
        let mut command = behind(&all, "tenken-collector");
        command.arg("--config").arg(self.config_file()).arg("--data-dir").arg(self.own_data_dir()).args(args);
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
        let limit = self.files_max.map(|files| vec!["prlimit".to_owned(), format!("--nofile={files}:{files}")]);
        let mut command = self.command_behind(limit.unwrap_or_default(), &["serve"]);
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn();
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
