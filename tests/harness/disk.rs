//! A small disk for one program: a tmpfs in a mount namespace of its own. When it is full, writes fail with ENOSPC.
//!
//! A waiting process holds the namespace, so that the disk outlives the program on it and can be looked at through
//! `/proc`. Root makes the namespace as it is; others do it within a user namespace. Where neither is allowed the
//! test fails and says so: a full disk is then not driven at all.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What takes the room that others are not to have.
const BALLAST: &str = "ballast";
/// Longest life of a disk whose test was killed.
const HELD_SECONDS: &str = "1800";
/// Written at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// A disk that is mounted for those who are sent inside.
pub struct Disk {
    holder: Child,
    path: PathBuf,
    user_namespace: bool,
}

impl Disk {
    /// Mounts an empty disk of that size on a folder, for its owner only.
    pub fn mount(path: &Path, bytes: u64) -> Self {
        std::fs::create_dir_all(path).expect("a folder to mount on");
        match Self::held(path, bytes, false).or_else(|plain| {
            Self::held(path, bytes, true).map_err(|user| format!("as this user: {plain}; in a user namespace: {user}"))
        }) {
            Ok(disk) => disk,
            Err(told) => panic!("NOT DRIVEN: no file system of a test's own can be mounted here, {told}"),
        }
    }

    fn held(path: &Path, bytes: u64, user_namespace: bool) -> Result<Self, String> {
        let script = format!(
            "mount -t tmpfs -o size={bytes},mode=0700 tmpfs \"$0\" && echo mounted && exec sleep {HELD_SECONDS}"
        );
        let mut command = Command::new("unshare");
        command.arg(if user_namespace { "-Urm" } else { "-m" }).args(["sh", "-c", &script]).arg(path);
        let mut holder = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut told = String::new();
        BufReader::new(holder.stdout.take().expect("piped")).read_line(&mut told).map_err(|error| error.to_string())?;
        if told.trim() == "mounted" {
            return Ok(Self { holder, path: path.to_owned(), user_namespace });
        }
        let output = holder.wait_with_output().map_err(|error| error.to_string())?;
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }

    /// The words before a program that is to run on this disk; its process id stays that of the words.
    pub(crate) fn prefix(&self) -> Vec<String> {
        let mut words: Vec<String> = ["nsenter", "-t", &self.holder.id().to_string(), "-m"].map(str::to_owned).to_vec();
        if self.user_namespace {
            words.extend(["-U", "--preserve-credentials"].map(str::to_owned));
        }
        words.push("--".to_owned());
        words
    }

    /// The disk as this process sees it.
    pub fn outside(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.path.strip_prefix("/").expect("an absolute path"))
    }

    /// Takes all room but so many bytes, by bytes that are really written.
    pub fn leave(&self, bytes: u64) {
        let mut ballast =
            std::fs::OpenOptions::new().create(true).append(true).open(self.outside().join(BALLAST)).expect("ballast");
        loop {
            let over = self.available().saturating_sub(bytes);
            let part = usize::try_from(over).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
            if part == 0 || ballast.write_all(&vec![0; part]).is_err() {
                return;
            }
        }
    }

    /// Takes every byte that there is.
    pub fn fill(&self) {
        self.leave(0);
    }

    /// Gives the room back.
    pub fn make_room(&self) {
        std::fs::remove_file(self.outside().join(BALLAST)).expect("the ballast goes");
    }

    /// Bytes that are left.
    pub fn available(&self) -> u64 {
        let output = Command::new("stat").args(["-f", "-c", "%a %S"]).arg(self.outside()).output().expect("stat");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [blocks, size] = numbers[..] else { panic!("stat said {text:?}") };
        blocks * size
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
