//! `sources.list`, `*.list` and `*.sources`: which archives, and which list files of each, apt reads.
//!
//! Lists that lie about and that no source names are never read. An entry that apt refuses makes the whole
//! malformed, because apt refuses to work then.

use crate::probe::patch::apt::config::{Config, quote_word};
use crate::probe::patch::apt::files::{self, Trouble};
use crate::probe::patch::apt::stanza;
use crate::probe::patch::apt::uri::Uri;
use crate::root::Root;

/// Most list files that all sources may name together.
const LISTS_MAX: usize = 2_000;

/// One archive: an address and a suite.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Where it is.
    pub(crate) uri: Uri,
    /// Suite or codename; ends in `/` when the archive is flat.
    pub(crate) suite: String,
    /// The package lists that belong to it; none when only its sources are wanted.
    pub(crate) lists: Vec<List>,
    /// What the entries said of the archive as a whole; they must agree.
    settings: Settings,
}

/// Options of the archive as a whole, in the order of [`SETTINGS`]; then the key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Settings {
    plain: Vec<String>,
    signed_by: String,
}

/// Options in which all entries of an archive must agree, as one-line and as deb822 entries name them.
const SETTINGS: [(&str, &str); 7] = [
    ("trusted", "Trusted"),
    ("check-valid-until", "Check-Valid-Until"),
    ("valid-until-min", "Valid-Until-Min"),
    ("valid-until-max", "Valid-Until-Max"),
    ("allow-insecure", "Allow-Insecure"),
    ("allow-weak", "Allow-Weak"),
    ("allow-downgrade-to-insecure", "Allow-Downgrade-To-Insecure"),
];

/// One package list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List {
    /// Name below the folder of lists, without the ending for compression.
    pub(crate) name: String,
    /// Component; empty in a flat archive.
    pub(crate) component: String,
    /// Architecture; empty in a flat archive.
    pub(crate) architecture: String,
}

impl Source {
    fn below(&self, file: &str) -> String {
        match self.suite.as_str() {
            "/" => file.to_owned(),
            flat if flat.ends_with('/') => format!("{flat}{file}"),
            suite => format!("dists/{suite}/{file}"),
        }
    }

    /// Name of a file of this archive below the folder of lists.
    pub(crate) fn file_name(&self, file: &str) -> String {
        self.uri.list_name(&self.below(file))
    }

    /// The suite without the slash of a flat archive.
    pub(crate) fn suite_name(&self) -> &str {
        self.suite.trim_end_matches('/')
    }
}

/// One entry: a suite with one component, or a flat archive.
#[derive(Debug, Clone, Default)]
struct Entry {
    /// It is for source packages.
    is_source: bool,
    uri: String,
    suite: String,
    component: String,
    options: Vec<(String, String)>,
}

/// What entries are read against.
#[derive(Debug, Clone)]
pub(crate) struct Architectures {
    /// That of dpkg itself.
    pub(crate) native: String,
    /// All of them, the native one first.
    pub(crate) all: Vec<String>,
}

/// Reads all sources of the system beneath the root, in apt's order.
pub(crate) fn read(root: &Root, config: &Config, architectures: &Architectures) -> Result<Vec<Source>, Trouble> {
    let mut sources = vec![];
    let main = config.path("Dir::Etc::sourcelist");
    if let Some(bytes) = files::regular(root, &main)? {
        add_file(&mut sources, &main, &bytes, architectures)?;
    }
    let parts = config.path("Dir::Etc::sourceparts");
    if parts != "/dev/null" {
        for (path, bytes) in files::parts(root, &parts, &["list", "sources"])? {
            add_file(&mut sources, &path, &bytes, architectures)?;
        }
    }
    Ok(sources)
}

fn add_file(sources: &mut Vec<Source>, path: &str, bytes: &[u8], architectures: &Architectures) -> Result<(), Trouble> {
    let is_deb822 = path.rsplit_once('.').is_some_and(|(_, extension)| extension == "sources");
    let entries = if is_deb822 { stanzas(bytes, architectures) } else { lines(bytes, architectures) };
    for entry in entries.map_err(|what| Trouble::malformed(format!("{path}, {what}")))? {
        add(sources, &entry, architectures).map_err(|what| Trouble::malformed(format!("{path}: {what}")))?;
        if sources.iter().map(|source| source.lists.len()).sum::<usize>() > LISTS_MAX {
            let detail = format!("{path}: more than {LISTS_MAX} package lists are named");
            return Err(Trouble::new(tenken_proto::observed::Reason::TooLarge, detail));
        }
    }
    Ok(())
}

