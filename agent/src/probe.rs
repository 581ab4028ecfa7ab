//! Probes: each looks at one subject and fills one fact group; this module runs them.
//!
//! Probes run one after the other on a thread of their own. A probe that panics or does not finish within
//! [`PROBE_TIME_MAX`] leaves every field of its group unreadable and never stops the agent; a late one is
//! left behind and is not started again before it has returned. Personal fields stay withheld until the
//! notice was given, whatever a probe returns, and a group that is switched off is not looked at.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tenken_proto::fact::{FieldSchema, GroupName, GroupSchema, Kind};
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::report::{BODY_BYTES_MAX, Group};
use tenken_proto::value::{Record, Value};

use crate::root::Root;

pub mod antivirus;
mod dropin;
mod glob;
pub mod host;
pub mod log_retention;
mod packages;
pub mod patch;
mod processes;
pub mod usb;

/// Longest run of one probe.
pub const PROBE_TIME_MAX: Duration = Duration::from_secs(20);
/// Observations asked of the probe thread at one time.
const JOBS_MAX: usize = 1;

/// One subject that is looked at.
pub trait Probe: Send + Sync {
    /// The group that it fills.
    fn schema(&self) -> GroupSchema;

    /// Files and directories of the observed system whose change makes a new look worth while. What a
    /// directory contains counts, one level deep.
    fn watched(&self, root: &Root) -> Vec<String>;

    /// Looks once. Whatever cannot be seen is said in the record; there is no failure as a whole.
    fn observe(&self, context: &Context) -> Record;
}

/// What a probe may know of the world.
#[derive(Debug, Clone)]
pub struct Context {
    /// Where to read.
    pub root: Arc<Root>,
    /// The time of this observation.
    pub now: Timestamp,
    /// The notice was given: fields that can be linked to a person may be read.
    pub personal: bool,
    deadline: Instant,
}

impl Context {
    /// An observation of this root at this time, to end within `limit`.
    #[must_use]
    pub fn new(root: Arc<Root>, now: Timestamp, personal: bool, limit: Duration) -> Self {
        Self { root, now, personal, deadline: Instant::now() + limit }
    }

    /// The time is over: what was not read is to be said as unreadable (timed out), and no more is begun.
    #[must_use]
    pub fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }
}

/// What may be looked at.
#[derive(Debug, Clone, Default)]
pub struct Consent {
    /// Groups that are switched off.
    pub withheld: BTreeSet<GroupName>,
    /// The notice was given: personal fields may be read.
    pub personal: bool,
}

/// One group, observed at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Which group.
    pub name: GroupName,
    /// Its schema's version.
    pub schema_version: u32,
    /// What was seen, without derived fields.
    pub record: Record,
    /// When.
    pub observed_at: Timestamp,
}

impl Observation {
    /// As it travels.
    #[must_use]
    pub fn group(&self) -> Group {
        Group {
            name: self.name.clone(),
            schema_version: self.schema_version,
            body: tenken_proto::convert::encode_body(&self.record),
            observed_at: self.observed_at,
        }
    }
}

/// A record in which every field that is sent says the same kind of thing.
fn filled(schema: &GroupSchema, value: impl Fn(&FieldSchema) -> Observed<Value>) -> Record {
    let mut record = Record::default();
    for field in schema.fields.iter().filter(|field| !field.derived) {
        record.push(field.name, value(field));
    }
    record
}

/// All probes of this program, in the order in which groups are shown.
#[must_use]
pub fn all() -> Vec<Arc<dyn Probe>> {
    vec![
        Arc::new(host::HostProbe),
        Arc::new(patch::PatchProbe),
        Arc::new(antivirus::AntivirusProbe),
        Arc::new(usb::UsbProbe),
        Arc::new(log_retention::LogRetentionProbe),
    ]
}

/// The probes of one root.
#[derive(Debug)]
pub struct Probes {
    root: Arc<Root>,
    slots: Vec<Slot>,
    worker: Option<Worker>,
    limit: Duration,
}

impl Probes {
    /// All probes beneath this root.
    #[must_use]
    pub fn new(root: Arc<Root>) -> Self {
        Self::of(root, all(), PROBE_TIME_MAX)
    }

    /// These probes beneath this root; one whose schema has no valid name is left out.
    #[must_use]
    pub fn of(root: Arc<Root>, probes: Vec<Arc<dyn Probe>>, limit: Duration) -> Self {
        let slots = probes.into_iter().filter_map(Slot::new).collect();
        Self { root, slots, worker: None, limit }
    }

    /// The groups, in order.
    pub fn names(&self) -> impl Iterator<Item = &GroupName> {
        self.slots.iter().map(|slot| &slot.name)
    }

    /// The groups' schemas, in order.
    pub fn schemas(&self) -> impl Iterator<Item = &GroupSchema> {
        self.slots.iter().map(|slot| &slot.schema)
    }

    /// Which paths of the observed system wake which group.
    #[must_use]
    pub fn watched(&self) -> Vec<(GroupName, Vec<String>)> {
        self.slots.iter().map(|slot| (slot.name.clone(), slot.probe.watched(&self.root))).collect()
    }

    /// Looks at one group; none where no probe has that name. Blocks for at most the probe's time.
    pub fn observe(&mut self, name: &GroupName, consent: &Consent) -> Option<Observation> {
        let index = self.slots.iter().position(|slot| slot.name == *name)?;
        let now = crate::clock::now();
        let record = self.run(index, now, consent);
        let slot = self.slots.get(index)?;
        Some(Observation {
            name: slot.name.clone(),
            schema_version: slot.schema.version,
            record: slot.finish(record, consent),
            observed_at: now,
        })
    }

