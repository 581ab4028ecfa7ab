//! Who is in: counts connections in all, by address and by identity, and cuts those of an identity.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tenken_proto::Timestamp;
use tenken_proto::ident::AgentId;

use super::{Limits, Line, Reason};

/// The connections of one listener.
#[derive(Debug)]
pub struct Gate {
    limits: Limits,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    total: usize,
    next: u64,
    unproven: BTreeMap<IpAddr, usize>,
    /// Of these, those that passed the handshake without a certificate.
    nameless: BTreeMap<IpAddr, usize>,
    /// Every connection, by its number.
    lines: BTreeMap<u64, Arc<Line>>,
    /// Oldest first, each with the end of its certificate.
    agents: BTreeMap<AgentId, Vec<(Arc<Line>, Timestamp)>>,
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub struct Seat {
    gate: Arc<Gate>,
    connection: u64,
    /// Counted there while nothing is proven.
    address: Option<IpAddr>,
    /// Counted there as well.
    nameless: Option<IpAddr>,
    agent: Option<AgentId>,
    line: Arc<Line>,
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, inside: Mutex::new(Inside::default()) }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Seat, Reason> {
        let address = counted_as(address);
        let mut inside = self.inside();
        if inside.total >= self.limits.connections {
            return Err(Reason::Full);
        }
        let unproven = inside.unproven.entry(address).or_default();
        if *unproven >= self.limits.per_address {
            return Err(Reason::AddressFull);
        }
        *unproven += 1;
        inside.total += 1;
        inside.next += 1;
        let connection = inside.next;
        let line = Arc::new(Line::default());
        inside.lines.insert(connection, Arc::clone(&line));
        drop(inside);
        Ok(Seat { gate: Arc::clone(self), connection, address: Some(address), nameless: None, agent: None, line })
    }

    /// Ends every connection of an identity; says how many there were.
    pub fn cut(&self, agent: AgentId) -> usize {
        let lines = self.inside().agents.get(&agent).cloned().unwrap_or_default();
        lines.iter().for_each(|(line, _)| line.cut());
        lines.len()
    }

    /// Ends every connection whose certificate has ended meanwhile; says how many there were. Not for the enrol
    /// listener, where an ended certificate is good for Renew.
    pub fn cut_ended(&self, now: Timestamp) -> usize {
        let inside = self.inside();
        let ended = inside.agents.values().flatten().filter(|(line, until)| *until < now && !line.is_cut());
        let lines: Vec<Arc<Line>> = ended.map(|(line, _)| Arc::clone(line)).collect();
        drop(inside);
        lines.iter().for_each(|line| line.cut());
        lines.len()
    }

    /// Ends every connection; says how many there were.
    pub fn cut_all(&self) -> usize {
        let lines: Vec<Arc<Line>> = self.inside().lines.values().map(Arc::clone).collect();
        lines.iter().for_each(|line| line.cut());
        lines.len()
    }

    /// The identities that are connected at this moment.
    #[must_use]
    pub fn agents(&self) -> Vec<AgentId> {
        self.inside().agents.keys().copied().collect()
    }

    /// Connections at this moment.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.inside().total
    }

    /// Whether an identity is connected at this moment.
    #[must_use]
    pub fn is_connected(&self, agent: AgentId) -> bool {
        self.inside().agents.contains_key(&agent)
    }
}

impl Seat {
    pub(super) fn connection(&self) -> u64 {
        self.connection
    }

    pub(super) fn line(&self) -> Arc<Line> {
        Arc::clone(&self.line)
    }

    /// The handshake proved an identity: it counts there and no longer at its address.
    pub(super) fn identified(&mut self, agent: AgentId, until: Timestamp) {
        let mut inside = self.gate.inside();
        if let Some(address) = self.address.take() {
            leave(&mut inside.unproven, address);
        }
        let lines = inside.agents.entry(agent).or_default();
        lines.push((Arc::clone(&self.line), until));
        let oldest = (lines.len() > self.gate.limits.per_identity).then(|| lines.remove(0));
        drop(inside);
        self.agent = Some(agent);
        if let Some((oldest, _)) = oldest {
            oldest.cut();
        }
    }

    /// The handshake showed no certificate: only a part of the address's seats is for such.
    pub(super) fn nameless(&mut self) -> Result<(), Reason> {
        let Some(address) = self.address else { return Ok(()) };
        let mut inside = self.gate.inside();
        let nameless = inside.nameless.entry(address).or_default();
        if *nameless >= self.gate.limits.nameless_per_address() {
            return Err(Reason::AddressFull);
        }
        *nameless += 1;
        self.nameless = Some(address);
        Ok(())
    }
}

