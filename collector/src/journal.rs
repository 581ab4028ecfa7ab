//! The journal: what happened, in order, each entry chained to the one before. A table of the store.
//!
//! `link(n) = SHA-256(link(n-1) ‖ header(n) ‖ hash(n))` and `hash(n) = SHA-256(salt(n) ‖ payload(n))`: the payload
//! (with its salt) can be pruned and the chain still verifies; without the salt nobody can guess a pruned payload
//! from its hash. Entries are numbered from 1 in each (tenant, partition); engine time never goes backwards.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tenken_proto::ident::{Digest, TenantId};

use crate::store::{Partition, Store, StoreError, Table, Write};

mod event;
#[cfg(test)]
mod tests;

pub use event::{Event, Kind, NotAnEvent, Principal, ReportEvent, ReportGroup, Signed};

/// Version byte of a row.
const ROW_VERSION: u8 = 1;
/// Bytes of a salt.
const SALT_BYTES: usize = 16;
/// Version, kind, time, hash, link, payload flag.
const FIXED_BYTES: usize = 1 + 1 + 8 + 32 + 32 + 1;
/// Entries read at once when the journal is walked.
const WALK_ROWS: usize = 512;

/// Number of an entry in its (tenant, partition); the first is 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct EntryNumber(pub u64);

impl std::fmt::Display for EntryNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A payload with its salt and the hash of both: made anywhere, before its place in the chain is known.
#[derive(Debug, Clone)]
pub struct Sealed {
    kind: Kind,
    hash: Digest,
    salt: [u8; SALT_BYTES],
    payload: Vec<u8>,
}

impl Sealed {
    /// Salts and hashes a payload.
    ///
    /// # Errors
    /// The system gave no random numbers.
    pub fn new(kind: Kind, payload: Vec<u8>) -> Result<Self, NoRandom> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(NoRandom)?;
        Ok(Self { kind, hash: salted(&salt, &payload), salt, payload })
    }
}

/// The system's random source failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to read random numbers from the system")]
pub struct NoRandom(#[source] getrandom::Error);

/// One entry as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub number: EntryNumber,
    /// Engine time.
    pub at: Timestamp,
    /// What it is about.
    pub kind: u8,
    /// Salted hash of the payload.
    pub hash: Digest,
    /// The chain up to and including this entry.
    pub link: Digest,
    /// Salt and payload; none: pruned.
    pub payload: Option<([u8; SALT_BYTES], Vec<u8>)>,
}

/// The end of a chain: what the next entry is linked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    tenant: TenantId,
    partition: Partition,
    last: EntryNumber,
    link: Digest,
}

impl Chain {
    /// A chain without entries.
    #[must_use]
    pub fn empty(tenant: TenantId, partition: Partition) -> Self {
        Self { tenant, partition, last: EntryNumber(0), link: Digest([0; 32]) }
    }

    /// The last entry's number; 0: none.
    #[must_use]
    pub fn last(&self) -> EntryNumber {
        self.last
    }

    /// The last entry's link.
    #[must_use]
    pub fn link(&self) -> Digest {
        self.link
    }

    /// Takes an entry into the chain: its number and the row to commit.
    pub fn append(&mut self, at: Timestamp, sealed: Sealed) -> (EntryNumber, Write) {
        let number = EntryNumber(self.last.0 + 1);
        let link = self.next_link(number, sealed.kind.code(), at, sealed.hash);
        self.last = number;
        self.link = link;
        let entry = Entry {
            number,
            at,
            kind: sealed.kind.code(),
            hash: sealed.hash,
            link,
            payload: Some((sealed.salt, sealed.payload)),
        };
        (number, Write { table: Table::Journal, key: key(self.partition, number), value: Some(encode(&entry)) })
    }

    fn next_link(&self, number: EntryNumber, kind: u8, at: Timestamp, hash: Digest) -> Digest {
        let mut hasher = Sha256::new();
        hasher.update(self.link.0);
        hasher.update([ROW_VERSION, kind]);
        hasher.update(self.tenant.0.to_be_bytes());
        hasher.update(self.partition.0.to_be_bytes());
        hasher.update(number.0.to_be_bytes());
        hasher.update(at.as_millisecond().to_be_bytes());
        hasher.update(hash.0);
        Digest(hasher.finalize().into())
    }

    /// Follows the chain by one stored entry.
    ///
    /// # Errors
    /// What does not fit.
    pub fn follow(&mut self, entry: &Entry) -> Result<(), Break> {
        let number = EntryNumber(self.last.0 + 1);
        if entry.number != number {
            return Err(Break { at: number, what: "the entry is missing" });
        }
        if let Some((salt, payload)) = &entry.payload
            && salted(salt, payload) != entry.hash
        {
            return Err(Break { at: number, what: "the payload does not match its hash" });
        }
        let link = self.next_link(number, entry.kind, entry.at, entry.hash);
        if link != entry.link {
            return Err(Break { at: number, what: "the link does not follow from the entry before" });
        }
        self.last = number;
        self.link = link;
        Ok(())
    }
}

/// Where a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("journal entry {at}: {what}")]
pub struct Break {
    /// The first entry that does not fit.
    pub at: EntryNumber,
    /// What does not fit.
    pub what: &'static str,
}

