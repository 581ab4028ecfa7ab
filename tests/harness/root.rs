//! A prepared tree that looks like a Debian machine: what `run --root` observes without touching this one.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tempfile::TempDir;

/// A tree whose every item of `tenken-base` is fine, until a test changes it.
pub struct Root {
    dir: TempDir,
}

impl Root {
    /// Debian 12, patched, ClamAV current and running, USB storage blocked, a journal of 400 days.
    pub fn debian_12(host_name: &str, now: Timestamp) -> Self {
        let root = Self { dir: TempDir::new().expect("a temporary folder") };
        root.write("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
        root.write("etc/hostname", format!("{host_name}\n"));
        root.write("etc/localtime-note", "no zone: UTC\n");
        root.packages(
            now,
            &[
                ("bash", "5.2.15-2+b2", "5.2.15-2+b2"),
                ("clamav-daemon", "1.0.7", "1.0.7"),
                ("clamav-freshclam", "1.0.7", "1.0.7"),
            ],
        );
        root.proc(&[(1, "systemd"), (700, "clamd"), (701, "freshclam")]);
        root.write("proc/sys/kernel/hostname", format!("{host_name}\n"));
        root.clamav_definitions("daily.cvd", 27_500, now);
        root.clamav_definitions("main.cvd", 62, now);
        root.block_usb_storage();
        root.journal_since(now, 400);
        root.journald("MaxRetentionSec=500day\nSystemMaxUse=20G\n");
        root
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file as an administrator's tools do: beside it, then renamed over it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let beside = path.with_extension("tenken-new");
        std::fs::write(&beside, content).unwrap();
        std::fs::rename(&beside, &path).unwrap();
        path
    }

    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.dir.path().join(path)).unwrap();
    }

    /// Installed packages with what the security archive offers: (name, installed, offered).
    pub fn packages(&self, archive_date: Timestamp, packages: &[(&str, &str, &str)]) {
        let mut status = String::new();
        let mut offered = String::new();
        for (name, installed, candidate) in packages {
            status.push_str(&format!(
                "Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: admin\nMaintainer: A <a@b.example>\nArchitecture: amd64\nVersion: {installed}\nDescription: x\n\n"
            ));
            offered.push_str(&format!(
                "Package: {name}\nVersion: {candidate}\nArchitecture: amd64\nMaintainer: A <a@b.example>\nDescription: x\nFilename: pool/{name}.deb\nSize: 1\n\n"
            ));
        }
        self.write("var/lib/dpkg/status", status);
        self.write("etc/apt/sources.list", "deb http://mirror.example/debian-security bookworm-security main\n");
        let list = "var/lib/apt/lists/mirror.example_debian-security_dists_bookworm-security";
        let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S UTC").to_string();
        let valid = archive_date + jiff::SignedDuration::from_hours(7 * 24);
        self.write(
            &format!("{list}_InRelease"),
            format!(
                "Origin: Debian\nLabel: Debian-Security\nSuite: stable-security\nCodename: bookworm-security\nDate: {}\nValid-Until: {}\nArchitectures: amd64\nComponents: main\n",
                date(archive_date),
                date(valid)
            ),
        );
        self.write(&format!("{list}_main_binary-amd64_Packages"), offered);
        self.write(
            "etc/apt/apt.conf.d/20auto-upgrades",
            "APT::Periodic::Update-Package-Lists \"1\";\nAPT::Periodic::Unattended-Upgrade \"1\";\n",
        );
    }

    /// A `/proc` with these processes, a kernel and a USB bus.
    pub fn proc(&self, processes: &[(u32, &str)]) {
        for (pid, name) in processes {
            self.write(&format!("proc/{pid}/comm"), format!("{name}\n"));
            self.write(
                &format!("proc/{pid}/stat"),
                format!("{pid} ({name}) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0\n"),
            );
            self.write(&format!("proc/{pid}/cmdline"), format!("/usr/sbin/{name}\0"));
        }
        self.write(
            "proc/modules",
            "ext4 1000000 1 - Live 0x0000000000000000\nusbcore 400000 1 - Live 0x0000000000000000\n",
        );
        self.write("proc/sys/kernel/osrelease", "6.1.0-28-amd64\n");
        self.write("proc/cmdline", "root=/dev/sda1 ro quiet\n");
        self.write("proc/version", "Linux version 6.1.0-28-amd64\n");
        self.write("proc/uptime", "100000.00 100000.00\n");
        self.write("proc/stat", "cpu 1 1 1 1\nbtime 1700000000\n");
        std::fs::create_dir_all(self.dir.path().join("sys/bus/usb/devices")).unwrap();
        self.write("lib/modules/6.1.0-28-amd64/modules.dep", "kernel/drivers/usb/storage/usb-storage.ko:\nkernel/drivers/usb/storage/uas.ko: kernel/drivers/usb/storage/usb-storage.ko\n");
        self.write("lib/modules/6.1.0-28-amd64/modules.builtin", "kernel/drivers/usb/core/usb-common.ko\n");
    }

    /// A definition file with a generated header, published at that time.
    pub fn clamav_definitions(&self, file: &str, version: u32, published: Timestamp) {
        let built = published.to_zoned(TimeZone::UTC).strftime("%d %b %Y %H-%M %z").to_string();
        let header = format!(
            "ClamAV-VDB:{built}:{version}:2000000:90:00000000000000000000000000000000:dsig:builder:{}",
            published.as_second()
        );
        let mut bytes = header.into_bytes();
        bytes.resize(512, b' ');
        bytes.extend_from_slice(b"\x1f\x8b");
        self.write(&format!("var/lib/clamav/{file}"), bytes);
    }

    pub fn block_usb_storage(&self) {
        self.write(
            "etc/modprobe.d/usb.conf",
            "install usb-storage /bin/true\ninstall uas /bin/true\nblacklist usb-storage\nblacklist uas\n",
        );
    }

    pub fn free_usb_storage(&self) {
        self.remove("etc/modprobe.d/usb.conf");
    }

    pub fn journald(&self, settings: &str) {
        self.write("etc/systemd/journald.conf", format!("[Journal]\nStorage=persistent\n{settings}"));
    }

    /// A journal file whose header says that its records reach from `days` ago until now.
    pub fn journal_since(&self, now: Timestamp, days: i64) {
        let mut header = vec![0_u8; 272];
        header[..8].copy_from_slice(b"LPKSHHRH");
        header[16] = 1;
        let mut put = |at: usize, value: u64| header[at..at + 8].copy_from_slice(&value.to_le_bytes());
        let micros = |at: Timestamp| u64::try_from(at.as_microsecond()).unwrap_or_default();
        put(88, 272);
        put(96, 8 * 1024 * 1024);
        put(144, 100);
        put(152, 100);
        put(160, 100);
        put(168, 1);
        put(184, micros(now - jiff::SignedDuration::from_hours(24 * days)));
        put(192, micros(now));
        header.resize(64 * 1024, 0);
        self.write("var/log/journal/0123456789abcdef0123456789abcdef/system.journal", header);
    }
}
