//! apt's configuration: `apt.conf.d` in order, then `apt.conf`, into one tree of named values.
//!
//! Names do not differ by case; `a { b "c"; };` and `a::b "c";` are the same; a name that ends in `::` adds to
//! a list; `#clear` and `#include` work, comments are `//`, `#` and `/* */`. A file that apt would refuse is
//! [`Reason::Malformed`](tenken_proto::observed::Reason::Malformed) with its line: apt refuses to work then.

use crate::probe::patch::apt::files::{self, Trouble};
use crate::probe::patch::apt::stanza;
use crate::root::Root;

/// Deepest tree.
const LEVELS_MAX: usize = 32;
/// Deepest chain of includes, as apt.
const INCLUDES_MAX: usize = 10;
/// Values of which apt is built.
const DEFAULTS: [(&str, &str); 13] = [
    ("Dir", "/"),
    ("Dir::State", "var/lib/apt"),
    ("Dir::State::lists", "lists/"),
    ("Dir::State::status", "/var/lib/dpkg/status"),
    ("Dir::Etc", "etc/apt"),
    ("Dir::Etc::sourcelist", "sources.list"),
    ("Dir::Etc::sourceparts", "sources.list.d"),
    ("Dir::Etc::main", "apt.conf"),
    ("Dir::Etc::parts", "apt.conf.d"),
    ("Dir::Etc::preferences", "preferences"),
    ("Dir::Etc::preferencesparts", "preferences.d"),
    ("Dir::Log", "var/log/apt"),
    ("Dir::Log::History", "history.log"),
];

/// The tree.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    top: Item,
}

#[derive(Debug, Clone, Default)]
struct Item {
    tag: String,
    value: String,
    children: Vec<Item>,
}

/// Reads the configuration of the system beneath the root.
pub(crate) fn read(root: &Root) -> Result<Config, Trouble> {
    let mut config = Config::defaults();
    let parts = config.path("Dir::Etc::parts");
    config.read_dir(root, &parts, 0)?;
    let main = config.path("Dir::Etc::main");
    if let Some(bytes) = files::regular(root, &main)? {
        config.parse(root, &main, &bytes, 0)?;
    }
    Ok(config)
}

impl Config {
    /// What holds without any file.
    pub(crate) fn defaults() -> Self {
        let mut config = Self { top: Item::default() };
        for (name, value) in DEFAULTS {
            let _ = config.set(name, value);
        }
        config
    }