/// Why a walk over the journal ended early.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The store could not be read.
    #[error("failed to read the journal")]
    Store(#[source] StoreError),
    /// The chain is broken.
    #[error("the journal is broken")]
    Broken(#[source] Break),
}

/// A chain that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Entries walked.
    pub entries: u64,
    /// Of these, entries whose payload was pruned.
    pub pruned: u64,
    /// Link of the last entry.
    pub head: Digest,
}

/// Walks the whole journal of a partition and checks every payload and link.
///
/// # Errors
/// [`JournalError::Broken`] names the first entry that does not fit.
pub async fn verify(store: &dyn Store, tenant: TenantId, partition: Partition) -> Result<Verified, JournalError> {
    let mut chain = Chain::empty(tenant, partition);
    let mut pruned = 0;
    let mut next = Some(EntryNumber(1));
    while let Some(from) = next {
        let (entries, following) = page(store, tenant, partition, from, WALK_ROWS).await?;
        for entry in entries {
            chain.follow(&entry).map_err(JournalError::Broken)?;
            pruned += u64::from(entry.payload.is_none());
        }
        next = following;
    }
    Ok(Verified { entries: chain.last.0, pruned, head: chain.link })
}

/// Entries from a number on, at most `limit`, and where to go on.
///
/// # Errors
/// The store failed, or a row is no entry.
pub async fn page(
    store: &dyn Store,
    tenant: TenantId,
    partition: Partition,
    from: EntryNumber,
    limit: usize,
) -> Result<(Vec<Entry>, Option<EntryNumber>), JournalError> {
    let page = store.scan(tenant, Table::Journal, key(partition, from), limit).await.map_err(JournalError::Store)?;
    let mut entries = Vec::with_capacity(page.rows.len());
    for (row_key, value) in page.rows {
        let Some(number) = number_of(partition, &row_key) else { return Ok((entries, None)) };
        let broken = || JournalError::Broken(Break { at: number, what: "the row is no journal entry" });
        entries.push(decode(number, &value).ok_or_else(broken)?);
    }
    Ok((entries, page.next.and_then(|key| number_of(partition, &key))))
}

/// One entry.
///
/// # Errors
/// The store failed, or the row is no entry.
pub async fn get(
    store: &dyn Store,
    tenant: TenantId,
    partition: Partition,
    number: EntryNumber,
) -> Result<Option<Entry>, JournalError> {
    let row = store.get(tenant, Table::Journal, key(partition, number)).await.map_err(JournalError::Store)?;
    let broken = || JournalError::Broken(Break { at: number, what: "the row is no journal entry" });
    row.map(|value| decode(number, &value).ok_or_else(broken)).transpose()
}

/// The row that keeps an entry without its payload.
#[must_use]
pub fn pruned(partition: Partition, entry: &Entry) -> Write {
    let entry = Entry { payload: None, ..entry.clone() };
    Write { table: Table::Journal, key: key(partition, entry.number), value: Some(encode(&entry)) }
}

/// The chain as it stands after an entry.
#[must_use]
pub fn chain_at(tenant: TenantId, partition: Partition, entry: &Entry) -> Chain {
    Chain { tenant, partition, last: entry.number, link: entry.link }
}

fn salted(salt: &[u8; SALT_BYTES], payload: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(salt);
    hasher.update(payload);
    Digest(hasher.finalize().into())
}

fn key(partition: Partition, number: EntryNumber) -> Vec<u8> {
    let mut key = Vec::with_capacity(12);
    key.extend_from_slice(&partition.0.to_be_bytes());
    key.extend_from_slice(&number.0.to_be_bytes());
    key
}

fn number_of(partition: Partition, key: &[u8]) -> Option<EntryNumber> {
    let (head, number) = key.split_at_checked(4)?;
    (head == partition.0.to_be_bytes()).then_some(())?;
    Some(EntryNumber(u64::from_be_bytes(number.try_into().ok()?)))
}

fn encode(entry: &Entry) -> Vec<u8> {
    let payload_bytes = entry.payload.as_ref().map_or(0, |(_, payload)| SALT_BYTES + payload.len());
    let mut row = Vec::with_capacity(FIXED_BYTES + payload_bytes);
    row.push(ROW_VERSION);
    row.push(entry.kind);
    row.extend_from_slice(&entry.at.as_millisecond().to_be_bytes());
    row.extend_from_slice(&entry.hash.0);
    row.extend_from_slice(&entry.link.0);
    row.push(u8::from(entry.payload.is_some()));
    if let Some((salt, payload)) = &entry.payload {
        row.extend_from_slice(salt);
        row.extend_from_slice(payload);
    }
    row
}

fn decode(number: EntryNumber, row: &[u8]) -> Option<Entry> {
    let (fixed, rest) = row.split_at_checked(FIXED_BYTES)?;
    (fixed.first() == Some(&ROW_VERSION)).then_some(())?;
    let kind = *fixed.get(1)?;
    let at = i64::from_be_bytes(fixed.get(2..10)?.try_into().ok()?);
    let hash = Digest::from_slice(fixed.get(10..42)?)?;
    let link = Digest::from_slice(fixed.get(42..74)?)?;
    let payload = match fixed.get(74)? {
        0 if rest.is_empty() => None,
        1 => {
            let (salt, payload) = rest.split_at_checked(SALT_BYTES)?;
            Some((salt.try_into().ok()?, payload.to_vec()))
        }
        _ => return None,
    };
    Some(Entry { number, at: Timestamp::from_millisecond(at).ok()?, kind, hash, link, payload })
}