/// Entries of the one-line form.
fn lines(bytes: &[u8], architectures: &Architectures) -> Result<Vec<Entry>, String> {
    let mut entries = vec![];
    for (index, line) in stanza::text(bytes).split('\n').enumerate() {
        let line = without_comment(line).trim_matches([' ', '\t', '\r']);
        if line.is_empty() {
            continue;
        }
        let place = |what: &str| format!("line {}: {what}", index + 1);
        let (kind, rest) = line.split_once([' ', '\t', '\x0b']).ok_or_else(|| place("no address"))?;
        let is_source = is_source(kind).map_err(|what| place(&what))?;
        entries.extend(one_line(rest, is_source, architectures).map_err(|what| place(&what))?);
    }
    Ok(entries)
}

fn is_source(kind: &str) -> Result<bool, String> {
    match kind {
        "deb" => Ok(false),
        "deb-src" => Ok(true),
        _ => Err(format!("unknown type `{kind}`")),
    }
}

/// A `#` inside the option field is none.
fn without_comment(line: &str) -> &str {
    let mut depth = 0_i32;
    for (at, c) in line.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            '#' if depth <= 0 => return &line[..at],
            _ => {}
        }
    }
    line
}

fn one_line(text: &str, is_source: bool, architectures: &Architectures) -> Result<Vec<Entry>, String> {
    let (options, text) = options(text.trim_ascii_start())?;
    let (uri, text) = quote_word(text).ok_or("no address")?;
    let (suite, mut text) = quote_word(text).ok_or("no suite")?;
    let uri = address(&uri, architectures)?;
    let suite = suite.replace("$(ARCH)", &architectures.native);
    let mut components = vec![];
    while let Some((component, rest)) = quote_word(text) {
        components.push(component);
        text = rest;
    }
    expand(&[uri], &[suite], &components, is_source, &options)
}

type Options = Vec<(String, String)>;

/// `[name=value name=value]` and what follows it.
fn options(text: &str) -> Result<(Options, &str), String> {
    let Some(inner) = text.strip_prefix('[') else { return Ok((vec![], text)) };
    let (inner, rest) = inner.split_once(']').ok_or("the option field does not end")?;
    let mut options = vec![];
    for option in inner.split_ascii_whitespace() {
        let (name, value) = option.split_once('=').ok_or("an option is no assignment")?;
        if name.is_empty() || value.is_empty() {
            return Err("an option without name or value".to_owned());
        }
        options.push((name.to_ascii_lowercase(), value.replace('"', "")));
    }
    Ok((options, rest.trim_ascii_start()))
}

fn address(uri: &str, architectures: &Architectures) -> Result<String, String> {
    if uri.contains(':') { Ok(uri.replace("$(ARCH)", &architectures.native)) } else { Err("no address".to_owned()) }
}

/// Every combination of address, suite and component.
fn expand(
    uris: &[String],
    suites: &[String],
    components: &[String],
    is_source: bool,
    options: &Options,
) -> Result<Vec<Entry>, String> {
    let mut entries = vec![];
    for uri in uris {
        for suite in suites {
            let entry = |component: &String| Entry {
                is_source,
                uri: uri.clone(),
                suite: suite.clone(),
                component: component.clone(),
                options: options.clone(),
            };
            match (suite.ends_with('/'), components.is_empty()) {
                (true, true) => entries.push(entry(&String::new())),
                (false, false) => entries.extend(components.iter().map(entry)),
                (true, false) => return Err("a flat archive with a component".to_owned()),
                (false, true) => return Err("no component".to_owned()),
            }
            if entries.len() > LISTS_MAX {
                return Err(format!("more than {LISTS_MAX} entries"));
            }
        }
    }
    Ok(entries)
}

/// Entries of the deb822 form.
fn stanzas(bytes: &[u8], architectures: &Architectures) -> Result<Vec<Entry>, String> {
    let mut entries = vec![];
    for (index, stanza) in stanza::by_hand(bytes).iter().enumerate() {
        let place = |what: &str| format!("stanza {}: {what}", index + 1);
        let types = words(stanza, "Types").filter(|types| !types.is_empty()).ok_or_else(|| place("no Types"))?;
        for kind in types {
            let is_source = is_source(&kind).map_err(|what| place(&what))?;
            entries.extend(one_stanza(stanza, is_source, architectures).map_err(|what| place(&what))?);
        }
    }
    Ok(entries)
}

fn words(stanza: &[u8], name: &str) -> Option<Vec<String>> {
    let value = stanza::text(stanza::field(stanza, name)?);
    Some(value.split_ascii_whitespace().map(str::to_owned).collect())
}