    /// The value of that name; empty when it is not set.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.find(name).map_or("", |item| &item.value)
    }

    /// The values of a list, or a single value cut at its commas.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let Some(item) = self.find(name) else { return vec![] };
        if !item.value.is_empty() {
            return item.value.split(',').map(str::to_owned).collect();
        }
        item.children.iter().map(|child| child.value.clone()).collect()
    }

    /// A path: a value that is not absolute continues those above it.
    pub(crate) fn path(&self, name: &str) -> String {
        let values: Vec<&str> = self.values_above(name);
        let mut path = String::new();
        for value in values.iter().rev() {
            path =
                if path.is_empty() { (*value).to_owned() } else { format!("{}/{path}", value.trim_end_matches('/')) };
            if value.starts_with('/') {
                break;
            }
        }
        if path.starts_with("/dev/null") {
            return "/dev/null".to_owned();
        }
        format!("{}{path}", self.value("RootDir").trim_end_matches('/'))
    }

    /// The values that are set on the way to a name, from the top.
    fn values_above(&self, name: &str) -> Vec<&str> {
        let mut item = &self.top;
        let mut values = vec![];
        for tag in name.split("::") {
            let Some(child) = item.child(tag) else { return vec![] };
            item = child;
            if !item.value.is_empty() {
                values.push(item.value.as_str());
            }
        }
        if item.value.is_empty() { vec![] } else { values }
    }

    fn find(&self, name: &str) -> Option<&Item> {
        name.split("::").try_fold(&self.top, |item, tag| item.child(tag))
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        let mut item = &mut self.top;
        for (level, tag) in name.split("::").enumerate() {
            if level == LEVELS_MAX {
                return Err("too many levels");
            }
            item = item.child_or_new(tag);
        }
        value.clone_into(&mut item.value);
        Ok(())
    }

    fn clear(&mut self, name: &str) {
        let mut item = &mut self.top;
        for tag in name.split("::") {
            let Some(at) = item.position(tag) else { return };
            item = &mut item.children[at];
        }
        item.value.clear();
        item.children.clear();
    }

    fn read_dir(&mut self, root: &Root, dir: &str, depth: usize) -> Result<(), Trouble> {
        if dir == "/dev/null" {
            return Ok(());
        }
        for (path, bytes) in files::parts(root, dir, &["conf", ""])? {
            self.parse(root, &path, &bytes, depth)?;
        }
        Ok(())
    }

    /// Takes over one file.
    pub(crate) fn parse(&mut self, root: &Root, path: &str, bytes: &[u8], depth: usize) -> Result<(), Trouble> {
        let mut reader = Reader::default();
        for (index, line) in stanza::text(bytes).split('\n').enumerate() {
            let place = |what: &str| Trouble::malformed(format!("{path}, line {}: {what}", index + 1));
            for statement in reader.line(line) {
                match statement.map_err(place)? {
                    Statement::Set(name, value) => self.set(&name, &value).map_err(place)?,
                    Statement::Clear(name) => self.clear(&name),
                    Statement::Include(_) if depth == INCLUDES_MAX => return Err(place("too many nested includes")),
                    Statement::Include(file) => self.include(root, &file, depth + 1)?,
                }
            }
        }
        if reader.pending.is_empty() {
            Ok(())
        } else {
            Err(Trouble::malformed(format!("{path}: the last value does not end with `;`")))
        }
    }

    fn include(&mut self, root: &Root, file: &str, depth: usize) -> Result<(), Trouble> {
        if file.len() > 2 && file.ends_with('/') {
            return self.read_dir(root, file, depth);
        }
        match files::regular(root, file)? {
            Some(bytes) => self.parse(root, file, &bytes, depth),
            None => Err(Trouble::malformed(format!("{file}: included by apt's configuration and not there"))),
        }
    }
}

impl Item {
    fn position(&self, tag: &str) -> Option<usize> {
        self.children.iter().position(|child| child.tag.eq_ignore_ascii_case(tag))
    }

    fn child(&self, tag: &str) -> Option<&Self> {
        self.position(tag).map(|at| &self.children[at])
    }

