//! The moments at which something turns by time alone, in order.
//!
//! One ordered set per control, so that the first moment of a control, and with it of an item, is found
//! without looking at the hosts; one for the ends of declarations.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tenken_proto::ident::HostId;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// A declaration ends: number of its item.
    Declaration(usize),
    /// A verdict turns: number of its control, and its host.
    Verdict(usize, HostId),
}

/// The index.
#[derive(Debug, Default)]
pub struct Deadlines {
    verdicts: Vec<BTreeSet<(Timestamp, HostId)>>,
    declarations: BTreeSet<(Timestamp, usize)>,
}

impl Deadlines {
    /// Empty, for that many controls.
    #[must_use]
    pub fn new(controls: usize) -> Self {
        Self { verdicts: vec![BTreeSet::new(); controls], declarations: BTreeSet::new() }
    }

    /// Moves the deadline of a verdict.
    pub fn set_verdict(&mut self, control: usize, host: HostId, from: Option<Timestamp>, to: Option<Timestamp>) {
        if from == to {
            return;
        }
        if let Some(set) = self.verdicts.get_mut(control) {
            from.map(|at| set.remove(&(at, host)));
            to.map(|at| set.insert((at, host)));
        }
    }

    /// Moves the end of a declaration.
    pub fn set_declaration(&mut self, item: usize, from: Option<Timestamp>, to: Option<Timestamp>) {
        from.map(|at| self.declarations.remove(&(at, item)));
        to.map(|at| self.declarations.insert((at, item)));
    }

    /// The first moment of a control.
    #[must_use]
    pub fn first_of(&self, control: usize) -> Option<Timestamp> {
        self.verdicts.get(control)?.first().map(|(at, _)| *at)
    }

    /// What is due first.
    #[must_use]
    pub fn first(&self) -> Option<(Timestamp, Due)> {
        let declaration = self.declarations.first().map(|(at, item)| (*at, Due::Declaration(*item)));
        let of = |(control, set): (usize, &BTreeSet<(Timestamp, HostId)>)| {
            set.first().map(|(at, host)| (*at, Due::Verdict(control, *host)))
        };
        self.verdicts.iter().enumerate().filter_map(of).chain(declaration).min()
    }
}
