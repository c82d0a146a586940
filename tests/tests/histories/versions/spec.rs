//! A version as the model knows it: what its type promises.

/// How a version promotes an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is a field of the data only.
    Absent,
    Promoted,
    Default,
    Sharded(u32),
    Roster(Limit),
}

/// How many sessions of one value there can be, and what happens to one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub sessions: usize,
    /// It ends the oldest; otherwise it is refused.
    pub evicts: bool,
}

impl Kind {
    pub fn is_index(self) -> bool {
        !matches!(self, Self::Absent | Self::Promoted)
    }

    /// Whether the table has an index for it, of whatever number of shards.
    pub fn is_in_table(self) -> bool {
        matches!(self, Self::Default | Self::Sharded(_))
    }

    pub fn limit(self) -> Option<Limit> {
        match self {
            Self::Roster(limit) => Some(limit),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Map,
    Cbor,
    Zstd,
}

/// An attribute that sessions can be found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum By {
    User,
    Team,
}

impl By {
    pub const ALL: [Self; 2] = [Self::User, Self::Team];

    pub fn field(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Team => "team",
        }
    }
}

/// A version, as the model knows it.
#[derive(Clone, Debug)]
pub struct Spec {
    pub name: &'static str,
    /// In milliseconds.
    pub idle: u64,
    pub absolute: u64,
    pub kinds: [Kind; 2],
    pub format: Format,
    pub fields: &'static [&'static str],
    /// How far the field `nick` is on its way to the name `name`.
    pub renamed: u8,
    pub revoke_all: bool,
    pub sum: bool,
}

/// A part of a version that a deploy can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Idle,
    Absolute,
    User,
    Team,
    Format,
    Fields,
    Rename,
    RevokeAll,
    Sum,
}

impl Part {
    pub const ALL: [Self; 9] = [
        Self::Idle,
        Self::Absolute,
        Self::User,
        Self::Team,
        Self::Format,
        Self::Fields,
        Self::Rename,
        Self::RevokeAll,
        Self::Sum,
    ];
}

impl Spec {
    pub fn kind(&self, by: By) -> Kind {
        self.kinds[by as usize]
    }

    pub fn knows(&self, field: &str) -> bool {
        self.fields.contains(&field)
    }

    pub fn differences(&self, other: &Self) -> Vec<Part> {
        let differs = |part: &Part| match part {
            Part::Idle => self.idle != other.idle,
            Part::Absolute => self.absolute != other.absolute,
            Part::User => self.kinds[0] != other.kinds[0],
            Part::Team => self.kinds[1] != other.kinds[1],
            Part::Format => self.format != other.format,
            Part::Fields => self.knows("extra") != other.knows("extra"),
            Part::Rename => self.renamed != other.renamed,
            Part::RevokeAll => self.revoke_all != other.revoke_all,
            Part::Sum => self.sum != other.sum,
        };
        Part::ALL.into_iter().filter(differs).collect()
    }
}
