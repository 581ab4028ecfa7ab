//! macOS: what the system's own interfaces say of the running machine; the rest is unsupported.

use std::io;

use sysinfo::System;
use tenken_proto::fact::host::{Host, OsFamily};
use tenken_proto::observed::Observed;

use super::{Raw, Source, live, of_files};
use crate::probe::Context;
use crate::root::ReadError;

pub(super) const WATCHED: &[&str] = &[];

const SOURCE: &str = "the system's own interface";

pub(super) fn read(context: &Context) -> Host {
    let mut host = of_files(&nothing());
    host.os_family = Observed::known(OsFamily::Macos, SOURCE);
    host.os_id = Observed::known("macos".to_owned(), SOURCE);
    if !context.root.is_live() {
        return host;
    }
    let known = |text: String| Observed::known(text, SOURCE);
    host.host_name = System::host_name().map_or(host.host_name, known);
    host.os_version_id = System::os_version().map_or(host.os_version_id, known);
    host.os_name = System::long_os_version().map_or(host.os_name, known);
    host.kernel_release = System::kernel_version().map_or(host.kernel_release, known);
    live::complete(host)
}

fn nothing() -> Raw {
    let error = || ReadError::Io { path: String::new(), source: io::ErrorKind::Unsupported.into() };
    let source = || Source { path: "", text: Err(error()) };
    Raw {
        host_name: source(),
        os_release: source(),
        kernel_release: source(),
        stat: source(),
        serial_number: source(),
        hardware_vendor: source(),
        hardware_model: source(),
        cpuinfo: source(),
        meminfo: source(),
        program: Err(error()),
        packages: Err(error()),
    }
}
