//! The pages in a real browser, over a real collector with a real agent: both languages, desktop and phone.
//!
//! Each page is looked at for what a person would see wrong (`faults.js`): an error on the console, something that
//! the content policy stopped, a page wider than the screen, a table that is cut off, a column of single characters,
//! a broken word, text too weak to read, a control without a name. So it is on a desktop, two tablets and a phone,
//! in the dark, on paper, and before there is anything to show. Then a file of the observed root changes and the
//! open page follows by itself. With `TENKEN_SCREENSHOTS=DIR` a picture of each page is kept there.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::PathBuf;
use std::time::Duration;

use harness::{Agent, Collector, Root, collector, eventually, within};
use jiff::Timestamp;
use serde_json::Value;

mod chromium;

use chromium::{Browser, Tab};

/// From a changed file to the changed page, as in the flows from file to answer, and the page's own way.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(4);

/// Width and height of the screens.
const SCREENS: [(&str, u32, u32); 4] =
    [("desktop", 1280, 900), ("tablet-wide", 1024, 768), ("tablet", 768, 1024), ("phone", 390, 844)];

/// The width of an A4 page without its margins, in CSS pixels, and any height.
const PAPER: (u32, u32) = (711, 1000);

#[expect(clippy::disallowed_methods, reason = "prepared facts are dated from the real clock that the programs read")]
fn now() -> Timestamp {
    Timestamp::now()
}

struct Scene {
    root: Root,
    collector: Collector,
    _agent: Agent,
}

/// One host that reports, six that are expected beside it (with names that try the layout), a declaration, and the
/// sample ledger.
fn scene() -> Scene {
    let scene = small_scene();
    let collector = &scene.collector;
    let expected = collector.path().join("expected.csv");
    let long = ["a".repeat(63), "b".repeat(63), "c".repeat(60)].join(".");
    let names = format!(
        "host_name,class\nkeiri-pc01,pc\nkeiri-pc02,pc\nfile-server,server\n{long},server\n<script>alert(1)</script>,pc\n\
         東京本社経理部第一課共有プリンターサーバー二号機予備機,server\n"
    );
    std::fs::write(&expected, names).unwrap();
    run(collector, &["expect", &expected.display().to_string()]);
    run(
        collector,
        &["declare", "13", "--answer", "implemented", "--by", "佐藤 <b>花子</b>", "--evidence", "規程\u{202E} 第4版"],
    );
    let sample = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/sample-ledger.csv");
    run(collector, &["ledger", "import", &sample.display().to_string()]);
    scene
}

/// One host that reports, and nothing else: what it shows is the answer.
fn small_scene() -> Scene {
    let root = Root::debian_12("keiri-pc01", now());
    root.write("proc/sys/kernel/hostname", "keiri-pc01\n");
    root.free_usb_storage();
    let collector = collector().start();
    let agent = collector.agent().root(root.path()).run();
    eventually("the host is observed", || match collector.item("tenken-base", "usb") {
        item if item["hosts_observed"] == 1 => Ok(()),
        item => Err(item.to_string()),
    });
    Scene { root, collector, _agent: agent }
}

fn run(collector: &Collector, args: &[&str]) {
    let output = collector.cli(args);
    assert!(output.status.success(), "{args:?}: {}", harness::told(&output));
}

impl Scene {
    fn address(&self) -> String {
        format!("http://{}", self.collector.addresses().web.expect("the pages are served"))
    }

    /// The addresses of every kind of page.
    fn paths(&self) -> Vec<(String, String)> {
        let hosts = self.collector.json(&["hosts"]);
        let host = hosts["hosts"].as_array().unwrap().iter().find_map(|it| it["id"].as_str()).expect("a host");
        [
            ("overview", "/"),
            ("hosts", "/hosts"),
            ("host", &format!("/hosts/{host}")),
            ("checklists", "/checklists"),
            ("ipa-self-3", "/checklists/ipa-self-3"),
            ("tenken-base", "/checklists/tenken-base"),
            ("item-1", "/checklists/ipa-self-3/items/1"),
            ("item-13", "/checklists/ipa-self-3/items/13"),
            ("risks", "/risks"),
            ("agents", "/agents"),
            ("not-found", "/nowhere"),
        ]
        .map(|(name, path)| (name.to_owned(), path.to_owned()))
        .to_vec()
    }