    /// Looks at every group, in order.
    pub fn observe_all(&mut self, consent: &Consent) -> Vec<Observation> {
        let names: Vec<GroupName> = self.names().cloned().collect();
        names.iter().filter_map(|name| self.observe(name, consent)).collect()
    }

    fn run(&mut self, index: usize, now: Timestamp, consent: &Consent) -> Result<Record, Unfinished> {
        let slot = self.slots.get(index).ok_or(Unfinished::NoThread)?;
        if consent.withheld.contains(&slot.name) {
            return Ok(Record::default());
        }
        if slot.busy.load(Ordering::Acquire) {
            return Err(Unfinished::StillBusy);
        }
        let job = Job {
            probe: Arc::clone(&slot.probe),
            busy: Arc::clone(&slot.busy),
            context: Context::new(Arc::clone(&self.root), now, consent.personal, self.limit),
        };
        let worker = match self.worker.take() {
            Some(worker) => worker,
            None => Worker::start().ok_or(Unfinished::NoThread)?,
        };
        // A worker that is late is dropped here; its thread ends when its probe returns.
        let (result, worker) = worker.work(job, self.limit);
        self.worker = worker;
        result
    }
}

/// Why a probe gave no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unfinished {
    Panicked,
    TimedOut,
    StillBusy,
    NoThread,
}

impl Unfinished {
    fn reason(self) -> Reason {
        match self {
            Self::Panicked | Self::NoThread => Reason::ProbeFailed,
            Self::TimedOut | Self::StillBusy => Reason::TimedOut,
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Self::Panicked => "the probe failed; this is a defect of the agent, its log has the place",
            Self::TimedOut => "the probe did not finish in its time; a file system may be hanging",
            Self::StillBusy => "the last look has not returned yet; a file system may be hanging",
            Self::NoThread => "no thread could be started",
        }
    }
}

struct Slot {
    name: GroupName,
    schema: GroupSchema,
    probe: Arc<dyn Probe>,
    busy: Arc<AtomicBool>,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Slot").field(&self.name).finish()
    }
}

impl Slot {
    fn new(probe: Arc<dyn Probe>) -> Option<Self> {
        let schema = probe.schema();
        let name = schema.name.parse().ok()?;
        Some(Self { name, schema, probe, busy: Arc::new(AtomicBool::new(false)) })
    }

    /// What leaves this module: withheld where it has to be, bounded, every field present.
    fn finish(&self, record: Result<Record, Unfinished>, consent: &Consent) -> Record {
        let record = if consent.withheld.contains(&self.name) {
            filled(&self.schema, |_| Observed::Withheld)
        } else {
            match record {
                Ok(mut record) => {
                    if !consent.personal {
                        withhold_personal(&self.schema.fields, &mut record);
                    }
                    record
                }
                Err(why) => filled(&self.schema, |_| Observed::unreadable(why.reason(), why.detail(), "")),
            }
        };
        if tenken_proto::convert::encode_body(&record).len() <= BODY_BYTES_MAX {
            return record;
        }
        let detail = format!("what was seen takes more than {BODY_BYTES_MAX} bytes");
        filled(&self.schema, |_| Observed::unreadable(Reason::TooLarge, detail.clone(), ""))
    }
}

fn withhold_personal(fields: &[FieldSchema], record: &mut Record) {
    for (name, observed) in &mut record.fields {
        let Some(field) = fields.iter().find(|field| field.name == name.as_str()) else { continue };
        if field.personal {
            *observed = Observed::Withheld;
        } else if let Observed::Known { value, .. } = observed {
            withhold_inside(&field.kind, value);
        }
    }
}

fn withhold_inside(kind: &Kind, value: &mut Value) {
    match (kind, value) {
        (Kind::List(kind), Value::List(items)) => items.iter_mut().for_each(|item| withhold_inside(kind, item)),
        (Kind::Record(fields), Value::Record(record)) => withhold_personal(fields, record),
        _ => {}
    }
}

struct Job {
    probe: Arc<dyn Probe>,
    busy: Arc<AtomicBool>,
    context: Context,
}

/// The thread on which probes run.
#[derive(Debug)]
struct Worker {
    jobs: SyncSender<Job>,
    done: Receiver<Result<Record, Unfinished>>,
}

impl Worker {
    fn start() -> Option<Self> {
        let (jobs, todo) = sync_channel::<Job>(JOBS_MAX);
        let (finished, done) = sync_channel(JOBS_MAX);
        let work = move || {
            for job in todo {
                let record = catch_unwind(AssertUnwindSafe(|| job.probe.observe(&job.context)));
                job.busy.store(false, Ordering::Release);
                if finished.send(record.map_err(|_| Unfinished::Panicked)).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("probes".to_owned()).spawn(work).ok()?;
        Some(Self { jobs, done })
    }

    fn work(self, job: Job, limit: Duration) -> (Result<Record, Unfinished>, Option<Self>) {
        job.busy.store(true, Ordering::Release);
        if self.jobs.send(job).is_err() {
            return (Err(Unfinished::NoThread), None);
        }
        match self.done.recv_timeout(limit) {
            Ok(result) => (result, Some(self)),
            Err(RecvTimeoutError::Timeout) => (Err(Unfinished::TimedOut), None),
            Err(RecvTimeoutError::Disconnected) => (Err(Unfinished::Panicked), None),
        }
    }
}

#[cfg(test)]
mod tests;
