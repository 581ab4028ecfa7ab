//! What apt's daily jobs do without a person (`APT::Periodic`).

use tenken_proto::fact::patch::AutomaticUpdates;

use crate::probe::patch::apt::config::Config;

/// By the configuration and by whether `unattended-upgrades` is installed.
pub(crate) fn updates(config: &Config, unattended_upgrades: bool) -> AutomaticUpdates {
    let on = |name: &str, default: bool| {
        let value = config.value(&format!("APT::Periodic::{name}"));
        if value.is_empty() { default } else { is_interval(value) }
    };
    if !on("Enable", true) {
        AutomaticUpdates::Off
    } else if unattended_upgrades && on("Unattended-Upgrade", false) {
        AutomaticUpdates::Install
    } else if on("Download-Upgradeable-Packages", false) {
        AutomaticUpdates::Download
    } else if on("Update-Package-Lists", false) {
        AutomaticUpdates::RefreshOnly
    } else {
        AutomaticUpdates::Off
    }
}

/// Days, or a number with a unit; 0 is never, `always` every time.
fn is_interval(value: &str) -> bool {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    value == "always" || number.parse::<f64>().is_ok_and(|it| it > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;

    #[test]
    fn the_strongest_thing_that_happens_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::at(dir.path()).unwrap();
        for (text, installed, expected) in [
            ("", true, AutomaticUpdates::Off),
            ("Update-Package-Lists \"1\";", true, AutomaticUpdates::RefreshOnly),
            ("Update-Package-Lists \"1\"; Download-Upgradeable-Packages \"7d\";", true, AutomaticUpdates::Download),
            ("Update-Package-Lists \"1\"; Unattended-Upgrade \"always\";", true, AutomaticUpdates::Install),
            ("Update-Package-Lists \"1\"; Unattended-Upgrade \"1\";", false, AutomaticUpdates::RefreshOnly),
            ("Update-Package-Lists \"0\"; Unattended-Upgrade \"0\";", true, AutomaticUpdates::Off),
            ("Enable \"0\"; Unattended-Upgrade \"1\";", true, AutomaticUpdates::Off),
        ] {
            let mut config = Config::defaults();
            config.parse(&root, "x", format!("APT::Periodic {{ {text} }};").as_bytes(), 0).unwrap();
            assert_eq!(updates(&config, installed), expected, "{text}");
        }
    }
}