    fn child_or_new(&mut self, tag: &str) -> &mut Self {
        // An empty tag stands for a new entry of a list.
        let at = self.position(tag).filter(|_| !tag.is_empty()).unwrap_or_else(|| {
            self.children.push(Self { tag: tag.to_owned(), ..Self::default() });
            self.children.len() - 1
        });
        &mut self.children[at]
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Statement {
    Set(String, String),
    Clear(String),
    Include(String),
}

/// What goes over from line to line.
#[derive(Debug, Default)]
struct Reader {
    in_comment: bool,
    /// Text since the last `;`, `{` or `}`.
    pending: String,
    /// Name of the block that is open, and of those around it.
    scope: String,
    outer: Vec<String>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Vec<Result<Statement, &'static str>> {
        let line = self.without_comments(line.replace('\t', " ").trim());
        let mut statements = vec![];
        let (mut start, mut in_quote) = (0, false);
        for (at, c) in line.char_indices() {
            in_quote ^= c == '"';
            if !in_quote && matches!(c, '{' | ';' | '}') {
                self.append(&line[start..at]);
                start = at + 1;
                match self.end(c) {
                    Ok(None) => {}
                    Ok(Some(statement)) => statements.push(Ok(statement)),
                    Err(what) => {
                        statements.push(Err(what));
                        return statements;
                    }
                }
            }
        }
        self.append(&line[start..]);
        statements
    }

    fn append(&mut self, text: &str) {
        let text = text.trim();
        if !self.pending.is_empty() && !text.is_empty() {
            self.pending.push(' ');
        }
        self.pending.push_str(text);
    }

    fn without_comments(&mut self, mut line: &str) -> String {
        if self.in_comment {
            let Some(end) = line.find("*/") else { return String::new() };
            line = &line[end + 2..];
            self.in_comment = false;
        }
        line = &line[..unquoted(line, "//", |_| true).unwrap_or(line.len())];
        let directive =
            |rest: &str| ["clear", "include", "x-apt-configure-index"].iter().any(|it| rest.starts_with(it));
        line = &line[..unquoted(line, "#", |rest| !directive(rest)).unwrap_or(line.len())];
        let mut kept = String::new();
        while let Some(at) = unquoted(line, "/*", |_| true) {
            kept.push_str(&line[..at]);
            let Some(end) = line[at + 2..].find("*/") else {
                self.in_comment = true;
                return kept;
            };
            line = &line[at + 2 + end + 2..];
        }
        kept.push_str(line);
        kept
    }

    /// Takes the pending text as a whole, ended by `;`, `{` or `}`.
    fn end(&mut self, by: char) -> Result<Option<Statement>, &'static str> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            match by {
                '{' => return Err("a block without a name"),
                '}' => self.leave(),
                _ => {}
            }
            return Ok(None);
        }
        let (tag, rest) = quote_word(&pending).ok_or("malformed name")?;
        let (word, rest) = match c_word(rest).or_else(|| quote_word(rest)) {
            Some((word, rest)) => (Some(word), rest),
            None => (None, rest),
        };
        if !rest.is_empty() {
            return Err("something after the value");
        }
        let statement = if by == '{' { self.enter(&tag, word) } else { self.statement(tag, word) };
        if by == '}' {
            self.leave();
        }
        statement
    }

    fn enter(&mut self, tag: &str, word: Option<String>) -> Result<Option<Statement>, &'static str> {
        if self.outer.len() == LEVELS_MAX {
            return Err("too many nested blocks");
        }
        let inner = if self.scope.is_empty() { tag.to_owned() } else { format!("{}::{tag}", self.scope) };
        self.outer.push(std::mem::replace(&mut self.scope, inner));
        Ok(word.map(|word| Statement::Set(self.scope.clone(), word)))
    }

    fn statement(&self, tag: String, word: Option<String>) -> Result<Option<Statement>, &'static str> {
        // A lone word is the value of a list entry.
        let (tag, word) = match word {
            Some(word) => (tag, word),
            None => (String::new(), tag),
        };
        if let Some(directive) = tag.strip_prefix('#') {
            if !self.scope.is_empty() {
                return Err("a directive inside a block");
            }
            return match directive {
                "clear" => Ok(Some(Statement::Clear(word))),
                "include" => Ok(Some(Statement::Include(word))),
                "x-apt-configure-index" => Ok(None),
                _ => Err("an unknown directive"),
            };
        }
        if tag.is_empty() && word == "#clear" {
            return Err("#clear without a name");
        }
        let name = if self.scope.is_empty() { tag } else { format!("{}::{tag}", self.scope) };
        Ok(Some(Statement::Set(name, word)))
    }

    fn leave(&mut self) {
        self.scope = self.outer.pop().unwrap_or_default();
    }
}

/// Where the text stands outside quotes and is followed by what counts.
fn unquoted(line: &str, what: &str, counts: impl Fn(&str) -> bool) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = line[from..].find(what).map(|at| at + from) {
        if line[..at].matches('"').count().is_multiple_of(2) && counts(&line[at + what.len()..]) {
            return Some(at);
        }
        from = at + what.len();
    }
    None
}

/// A word up to white space; quotes hold it together and are left out, `%41` is `A`. And what follows it.
pub(crate) fn quote_word(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches(' ');
    if text.is_empty() {
        return None;
    }
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_ascii_whitespace() {
            break;
        }
        let close = match c {
            '"' => Some('"'),
            '[' => Some(']'),
            _ => None,
        };
        at += c.len_utf8();
        if let Some(close) = close {
            at += text[at..].find(close)? + 1;
        }
    }
    Some((unquote(&text[..at]), text[at..].trim_ascii_start()))
}