/// One connection of an address less.
fn leave(counts: &mut BTreeMap<IpAddr, usize>, address: IpAddr) {
    if let Some(count) = counts.get_mut(&address) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&address);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut inside = self.gate.inside();
        inside.total = inside.total.saturating_sub(1);
        inside.lines.remove(&self.connection);
        if let Some(address) = self.address.take() {
            leave(&mut inside.unproven, address);
        }
        if let Some(address) = self.nameless.take() {
            leave(&mut inside.nameless, address);
        }
        if let Some(agent) = self.agent.take()
            && let Some(lines) = inside.agents.get_mut(&agent)
        {
            lines.retain(|(line, _)| !Arc::ptr_eq(line, &self.line));
            if lines.is_empty() {
                inside.agents.remove(&agent);
            }
        }
    }
}

/// One household of IPv6 is a /64.
#[must_use]
pub fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(per_address: usize, connections: usize) -> Arc<Gate> {
        Arc::new(Gate::new(Limits { per_address, connections, per_identity: 2, ..Limits::default() }))
    }

    #[test]
    fn an_address_is_capped_until_it_proves_an_identity() {
        let gate = gate(2, 100);
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let mut first = gate.enter(address).unwrap();
        let second = gate.enter("::ffff:192.0.2.1".parse().unwrap()).unwrap();
        assert_eq!(gate.enter(address).unwrap_err(), Reason::AddressFull);
        first.identified(AgentId(uuid::Uuid::from_u128(1)), Timestamp::MAX);
        let third = gate.enter(address).unwrap();
        drop((second, third));
        assert_eq!(gate.connections(), 1);
        drop(first);
        assert_eq!(gate.connections(), 0);
        assert!(gate.inside().unproven.is_empty() && gate.inside().agents.is_empty() && gate.inside().lines.is_empty());
    }

    #[test]
    fn who_shows_no_certificate_leaves_seats_to_who_does() {
        let gate = gate(4, 100);
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let enter = || gate.enter(address).unwrap();
        let mut seats = [enter(), enter(), enter()];
        assert_eq!(seats.each_mut().map(Seat::nameless), [Ok(()); 3]);
        let mut fourth = enter();
        assert_eq!(fourth.nameless(), Err(Reason::AddressFull));
        drop(fourth);
        enter().identified(AgentId(uuid::Uuid::from_u128(1)), Timestamp::MAX);
        drop(seats);
        assert_eq!(enter().nameless(), Ok(()), "a seat is given back");
        assert!(gate.inside().nameless.is_empty() && gate.inside().unproven.is_empty());
    }

    #[test]
    fn all_are_cut_whether_they_proved_an_identity_or_not() {
        let gate = gate(10, 100);
        let mut proven = gate.enter("192.0.2.1".parse().unwrap()).unwrap();
        let unproven = gate.enter("192.0.2.1".parse().unwrap()).unwrap();
        proven.identified(AgentId(uuid::Uuid::from_u128(1)), Timestamp::MAX);
        drop(gate.enter("192.0.2.1".parse().unwrap()).unwrap());
        assert_eq!(gate.cut_all(), 2, "who has left is not counted");
        assert!(proven.line.is_cut() && unproven.line.is_cut());
    }

    #[test]
    fn neighbours_of_one_ipv6_household_count_as_one() {
        let gate = gate(1, 100);
        let _one = gate.enter("2001:db8::1".parse().unwrap()).unwrap();
        assert_eq!(gate.enter("2001:db8::2".parse().unwrap()).unwrap_err(), Reason::AddressFull);
        assert!(gate.enter("2001:db8:0:1::2".parse().unwrap()).is_ok());
    }

    #[test]
    fn the_total_is_capped() {
        let gate = gate(10, 1);
        let _one = gate.enter("192.0.2.1".parse().unwrap()).unwrap();
        assert_eq!(gate.enter("192.0.2.2".parse().unwrap()).unwrap_err(), Reason::Full);
    }

    #[test]
    fn a_third_connection_of_an_identity_cuts_the_oldest() {
        let gate = gate(10, 100);
        let agent = AgentId(uuid::Uuid::from_u128(7));
        let mut seats: Vec<Seat> = (0..3).map(|_| gate.enter("192.0.2.1".parse().unwrap()).unwrap()).collect();
        seats.iter_mut().for_each(|seat| seat.identified(agent, Timestamp::UNIX_EPOCH));
        let cut: Vec<bool> = seats.iter().map(|seat| seat.line.is_cut()).collect();
        assert_eq!(cut, [true, false, false]);
        assert_eq!(gate.cut_ended(Timestamp::UNIX_EPOCH), 0, "not before its end");
        assert_eq!(gate.cut_ended(Timestamp::MAX), 2);
        assert_eq!(gate.cut(agent), 2);
        assert!(seats.iter().all(|seat| seat.line.is_cut()));
    }
}
