//! The sessions as they should be, and who promises what of them. It keeps no copy of the store's logic.

use std::collections::BTreeMap;

use super::spec::{By, Kind, Spec};
use super::types::Fields;

/// A guarantee that was broken.
#[derive(Clone, Debug)]
pub struct Violation {
    pub guarantee: &'static str,
    pub what: String,
}

pub type Check<T = ()> = Result<T, Violation>;

/// Fails with a guarantee and a text.
macro_rules! broken {
    ($guarantee:literal, $($text:tt)*) => {
        Err($crate::versions::model::Violation { guarantee: $guarantee, what: format!($($text)*) })
    };
}
pub(super) use broken;

/// Whether something is kept as it should be, or the step since which it may not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Yes,
    NotSince(usize),
}

impl Kept {
    fn lose(&mut self, step: usize) {
        *self = Self::NotSince(step);
    }
}

/// The places in which versions can look for a session by an attribute, and whether it must be there.
#[derive(Clone, Copy, Debug)]
pub struct Promises {
    /// The attribute is the field.
    pub attribute: Kept,
    /// The attribute of the shards names the field, and one of so many shards.
    pub shards: (u32, Kept),
    /// It is in the roster.
    pub roster: Kept,
}

impl Promises {
    /// No version has written the session yet.
    fn none(step: usize) -> Self {
        Self {
            attribute: Kept::NotSince(step),
            shards: (0, Kept::NotSince(step)),
            roster: Kept::NotSince(step),
        }
    }

    /// A version with this kind of index has written the value.
    fn wrote(&mut self, kind: Kind, step: usize) {
        *self = Self::none(step);
        self.mended(kind);
    }

    /// A version with this kind of index has looked after the session.
    fn mended(&mut self, kind: Kind) {
        if kind != Kind::Absent {
            self.attribute = Kept::Yes;
        }
        match kind {
            Kind::Sharded(shards) if self.shards.1 != Kept::Yes || self.shards.0 > shards => {
                self.shards = (shards, Kept::Yes);
            }
            Kind::Roster(_) => self.roster = Kept::Yes,
            _ => {}
        }
    }

    /// A version with this kind of index has given the session a new id. Attributes go with it.
    fn moved(&mut self, kind: Kind, step: usize) {
        self.roster.lose(step);
        if let Kind::Sharded(shards) = kind {
            self.shards = (shards, Kept::Yes);
        }
        self.mended(kind);
    }

    /// Whether a version with this kind of index must find the session.
    pub fn by(&self, kind: Kind) -> Kept {
        match kind {
            Kind::Absent | Kind::Promoted => Kept::NotSince(0),
            Kind::Default => self.attribute,
            Kind::Sharded(read) => match self.shards {
                // A program with more shards has written it, whenever that was.
                (shards, Kept::Yes) if shards > read => Kept::NotSince(usize::MAX),
                (_, kept) => kept,
            },
            Kind::Roster(_) => self.roster,
        }
    }
}

/// A session as it should be.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Empty if nobody knows it yet.
    pub handle: String,
    /// In milliseconds.
    pub created: u64,
    pub touched: u64,
    /// The stored end, in seconds, and the session's own idle timeout, in seconds.
    pub end: u64,
    pub own: Option<u64>,
    pub fields: Fields,
    pub promises: [Promises; 2],
    /// The computed attribute is that of the fields.
    pub sum: Kept,
    /// The step of the last write of data or attributes.
    pub written: usize,
}

/// Whether a session is live for a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Live,
    Over,
    Either,
}

impl Truth {
    /// A session that this version has just created.
    pub fn begun(spec: &Spec, handle: &str, fields: Fields, now: u64, step: usize) -> Self {
        let mut begun = Self {
            handle: handle.to_owned(),
            created: now,
            touched: now,
            end: 0,
            own: None,
            fields,
            promises: [Promises::none(step); 2],
            sum: Kept::NotSince(step),
            written: step,
        };
        begun.end = begun.granted(spec, now);
        begun.mended(spec);
        begun
    }

    fn idle(&self, spec: &Spec) -> u64 {
        self.own.map_or(spec.idle, |own| own * 1000)
    }

    /// The end in seconds that a write by this version stores.
    pub fn granted(&self, spec: &Spec, now: u64) -> u64 {
        let by_idle = (now + self.idle(spec)).div_ceil(1000);
        by_idle.min((self.created + spec.absolute) / 1000)
    }

