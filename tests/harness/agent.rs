//! A real `tenken-agent` that reports to a collector of the test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::{Collector, Disk, behind, eventually, signal, terminate, told};

pub struct AgentBuilder<'a> {
    collector: &'a Collector,
    root: Option<PathBuf>,
    config: toml::Table,
    token: Option<String>,
    disk_bytes: Option<u64>,
}

impl<'a> AgentBuilder<'a> {
    pub(crate) fn new(collector: &'a Collector) -> Self {
        Self { collector, root: None, config: toml::Table::new(), token: None, disk_bytes: None }
    }

    /// Observes this tree in place of the machine.
    pub fn root(mut self, root: &Path) -> Self {
        self.root = Some(root.to_path_buf());
        self
    }

    pub fn set(mut self, key: &str, value: impl Into<toml::Value>) -> Self {
        self.config.insert(key.to_owned(), value.into());
        self
    }

    pub fn token(mut self, token: String) -> Self {
        self.token = Some(token);
        self
    }

    /// Its data folder is a disk of its own, so large.
    pub fn disk(mut self, bytes: u64) -> Self {
        self.disk_bytes = Some(bytes);
        self
    }

    /// Enrols; the agent does not run yet.
    pub fn enrol(self) -> Agent {
        self.enrol_with(&[])
    }

    /// Asks to be enrolled and does not wait for a person.
    pub fn wait_for_approval(self) -> Agent {
        self.enrol_with(&["--no-wait"])
    }

    fn enrol_with(self, further: &[&str]) -> Agent {
        let dir = TempDir::new().expect("a temporary folder");
        std::fs::write(dir.path().join("agent.toml"), self.config.to_string()).unwrap();
        let disk = self.disk_bytes.map(|bytes| Disk::mount(&dir.path().join("data"), bytes));
        let agent = Agent { disk, dir, child: None, root: self.root };
        let token = self.token.unwrap_or_else(|| self.collector.token(&[]));
        let enrol = self.collector.addresses().enrol.to_string();
        let mut args = vec!["enrol", "--collector", &enrol, "--token", &token];
        args.extend(further);
        let output = agent.cli(&args);
        assert!(output.status.success(), "enrol: {}\ncollector: {}", told(&output), self.collector.log());
        agent
    }

    /// Enrols and runs.
    pub fn run(self) -> Agent {
        let mut agent = self.enrol();
        agent.run();
        agent
    }
}

pub struct Agent {
    disk: Option<Disk>,
    dir: TempDir,
    child: Option<Child>,
    root: Option<PathBuf>,
}

impl Agent {
    /// The data folder, as this process sees it.
    pub fn data_dir(&self) -> PathBuf {
        self.disk.as_ref().map_or_else(|| self.own_data_dir(), Disk::outside)
    }

    /// The data folder, as the agent sees it.
    fn own_data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The disk of its own.
    pub fn disk(&self) -> &Disk {
        self.disk.as_ref().expect("an agent with a disk of its own")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("run.log")).unwrap_or_default()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let words = self.disk.as_ref().map(Disk::prefix).unwrap_or_default();
        let mut command = behind(&words, "tenken-agent");
        command
            .arg("--config")
            .arg(self.dir.path().join("agent.toml"))
            .arg("--data-dir")
            .arg(self.own_data_dir())
            .args(args);
        command.env("LANG", "C.UTF-8").env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    pub fn cli(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("tenken-agent starts")
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("a running agent").id()
    }

    pub fn run(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("run.log")).unwrap();
        let mut command = self.command(&["run"]);
        if let Some(root) = &self.root {
            command.arg("--root").arg(root);
        }
        self.child =
            Some(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().expect("tenken-agent run starts"));
    }

    /// Waits until the program ends by itself; its exit code.
    pub fn ended(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("a running agent");
        let status = eventually("the agent ends by itself", || match child.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err(self.log()),
            Err(error) => Err(error.to_string()),
        });
        status.code()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        signal(self.child.as_ref().expect("a running agent"), name);
    }

    pub fn kill_9(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(&child, "KILL");
            let _ = child.wait();
        }
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let status = terminate(&mut child);
            assert!(status.is_some_and(|it| it.success()), "stop: {status:?}; log: {}", self.log());
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // A test may have frozen it.
            signal(&child, "CONT");
            terminate(&mut child);
        }
        if std::thread::panicking() {
            eprintln!("--- agent log ---\n{}", self.log());
        }
    }
}
