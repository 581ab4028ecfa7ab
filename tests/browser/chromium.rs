//! A headless Chromium, driven over its debugging pipe: no port, no driver, no further crate.
//!
//! Messages are JSON, each ended by a zero byte, on the descriptors 3 and 4 of the browser (DevTools protocol).

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long the browser may take for one thing.
const PATIENCE: Duration = Duration::from_secs(30);
/// Messages of the browser that wait to be looked at.
const WAITING_MAX: usize = 65_536;

/// A running browser with a profile of its own.
pub(crate) struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    number: u64,
    events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Starts the browser; fails with the remedy where there is none.
    pub(crate) fn start() -> Self {
        let program = find();
        let profile = TempDir::new().expect("a temporary folder");
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null"])
            .arg(&program)
            .args(["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-extensions", "--disable-dev-shm-usage", "--no-default-browser-check", "--mute-audio"])
            .args(["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--hide-scrollbars", "--lang=en"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        let to = child.stdin.take().expect("a pipe to the browser");
        let out = child.stdout.take().expect("a pipe from the browser");
        let (sender, from) = sync_channel(WAITING_MAX);
        std::thread::spawn(move || {
            let mut out = BufReader::new(out);
            let mut message = Vec::new();
            while out.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                let parsed = serde_json::from_slice(&message).unwrap_or(Value::Null);
                message.clear();
                if sender.send(parsed).is_err() {
                    return;
                }
            }
        });
        Self { child, to, from, number: 0, events: Vec::new(), _profile: profile }
    }

    /// A new tab.
    pub(crate) fn tab(&mut self) -> Tab<'_> {
        let target = self.ask("", "Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let attached = self.ask("", "Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        let session = attached["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.ask(&session, &format!("{domain}.enable"), json!({}));
        }
        // The page takes itself to be looked at: a hidden one gives its event stream up.
        self.ask(&session, "Page.bringToFront", json!({}));
        self.ask(&session, "Emulation.setFocusEmulationEnabled", json!({"enabled": true}));
        Tab { browser: self, session, target }
    }

    fn ask(&mut self, session: &str, method: &str, params: Value) -> Value {
        self.number += 1;
        let number = self.number;
        let mut message = json!({"id": number, "method": method, "params": params});
        if !session.is_empty() {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).expect("the browser takes a message");
        let until = Instant::now() + PATIENCE;
        loop {
            let reply = self.next(until).unwrap_or_else(|| panic!("the browser did not answer {method}"));
            if reply["id"] == number {
                assert!(reply["error"].is_null(), "{method}: {}", reply["error"]);
                return reply["result"].clone();
            }
            self.events.push(reply);
        }
    }

    fn next(&mut self, until: Instant) -> Option<Value> {
        match self.from.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the browser ended"),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn find() -> PathBuf {
    let named = std::env::var_os("TENKEN_CHROMIUM").map(PathBuf::from);
    let usual = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).flat_map(|folder| usual.map(|name| folder.join(name)));
    named.into_iter().chain(places).find(|it| it.is_file()).unwrap_or_else(|| {
        panic!("no Chromium: run tests/run, which installs it (or: apt-get install chromium fonts-noto-cjk), or name one in TENKEN_CHROMIUM")
    })
}

/// One page of the browser.
pub(crate) struct Tab<'a> {
    browser: &'a mut Browser,
    session: String,
    target: Value,
}

impl Tab<'_> {
    /// Opens an address and waits until it is loaded.
    pub(crate) fn open(&mut self, address: &str) {
        self.browser.events.clear();
        let opened = self.ask("Page.navigate", json!({"url": address}));
        assert!(opened["errorText"].is_null(), "{address}: {}", opened["errorText"]);
        let loader = opened["loaderId"].clone();
        let until = Instant::now() + PATIENCE;
        let loaded = |it: &Value| it["method"] == "Page.loadEventFired";
        let committed =
            |it: &Value| it["method"] == "Page.frameNavigated" && it["params"]["frame"]["loaderId"] == loader;
        loop {
            let events = &self.browser.events;
            let after = events.iter().position(&committed);
            if after.is_some_and(|at| events[at..].iter().any(&loaded)) {
                break;
            }
            let event = self.browser.next(until).unwrap_or_else(|| panic!("{address} was not loaded"));
            self.browser.events.push(event);
        }
    }

    /// The value of an expression in the page.
    pub(crate) fn script(&mut self, expression: &str) -> Value {
        let answer = self
            .ask("Runtime.evaluate", json!({"expression": expression, "returnByValue": true, "awaitPromise": true}));
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// The size of the screen.
    pub(crate) fn screen(&mut self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.ask("Emulation.setDeviceMetricsOverride", size);
    }

    /// Shows pages as on that medium (`screen`, `print`) for a reader who prefers `light` or `dark`.
    pub(crate) fn media(&mut self, medium: &str, scheme: &str) {
        let scheme = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.ask("Emulation.setEmulatedMedia", json!({"media": medium, "features": scheme}));
    }

    /// Scripts of pages do not run from now on.
    pub(crate) fn without_scripts(&mut self) {
        self.ask("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    }

    /// What the browser complained about since the page was opened: errors, stopped loads, broken policies.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        let of = |event: &Value| {
            let params = &event["params"];
            let text = match event["method"].as_str()? {
                "Runtime.exceptionThrown" => params["exceptionDetails"].to_string(),
                "Runtime.consoleAPICalled" if params["type"] == "error" || params["type"] == "warning" => {
                    params["args"].to_string()
                }
                "Log.entryAdded" if params["entry"]["level"] == "error" || params["entry"]["level"] == "warning" => {
                    format!("{} {}", params["entry"]["text"], params["entry"]["url"])
                }
                "Network.loadingFailed" if params["canceled"] != true => params.to_string(),
                _ => return None,
            };
            Some(text)
        };
        self.browser.events.iter().filter_map(of).collect()
    }

    /// A picture of the whole page.
    pub(crate) fn picture(&mut self) -> Vec<u8> {
        let taken = self.ask("Page.captureScreenshot", json!({"format": "png", "captureBeyondViewport": true}));
        data_encoding::BASE64.decode(taken["data"].as_str().unwrap_or_default().as_bytes()).expect("base64")
    }

    /// Closes the tab.
    pub(crate) fn close(self) {
        let target = self.target.clone();
        self.browser.ask("", "Target.closeTarget", json!({"targetId": target}));
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let session = self.session.clone();
        self.browser.ask(&session, method, params)
    }
}
