//! auditd: its trail and what its configuration keeps of it.

use tenken_proto::fact::log_retention::{Log, LogKind};
use tenken_proto::observed::Observed;

use super::{CONFIG_BYTES_MAX, Extent, Limits, NAMES_MAX, files, log, space, stamp};
use crate::root::Root;

pub(super) const CONFIG: &str = "/etc/audit/auditd.conf";
const TRAIL: &str = "/var/log/audit/audit.log";

/// The audit trail, where auditd's configuration or its trail is.
pub(super) fn read(root: &Root) -> Option<Log> {
    let config = root.read_text(CONFIG, CONFIG_BYTES_MAX);
    let setting = |key: &str| {
        let lines = config.as_deref().unwrap_or_default().lines();
        let mut named =
            lines.filter_map(|line| line.split_once('=')).filter(|(name, _)| name.trim().eq_ignore_ascii_case(key));
        named.next_back().map(|(_, value)| value.trim().to_owned())
    };
    let trail = setting("log_file").filter(|path| path.starts_with('/')).unwrap_or_else(|| TRAIL.to_owned());
    let (directory, base) = trail.rsplit_once('/')?;
    let extent = match root.list(directory, NAMES_MAX) {
        Ok(listing) => files::extent(root, directory, &listing.names, base, &|line, _| stamp::audit(line)),
        Err(error) if error.is_absence() && config.is_err() => return None,
        Err(error) if error.is_absence() => Extent {
            oldest: Observed::absent(trail.clone()),
            newest: Observed::absent(trail.clone()),
            bytes: Observed::known(0, trail.clone()),
        },
        Err(error) => Extent::unread(&error),
    };
    let limits = match &config {
        Ok(_) => limits(&setting),
        Err(error) if error.is_absence() => Limits::none(CONFIG),
        Err(error) => Limits::unread(error),
    };
    let left = match space(root, directory, 0) {
        Observed::Unreadable { .. } => space(root, "/var/log", 0),
        seen @ (Observed::Known { .. } | Observed::Absent { .. } | Observed::Withheld) => seen,
    };
    Some(log(&trail, LogKind::Audit, extent, limits, left))
}

/// Only `rotate` removes records; the other actions stop, warn or keep all.
fn limits(setting: &dyn Fn(&str) -> Option<String>) -> Limits {
    let action = setting("max_log_file_action").unwrap_or_default().to_lowercase();
    let number = |key: &str| setting(key).and_then(|value| value.parse::<u64>().ok());
    let mut limits = Limits::none(CONFIG);
    if action == "rotate"
        && let (Some(mib), Some(files)) = (number("max_log_file"), number("num_logs"))
        && files >= 2
    {
        limits.bytes = Observed::known(mib.saturating_mul(1 << 20).saturating_mul(files), CONFIG);
    }
    limits
}