fn unquote(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&c) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).filter(|it| c == b'%' && it.iter().all(u8::is_ascii_hexdigit));
        if let Some(byte) = hex.and_then(|it| u8::from_str_radix(std::str::from_utf8(it).ok()?, 16).ok()) {
            out.push(byte);
            at += 3;
            continue;
        }
        if c != b'"' {
            out.push(c);
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Quoted strings side by side make one; nothing else may stand beside them.
fn c_word(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches(' ');
    if text.is_empty() {
        return None;
    }
    let mut word = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let end = rest[1..].find('"')?;
            word.push_str(&rest[1..=end]);
            rest = &rest[end + 2..];
        } else if c.is_ascii_whitespace() {
            word.push(' ');
            rest = rest.trim_ascii_start();
        } else {
            return None;
        }
    }
    Some((word, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Config, Trouble> {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::defaults();
        config.parse(&Root::at(dir.path()).unwrap(), "apt.conf", text.as_bytes(), 0).map(|()| config)
    }

    fn value(text: &str, name: &str) -> String {
        parsed(text).unwrap().value(name).to_owned()
    }

    #[test]
    fn both_ways_to_nest_are_the_same() {
        assert_eq!(value("APT::Default-Release \"stable\";", "apt::default-release"), "stable");
        assert_eq!(value("APT { Default-Release \"stable\"; };", "APT::Default-Release"), "stable");
        assert_eq!(value("APT\n{\n Default-Release\n \"sta\" \"ble\"\n;}", "APT::Default-Release"), "sta ble");
        assert_eq!(value("APT { Periodic { Enable 0; }; Default-Release x; };", "APT::Periodic::Enable"), "0");
        assert_eq!(value("a::b x; a { c y; }", "a::c"), "y");
    }

    #[test]
    fn lists_grow_and_are_cleared() {
        let list = |text| parsed(text).unwrap().list("APT::Architectures");
        assert_eq!(list("APT::Architectures { \"amd64\"; \"i386\"; };"), ["amd64", "i386"]);
        assert_eq!(list("APT::Architectures:: \"amd64\"; APT::Architectures:: \"i386\";"), ["amd64", "i386"]);
        assert_eq!(list("APT::Architectures \"amd64,i386\";"), ["amd64", "i386"]);
        assert!(list("APT::Architectures { \"amd64\"; }; #clear APT::Architectures;").is_empty());
    }

    #[test]
    fn comments_are_left_out() {
        let text = "// one\n# two\n/* three\n four */ a::b \"x//y#z/*\"; // end\n#include-less\na::c 1; # end\n";
        assert!(parsed(text).is_err(), "an unknown directive");
        let text = text.replace("#include-less\n", "");
        assert_eq!(value(&text, "a::b"), "x//y#z/*");
        assert_eq!(value(&text, "a::c"), "1");
    }

    #[test]
    fn what_apt_refuses_is_refused_with_its_line() {
        for (text, what) in [
            ("a::b \"x\"", "does not end"),
            ("\n{ };", "line 2: a block without a name"),
            ("a \"b\" c d;", "line 1: something after the value"),
            ("a { #clear b; };", "line 1: a directive inside a block"),
            ("#unknown a;\nb", "does not end"),
        ] {
            let trouble = parsed(text).unwrap_err();
            assert!(trouble.detail.contains(what), "{text}: {}", trouble.detail);
        }
        assert!(parsed(&"a::".repeat(100)).is_err());
        assert!(parsed(&format!("{}b \"c\";", "a::".repeat(100))).unwrap_err().detail.contains("too many levels"));
        assert!(parsed(&"a {".repeat(100)).is_err());
    }

    #[test]
    fn paths_continue_those_above() {
        let path = |text, name| parsed(text).unwrap().path(name);
        assert_eq!(path("", "Dir::State::lists"), "/var/lib/apt/lists/");
        assert_eq!(path("Dir::State::lists \"/srv/lists\";", "Dir::State::lists"), "/srv/lists");
        assert_eq!(path("Dir::State \"srv\";", "Dir::State::lists"), "/srv/lists/");
        assert_eq!(path("Dir::Etc \"/etc2\";", "Dir::Etc::sourcelist"), "/etc2/sources.list");
        assert_eq!(path("Dir::Etc::sourceparts \"/dev/null\";", "Dir::Etc::sourceparts"), "/dev/null");
        assert_eq!(path("RootDir \"/mnt/\";", "Dir::State::status"), "/mnt/var/lib/dpkg/status");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(bytes: Vec<u8>, words in "[a-b:{};\"/#*% \n\\[\\]]{0,60}") {
            let _ = parsed(&stanza::text(&bytes));
            let _ = parsed(&words);
        }
    }
}
