//! From definition files and processes to the meaning, beneath prepared roots.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::*;

struct Tree(tempfile::TempDir);

fn tree() -> Tree {
    Tree(tempfile::tempdir().unwrap())
}

impl Tree {
    fn put(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn definitions(&self, file: &str, version: u64, built: &str) {
        self.put(
            &format!("var/lib/clamav/{file}"),
            &format!("{:512}rest", format!("ClamAV-VDB:{built}:{version}:1:90:m:s:b")),
        );
    }

    fn products(&self) -> Observed<Vec<Product>> {
        let root = Arc::new(Root::at(self.0.path()).unwrap());
        imp::read(&Context::new(root, Timestamp::UNIX_EPOCH, false, Duration::from_secs(60))).products
    }

    fn see(&self) -> Vec<Product> {
        self.products().value().unwrap().clone()
    }

    fn one(&self) -> Product {
        let mut products = self.see();
        assert_eq!(products.len(), 1);
        products.remove(0)
    }
}

fn reason<T>(observed: &Observed<T>) -> &str {
    match observed {
        Observed::Unreadable { reason, .. } => reason.code(),
        Observed::Known { .. } | Observed::Absent { .. } | Observed::Withheld => "",
    }
}

#[test]
fn nothing_here_is_an_empty_list() {
    let packages = tree();
    packages.put("var/lib/dpkg/status", "Package: bash\nStatus: install ok installed\nVersion: 5\n");
    assert!(packages.see().is_empty());
    let folders = tree();
    folders.put("opt/something/else", "");
    assert!(folders.see().is_empty());
}

#[test]
fn a_root_that_could_show_no_product_does_not_say_that_there_is_none() {
    let tree = tree();
    tree.put("etc/hostname", "pc-1\n");
    let products = tree.products();
    assert_eq!((reason(&products), products.source()), ("depends_on", "/var/lib/dpkg/status"));
}

#[test]
fn a_package_record_that_cannot_be_read_is_not_an_empty_one() {
    let tree = tree();
    tree.put("opt/something/else", "");
    tree.put("var/lib/dpkg/status/not-a-file", "");
    let products = tree.products();
    assert_eq!((reason(&products), products.source()), ("malformed", "/var/lib/dpkg/status"));
}

#[test]
fn definitions_tell_version_and_age() {
    let tree = tree();
    tree.definitions("daily.cvd", 27000, "01 Nov 2026 08-00 +0000");
    tree.definitions("daily.cld", 27010, "10 Nov 2026 08-00 +0900");
    tree.definitions("main.cvd", 62, "16 Sep 2021 08-32 -0400");
    let product = tree.one();
    assert_eq!(product.definitions_version.value().unwrap(), "daily 27010, main 62");
    assert_eq!(product.definitions_published_at.value().unwrap().to_string(), "2026-11-09T23:00:00Z");
    assert_eq!(product.definitions_published_at.source(), "/var/lib/clamav/daily.cld");
    assert!(product.definitions_updated_at.value().is_some());
    assert_eq!(reason(&product.running), "offline_root");
    assert_eq!(reason(&product.definition_updates), "offline_root");
}

#[test]
fn processes_tell_running_and_realtime() {
    let tree = tree();
    tree.definitions("daily.cvd", 27000, "01 Nov 2026 08-00 +0000");
    tree.put("proc/1/comm", "systemd\n");
    assert_eq!(tree.one().running.value(), Some(&false));
    assert_eq!(tree.one().definition_updates.value(), Some(&DefinitionUpdates::Manual));
    tree.put("proc/20/comm", "clamd\n");
    tree.put("proc/21/comm", "freshclam\n");
    assert_eq!(tree.one().running.value(), Some(&true));
    assert_eq!(tree.one().realtime.value(), Some(&false));
    assert_eq!(tree.one().definition_updates.value(), Some(&DefinitionUpdates::Automatic));
    tree.put("proc/22/comm", "clamonacc\n");
    assert_eq!(tree.one().realtime.value(), Some(&true));
}

#[test]
fn a_scanner_without_definitions_is_a_product_without_a_date() {
    let tree = tree();
    tree.put("usr/sbin/clamd", "");
    tree.put("var/lib/clamav/freshclam.dat", "");
    let product = tree.one();
    assert!(matches!(product.definitions_published_at, Observed::Absent { .. }));
    assert!(matches!(product.definitions_version, Observed::Absent { .. }));
}

#[test]
fn a_broken_daily_is_malformed_and_main_does_not_stand_in_for_it() {
    let tree = tree();
    tree.put("var/lib/clamav/daily.cvd", "garbage");
    tree.definitions("main.cvd", 62, "16 Sep 2021 08-32 -0400");
    let product = tree.one();
    assert_eq!(reason(&product.definitions_published_at), "malformed");
    assert_eq!(product.definitions_version.value().unwrap(), "main 62");
}

#[test]
fn the_configured_folder_counts() {
    let tree = tree();
    tree.put("etc/clamav/clamd.conf", "# x\nDatabaseDirectory /srv/defs/\n");
    let head = format!("{:512}", "ClamAV-VDB:01 Nov 2026 08-00 +0000:5:1:90:m:s:b");
    tree.put("srv/defs/daily.cvd", &head);
    assert_eq!(tree.one().definitions_version.value().unwrap(), "daily 5");
}

#[test]
fn other_products_are_named_and_nothing_is_invented() {
    let tree = tree();
    tree.put("opt/microsoft/mdatp/sbin/x", "");
    tree.put("proc/1/comm", "wdavdaemon\n");
    let product = tree.one();
    assert_eq!(product.name.value().unwrap(), "Microsoft Defender for Endpoint");
    assert_eq!(product.running.value(), Some(&true));
    assert_eq!(reason(&product.definitions_published_at), "unsupported");
}
