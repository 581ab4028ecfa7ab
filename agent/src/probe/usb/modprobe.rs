//! The rules of modprobe and of the kernel's command line about modules, and the lists of a kernel's modules.

use super::ConfigFile;
use crate::probe::glob::fits;
use crate::root::ReadError;

/// Programs that load nothing.
const STUBS: [&str; 7] = ["true", "false", ":", "nologin", "echo", "exit", "logger"];

/// The name under which the kernel knows a module.
pub(super) fn module_name(name: &str) -> String {
    name.replace('-', "_")
}

/// What keeps modules from loading.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    /// (module, where it says so)
    blacklist: Vec<(String, &'a str)>,
    /// (pattern, command, where it says so), the first that fits counts
    install: Vec<(String, String, &'a str)>,
    unread: Option<&'a ReadError>,
}

const CMDLINE: &str = "/proc/cmdline";

impl<'a> Rules<'a> {
    pub(super) fn of(files: &'a [ConfigFile], cmdline: &str) -> Self {
        let mut rules = Self { blacklist: Vec::new(), install: Vec::new(), unread: None };
        for file in files {
            match &file.text {
                Ok(text) => rules.read(text, &file.path),
                Err(error) => rules.unread = Some(error),
            }
        }
        for word in cmdline.split_whitespace() {
            let list = word.strip_prefix("module_blacklist=").or_else(|| word.strip_prefix("modprobe.blacklist="));
            for name in list.into_iter().flat_map(|list| list.split(',')) {
                rules.blacklist.push((module_name(name), CMDLINE));
            }
        }
        rules
    }

    fn read(&mut self, text: &str, path: &'a str) {
        for line in logical_lines(text) {
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                (Some("blacklist"), Some(name)) => self.blacklist.push((module_name(name), path)),
                (Some("install"), Some(name)) => {
                    let command = words.collect::<Vec<_>>().join(" ");
                    self.install.push((module_name(name), command, path));
                }
                _ => {}
            }
        }
    }

    /// Where it says that this module does not load by itself.
    pub(super) fn prevents(&self, name: &str) -> Option<String> {
        let kernel_name = module_name(name);
        let blacklisted = self.blacklist.iter().find(|(module, _)| *module == kernel_name);
        self.stub(name).or_else(|| blacklisted.map(|(_, path)| (*path).to_owned()))
    }

    /// Where it says that loading this module runs a program that loads nothing.
    pub(super) fn stub(&self, name: &str) -> Option<String> {
        let kernel_name = module_name(name);
        let (_, command, path) = self.install.iter().find(|(pattern, _, _)| fits(pattern, &kernel_name))?;
        is_stub(command).then(|| (*path).to_owned())
    }

    /// A file whose rules are not known.
    pub(super) fn unread(&self) -> Option<&ReadError> {
        self.unread
    }
}

fn is_stub(command: &str) -> bool {
    let program = command.split([' ', ';']).next().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default();
    STUBS.contains(&program) && !command.contains("modprobe") && !command.contains("insmod")
}

/// Lines without comments, those that end in a backslash joined with the next.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut joined = String::new();
    for line in text.lines() {
        match line.strip_suffix('\\') {
            Some(part) => {
                joined.push_str(part);
                joined.push(' ');
            }
            None => {
                joined.push_str(line);
                lines.push(std::mem::take(&mut joined));
            }
        }
    }
    lines.push(joined);
    lines.retain(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
    lines
}

/// The module of a path such as `kernel/drivers/usb/storage/uas.ko.xz`.
fn module_of(path: &str) -> Option<&str> {
    let file = path.rsplit('/').next()?;
    file.find(".ko").and_then(|end| file.get(..end))
}

/// The list names this module.
pub(super) fn lists_module(text: &str, name: &str) -> bool {
    let name = module_name(name);
    text.lines().filter_map(|line| module_of(line.trim())).any(|module| module_name(module) == name)
}

/// The modules that this one needs, by `modules.dep`; none where it does not exist.
pub(super) fn dependencies(text: &str, name: &str) -> Option<Vec<String>> {
    let wanted = module_name(name);
    text.lines().find_map(|line| {
        let (module, needs) = line.split_once(':')?;
        (module_name(module_of(module)?) == wanted)
            .then(|| needs.split_whitespace().filter_map(module_of).map(str::to_owned).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules(text: &str) -> bool {
        let files = [ConfigFile { path: "/etc/modprobe.d/x.conf".to_owned(), text: Ok(text.to_owned()) }];
        Rules::of(&files, "").prevents("usb-storage").is_some()
    }

    #[test]
    fn every_form_that_prevents() {
        assert!(rules("install usb-storage /bin/true"));
        assert!(rules("install usb_storage /bin/false # x"));
        assert!(rules("  install\tusb-* \\\n /usr/bin/false"));
        assert!(rules("blacklist usb-storage"));
        assert!(Rules::of(&[], "quiet module_blacklist=uas,usb_storage").prevents("usb-storage").is_some());
        assert!(Rules::of(&[], "modprobe.blacklist=usb-storage").prevents("usb-storage").is_some());
    }

    #[test]
    fn forms_that_do_not_prevent() {
        assert!(!rules("# install usb-storage /bin/true"));
        assert!(!rules("install usb-storage /sbin/modprobe --ignore-install usb-storage && logger used"));
        assert!(!rules("install usb-storage /bin/true; modprobe --ignore-install usb-storage"));
        assert!(!rules("options usb-storage quirks=1:2:u"));
        assert!(!rules("blacklist usb-storage-extra"));
    }

    #[test]
    fn lists_of_modules() {
        let dep = "kernel/drivers/usb/storage/uas.ko.zst: kernel/drivers/usb/storage/usb-storage.ko.zst kernel/drivers/scsi/scsi_mod.ko.zst\n";
        assert_eq!(dependencies(dep, "uas").unwrap(), ["usb-storage", "scsi_mod"]);
        assert_eq!(dependencies(dep, "usb-storage"), None);
        assert!(lists_module("kernel/drivers/usb/storage/usb-storage.ko\n", "usb-storage"));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in any::<String>(), name in "[a-z*?_-]{0,12}") {
            let files = [ConfigFile { path: String::new(), text: Ok(text.clone()) }];
            let rules = Rules::of(&files, &text);
            rules.prevents(&name);
            dependencies(&text, &name);
            lists_module(&text, &name);
        }
    }
}