    /// A tab that a one-use link let in.
    fn enter<'a>(&self, browser: &'a mut Browser) -> Tab<'a> {
        let link = self.collector.json(&["open"])["link"].as_str().expect("a link").to_owned();
        let mut tab = browser.tab();
        tab.open(&link);
        assert_eq!(tab.script("location.pathname"), "/", "the link leads inside");
        tab
    }
}

#[test]
fn every_page_is_sound_in_both_languages_on_every_screen() {
    let scene = scene();
    let mut browser = Browser::start();
    let mut tab = scene.enter(&mut browser);
    let mut wrong = Vec::new();
    for (screen, width, height) in SCREENS {
        tab.screen(width, height);
        wrong.extend(wrong_pages(&mut tab, &scene.address(), &scene.paths(), screen));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_is_sound_in_the_dark_and_on_paper() {
    let scene = scene();
    let mut browser = Browser::start();
    let mut tab = scene.enter(&mut browser);
    tab.screen(1280, 900);
    tab.media("screen", "dark");
    let mut wrong = wrong_pages(&mut tab, &scene.address(), &scene.paths(), "dark");
    // Who reads in the dark still prints on white paper.
    tab.media("print", "dark");
    tab.screen(PAPER.0, PAPER.1);
    for (name, path) in scene.paths() {
        wrong.extend(wrong_pages(&mut tab, &scene.address(), &[(name.clone(), path)], "paper"));
        let seen = tab.script(
            "(() => { const shown = (it) => it !== null && it.checkVisibility(); const at = (it) => document.querySelector(it); \
             return [shown(at('nav')), shown(at('.languages')), shown(at('#updated')) && shown(at('.zone')), \
             [...document.querySelectorAll('table')].every((it) => getComputedStyle(it).display === 'table')]; })()",
        );
        assert_eq!(seen, serde_json::json!([false, false, true, true]), "{name}: no navigation, the time, tables");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_is_sound_before_there_is_anything_to_show() {
    let collector = collector().start();
    let address = format!("http://{}", collector.addresses().web.expect("the pages are served"));
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    tab.screen(390, 844);
    let closed =
        [("closed".to_owned(), "/".to_owned()), ("used".to_owned(), "/open/aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned())];
    let mut wrong = wrong_pages(&mut tab, &address, &closed, "empty");
    tab.open(collector.json(&["open"])["link"].as_str().expect("a link"));
    let pages = ["/", "/hosts", "/checklists/ipa-self-3", "/checklists/ipa-self-3/items/1", "/risks", "/agents"];
    let pages = pages.map(|path| (path.trim_matches('/').replace('/', "-"), path.to_owned()));
    wrong.extend(wrong_pages(&mut tab, &address, &pages, "empty"));
    tab.open(&format!("{address}/?lang=en"));
    let text = tab.script("document.getElementById('main').innerText");
    let text = text.as_str().expect("text");
    assert!(text.contains("No host could be judged yet"), "nothing seen is not nothing to do: {text}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn whoever_goes_by_keyboard_sees_where_they_are() {
    let scene = small_scene();
    let mut browser = Browser::start();
    let mut tab = scene.enter(&mut browser);
    for (name, path) in scene.paths() {
        tab.open(&format!("{}{path}", scene.address()));
        let unseen = tab.script(
            "[...document.querySelectorAll('a, button, summary, input, [tabindex=\"0\"]')].filter((it) => it.checkVisibility()).filter((it) => { \
             it.focus({ focusVisible: true }); const style = getComputedStyle(it); \
             return document.activeElement !== it || style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2; \
             }).map((it) => it.outerHTML.slice(0, 80))",
        );
        assert_eq!(unseen, serde_json::json!([]), "{name}: without a visible focus");
    }
}

/// What is wrong on these pages in both languages.
fn wrong_pages(tab: &mut Tab<'_>, address: &str, pages: &[(String, String)], screen: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for lang in ["ja", "en"] {
        for (name, path) in pages {
            tab.open(&format!("{address}{path}?lang={lang}"));
            let place = format!("{screen} {lang} {name}");
            wrong.extend(
                tab.complaints().into_iter().filter(|it| !on_purpose(screen, it)).map(|it| format!("{place}: {it}")),
            );
            wrong.extend(faults(tab).into_iter().map(|it| format!("{place}: {it}")));
            assert_eq!(tab.script("document.documentElement.lang"), lang, "{place}");
            keep_picture(tab, &format!("{screen}-{lang}-{name}"));
        }
    }
    wrong
}

/// Missing and closed pages are asked for on purpose; the browser may tell of one a page later.
fn on_purpose(screen: &str, complaint: &str) -> bool {
    (complaint.contains("404") && complaint.contains("/nowhere")) || (complaint.contains("403") && screen == "empty")
}

/// What a person would see wrong on the page that is open.
fn faults(tab: &mut Tab<'_>) -> Vec<String> {
    let found = tab.script(include_str!("faults.js"));
    found.as_array().expect("a list of faults").iter().map(|it| it.as_str().unwrap_or_default().to_owned()).collect()
}

fn keep_picture(tab: &mut Tab<'_>, name: &str) {
    if let Some(folder) = std::env::var_os("TENKEN_SCREENSHOTS") {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(PathBuf::from(folder).join(format!("{name}.png")), tab.picture()).unwrap();
    }
}

#[test]
fn an_open_page_follows_a_verdict_and_keeps_the_readers_place() {
    let scene = small_scene();
    let mut browser = Browser::start();
    let mut tab = scene.enter(&mut browser);
    tab.open(&format!("{}/checklists/tenken-base?lang=en", scene.address()));
    let word = "document.querySelector('#item-usb td .mark')?.dataset.word ?? ''";
    eventually("the page listens", || match tab.script("document.getElementById('live').dataset.state ?? ''") {
        state if state == "on" => Ok(()),
        state => Err(state.to_string()),
    });
    let before = tab.script(word);
    // The reader opens a part, goes to a link and scrolls; a mark in the window shows that nothing was reloaded.
    tab.script("window.stayed = true; document.querySelector('#why-usb').open = true; document.querySelector('#item-usb th a').focus(); window.scrollTo(0, 120); 0");
    let place = "[window.stayed === true, document.querySelector('#why-usb').open, document.activeElement.closest('tr')?.id ?? '', window.scrollY]";
    let placed = tab.script(place);
    scene.root.block_usb_storage();
    let (after, took) = within(FOLLOWS_WITHIN, "the open page follows", || match tab.script(word) {
        same if same == before => Err(same.to_string()),
        other => Ok(other),
    });
    eprintln!("usb {before} → {after} on the open page after {took:?}");
    assert_eq!(tab.script(place), placed, "opened part, focus and scroll stay");
    assert_eq!(tab.complaints(), Vec::<String>::new());
}

#[test]
fn the_pages_are_complete_without_scripts_and_closed_without_a_link() {
    let scene = scene();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    tab.open(&scene.address());
    let text = tab.script("document.body.innerText");
    let closed = |text: &Value| text.as_str().is_some_and(|it| it.contains("tenken-collector open"));
    assert!(closed(&text), "{text}");
    tab.close();
    let mut tab = scene.enter(&mut browser);
    tab.without_scripts();
    tab.open(&format!("{}/checklists/ipa-self-3?lang=ja", scene.address()));
    assert_eq!(tab.script("document.querySelectorAll('tr[id^=item-]').length"), 25);
}

#[test]
fn what_people_and_hosts_write_is_shown_and_does_nothing() {
    let scene = scene();
    let mut browser = Browser::start();
    let mut tab = scene.enter(&mut browser);
    tab.open(&format!("{}/checklists/ipa-self-3/items/13?lang=ja", scene.address()));
    let text = tab.script("document.getElementById('main').innerText");
    let text = text.as_str().expect("text");
    assert!(text.contains("佐藤 <b>花子</b>"), "markup is text: {text}");
    assert!(text.contains("⟨U+202E⟩") && !text.contains('\u{202E}'), "direction marks are shown: {text}");
}