fn one_stanza(stanza: &[u8], is_source: bool, architectures: &Architectures) -> Result<Vec<Entry>, String> {
    if stanza::field(stanza, "Enabled").is_some_and(|value| stanza::truth(&stanza::text(value)) == Some(false)) {
        return Ok(vec![]);
    }
    let mut options = vec![];
    for (field, option) in [("Architectures", "arch"), ("Targets", "target")] {
        for (ending, sign) in [("", ""), ("-Add", "+"), ("-Remove", "-")] {
            if let Some(values) = words(stanza, &format!("{field}{ending}")) {
                options.push((format!("{option}{sign}"), values.join(",")));
            }
        }
    }
    for (option, field) in SETTINGS.iter().chain(&[("signed-by", "Signed-By")]) {
        if let Some(value) = stanza::field(stanza, field) {
            options.push(((*option).to_owned(), stanza::text(value)));
        }
    }
    let uris = words(stanza, "URIs").unwrap_or_default();
    let suites = words(stanza, "Suites").unwrap_or_default();
    if uris.is_empty() || suites.is_empty() {
        return Err("no URIs or no Suites".to_owned());
    }
    let uris: Vec<String> = uris.iter().map(|uri| address(uri, architectures)).collect::<Result<_, _>>()?;
    let suites: Vec<String> = suites.iter().map(|suite| suite.replace("$(ARCH)", &architectures.native)).collect();
    expand(&uris, &suites, &words(stanza, "Components").unwrap_or_default(), is_source, &options)
}

/// Adds the lists of an entry to its archive; archives with the same release file are one.
fn add(sources: &mut Vec<Source>, entry: &Entry, architectures: &Architectures) -> Result<(), String> {
    let settings = entry.settings();
    let new = Source { uri: Uri::new(&entry.uri), suite: entry.suite.clone(), lists: vec![], settings };
    let release = new.file_name("Release");
    let at = match sources.iter().position(|it| it.file_name("Release") == release) {
        Some(at) => {
            sources[at].settings.join(&new.settings)?;
            at
        }
        None => {
            sources.push(new);
            sources.len() - 1
        }
    };
    let source = &mut sources[at];
    let packages = entry.chosen("target", &["Packages".to_owned()]).iter().any(|target| target == "Packages");
    if entry.is_source || !packages {
        return Ok(());
    }
    for list in entry.lists(source, architectures) {
        if source.lists.iter().all(|it| it.name != list.name) {
            source.lists.push(list);
        }
    }
    Ok(())
}

impl Settings {
    /// A later entry may name a key where none was named, and nothing else that differs.
    fn join(&mut self, later: &Self) -> Result<(), String> {
        let differs = |(name, _): &(&str, &str)| format!("entries of one archive differ in the option {name}");
        let mut pairs = self.plain.iter().zip(&later.plain);
        if let Some(at) = pairs.position(|(a, b)| a != b) {
            return Err(differs(&SETTINGS[at]));
        }
        if self.signed_by.is_empty() {
            later.signed_by.clone_into(&mut self.signed_by);
        } else if self.signed_by != later.signed_by {
            return Err(differs(&("signed-by", "")));
        }
        Ok(())
    }
}

impl Entry {
    fn option(&self, name: &str) -> Option<Vec<String>> {
        let (_, value) = self.options.iter().rev().find(|(option, _)| option == name)?;
        Some(value.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect())
    }

    fn settings(&self) -> Settings {
        let value =
            |name: &str| self.options.iter().rev().find(|(option, _)| option == name).map(|(_, value)| value.as_str());
        let truth = |value: &str| stanza::truth(value).map_or_else(|| value.to_owned(), |it| it.to_string());
        let plain = SETTINGS.iter().map(|(name, _)| value(name).map_or_else(String::new, truth)).collect();
        let signed_by = value("signed-by").unwrap_or_default().trim_end_matches(',').to_owned();
        Settings { plain, signed_by }
    }

    /// The default or what the option sets in its place, with `+` added and `-` taken away.
    fn chosen(&self, name: &str, default: &[String]) -> Vec<String> {
        let mut chosen = self.option(name).unwrap_or_else(|| default.to_vec());
        for added in self.option(&format!("{name}+")).unwrap_or_default() {
            if !chosen.contains(&added) {
                chosen.push(added);
            }
        }
        let removed = self.option(&format!("{name}-")).unwrap_or_default();
        chosen.retain(|it| !removed.contains(it));
        chosen
    }