    /// The millisecond at which the session ends for this version.
    pub fn ends(&self, spec: &Spec) -> u64 {
        let by_idle = self.touched + self.idle(spec);
        let absolute = (self.created + spec.absolute) / 1000 * 1000;
        by_idle.min(absolute).min(self.end * 1000)
    }

    /// A write by this version extends it.
    pub fn extend(&mut self, spec: &Spec, now: u64) {
        self.touched = now;
        self.end = self.granted(spec, now);
    }

    pub fn promises(&self, by: By) -> &Promises {
        &self.promises[by as usize]
    }

    /// A version has looked after all that it keeps of the session.
    pub fn mended(&mut self, spec: &Spec) {
        for by in By::ALL {
            self.promises[by as usize].mended(spec.kind(by));
        }
        if spec.sum {
            self.sum = Kept::Yes;
        }
    }

    /// A reindex has not met it, since it was over for that version. Only another version can extend it again.
    pub fn passed_over(&mut self, step: usize) {
        for promises in &mut self.promises {
            for kept in [
                &mut promises.attribute,
                &mut promises.shards.1,
                &mut promises.roster,
            ] {
                if *kept != Kept::Yes {
                    kept.lose(step + 1);
                }
            }
        }
    }

    /// A version has written these fields, onto a state that it knew or not.
    pub fn wrote(&mut self, spec: &Spec, fields: &[&str], knew: bool, step: usize) {
        for by in By::ALL {
            if fields.contains(&by.field()) {
                self.promises[by as usize].wrote(spec.kind(by), step);
            }
        }
        if fields.contains(&"red") || fields.contains(&"green") {
            self.sum = match spec.sum {
                true => Kept::Yes,
                false => Kept::NotSince(step),
            };
        }
        if knew {
            self.mended(spec);
        }
        self.written = step;
    }

    /// A version has given it a new id.
    pub fn moved(&mut self, spec: &Spec, step: usize) {
        for by in By::ALL {
            self.promises[by as usize].moved(spec.kind(by), step);
        }
        if spec.sum {
            self.sum = Kept::Yes;
        }
        self.written = step;
    }

    /// The value by which it is found, and whether that is sure: an attribute that a version without it
    /// has not followed can show another.
    pub fn has(&self, by: By, value: u64) -> Life {
        match self.promises(by).attribute {
            Kept::Yes if self.fields[by.field()] == Some(value) => Life::Live,
            Kept::Yes => Life::Over,
            Kept::NotSince(_) => Life::Either,
        }
    }
}

/// All that is known.
#[derive(Default)]
pub struct Model {
    /// The stored sessions, by their handles.
    pub sessions: BTreeMap<String, Truth>,
    /// How others have ended.
    pub ended: BTreeMap<String, String>,
    /// Sessions that were created before the first moment are over for versions with `revoke_all`, and
    /// perhaps those before the second.
    pub cutoff: [u64; 2],
    /// The step at which an index of a version became complete.
    pub complete: BTreeMap<(By, String), usize>,
    /// A reindex that was interrupted: of which indexes, and at which step it began. Another version that has the
    /// same ones goes on with it.
    pub interrupted: Option<([String; 2], usize)>,
    pub step: usize,
}

impl Model {
    /// Whether a read by this version finds the session.
    pub fn life(&self, truth: &Truth, spec: &Spec, now: u64) -> Life {
        let [sure, perhaps] = match spec.revoke_all {
            true => self.cutoff,
            false => [0, 0],
        };
        if now >= truth.ends(spec) || truth.created < sure {
            Life::Over
        } else if truth.created < perhaps {
            Life::Either
        } else {
            Life::Live
        }
    }

    /// The same for a write by a copy that was loaded earlier: it need not know that all sessions were
    /// revoked.
    pub fn life_of_copy(&self, truth: &Truth, spec: &Spec, now: u64) -> Life {
        match self.life(truth, spec, now) {
            Life::Over if now < truth.ends(spec) => Life::Either,
            life => life,
        }
    }

    /// How many other sessions of a value this version must count, and how many it may count.
    pub fn members(&self, spec: &Spec, by: By, value: u64, but: &str, now: u64) -> (usize, usize) {
        let (mut least, mut most) = (0, 0);
        for truth in self.sessions.values().filter(|it| it.handle != but) {
            let life = self.life_of_copy(truth, spec, now);
            if life == Life::Over || truth.has(by, value) == Life::Over {
                continue;
            }
            most += 1;
            let is_sure = life == Life::Live && truth.has(by, value) == Life::Live;
            if is_sure && truth.promises(by).by(spec.kind(by)) == Kept::Yes {
                least += 1;
            }
        }
        (least, most)
    }
}
