//! Windows: not supported yet.

use tenken_proto::fact::FactGroup as _;
use tenken_proto::fact::usb::Usb;
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::phrase;

use crate::probe::{Context, filled};
use crate::root::Root;

pub(super) fn watched(_: &Root) -> Vec<String> {
    Vec::new()
}

pub(super) fn read(_: &Context) -> Usb {
    let unsupported = |_: &_| Observed::unreadable(Reason::Unsupported, phrase::UNSUPPORTED_SYSTEM, "");
    Usb::from_record(&filled(&Usb::schema(), unsupported))
}