    fn lists(&self, source: &Source, architectures: &Architectures) -> Vec<List> {
        if self.suite.ends_with('/') {
            let name = source.file_name("Packages");
            return vec![List { name, component: String::new(), architecture: String::new() }];
        }
        let mut wanted = self.chosen("arch", &architectures.all);
        let without_all = self.option("arch-").is_some_and(|removed| removed.iter().any(|it| it == "all"));
        if !without_all && !wanted.iter().any(|it| it == "all") {
            wanted.push("all".to_owned());
        }
        let list = |architecture: String| List {
            name: source.file_name(&format!("{}/binary-{architecture}/Packages", self.component)),
            component: self.component.clone(),
            architecture,
        };
        wanted.into_iter().map(list).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn architectures() -> Architectures {
        Architectures { native: "amd64".to_owned(), all: vec!["amd64".to_owned(), "i386".to_owned()] }
    }

    fn parsed(path: &str, text: &str) -> Result<Vec<Source>, Trouble> {
        let mut sources = vec![];
        add_file(&mut sources, path, text.as_bytes(), &architectures()).map(|()| sources)
    }

    fn names(path: &str, text: &str) -> Vec<String> {
        parsed(path, text).unwrap().into_iter().flat_map(|it| it.lists).map(|list| list.name).collect()
    }

    #[test]
    fn one_line_entries_name_their_lists() {
        let text = "# comment\ndeb [ arch=amd64 signed-by=/k#1.gpg ] http://m.example/debian bookworm main contrib # end\n\
                    deb-src [signed-by=/k#1.gpg] http://m.example/debian bookworm main\n";
        let expected = ["main_binary-amd64", "main_binary-all", "contrib_binary-amd64", "contrib_binary-all"];
        let expected = expected.map(|it| format!("m.example_debian_dists_bookworm_{it}_Packages"));
        assert_eq!(names("a.list", text), expected);
        assert_eq!(
            names("a.list", "deb [arch-=i386,all] http://m.example/ x main"),
            ["m.example_dists_x_main_binary-amd64_Packages"]
        );
        assert_eq!(names("a.list", "deb [target=Translations] http://m.example/ x main"), Vec::<String>::new());
    }

    #[test]
    fn flat_archives_have_one_list() {
        assert_eq!(names("a.list", "deb file:/srv/repo ./"), ["_srv_repo_._Packages"]);
        assert_eq!(names("a.list", "deb http://m.example/x /"), ["m.example_x_Packages"]);
        assert_eq!(names("a.list", "deb http://m.example/x $(ARCH)/"), ["m.example_x_amd64_Packages"]);
        assert!(parsed("a.list", "deb http://m.example/x ./ main").is_err());
    }

    #[test]
    fn deb822_entries_multiply() {
        let text = "# top\nTypes: deb deb-src\nURIs: http://a.example/ http://b.example/\nSuites: s1\n s2\nComponents: main\n\
                    Architectures: amd64\nArchitectures-Remove: all\nSigned-By:\n -----BEGIN\n .\n\n\
                    Enabled: no\nTypes: deb\nURIs: http://c.example/\nSuites: s\nComponents: main\n";
        let expected = ["a.example_dists_s1", "a.example_dists_s2", "b.example_dists_s1", "b.example_dists_s2"];
        assert_eq!(names("a.sources", text), expected.map(|it| format!("{it}_main_binary-amd64_Packages")));
    }

    #[test]
    fn entries_for_one_archive_are_one_source() {
        let text = "deb http://a.example/d s main\ndeb https://u:p@a.example/d/ s main contrib\n";
        let sources = parsed("a.list", text).unwrap();
        assert_eq!(sources.len(), 1);
        assert_eq!(sources[0].lists.len(), 6);
    }

    #[test]
    fn what_apt_refuses_is_refused_with_its_place() {
        for (path, text, what) in [
            ("a.list", "deb http://a.example s\n", "line 1: no component"),
            ("a.list", "\nrpm http://a.example s main", "line 2: unknown type"),
            ("a.list", "deb [arch] http://a.example s main", "no assignment"),
            ("a.list", "deb a.example s main", "no address"),
            ("a.list", "deb [trusted=yes] http://a.example s main\ndeb http://a.example s x", "the option trusted"),
            (
                "a.list",
                "deb [signed-by=/a] http://a.example s main\ndeb-src http://a.example s x",
                "the option signed-by",
            ),
            ("a.sources", "URIs: http://a.example\n", "stanza 1: no Types"),
            ("a.sources", "Types: deb\nURIs: http://a.example\nSuites: s\n", "no component"),
        ] {
            let trouble = parsed(path, text).unwrap_err();
            assert!(trouble.detail.contains(what), "{text}: {}", trouble.detail);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(bytes: Vec<u8>, words in "(deb|Types: deb\nURIs: a:b\nSuites: )?[a-b:/# \n\\[\\]=.\"]{0,60}") {
            for path in ["a.list", "a.sources"] {
                let _ = parsed(path, &stanza::text(&bytes));
                let _ = parsed(path, &words);
            }
        }
    }
}
