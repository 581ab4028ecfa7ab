//! macOS: not supported yet.

use tenken_proto::fact::FactGroup as _;
use tenken_proto::fact::antivirus::Antivirus;
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::phrase;

use crate::probe::{Context, filled};
use crate::root::Root;

pub(super) fn watched(_: &Root) -> Vec<String> {
    Vec::new()
}

pub(super) fn read(_: &Context) -> Antivirus {
    let unsupported = |_: &_| Observed::unreadable(Reason::Unsupported, phrase::UNSUPPORTED_SYSTEM, "");
    Antivirus::from_record(&filled(&Antivirus::schema(), unsupported))
}
