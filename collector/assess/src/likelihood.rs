//! How likely harm is: threat × vulnerability by the table of a method.

use serde::{Deserialize, Serialize};

/// A level from 1 (low) to 3 (high).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Level(u8);

impl Level {
    /// Does not normally happen; all needed measures are taken.
    pub const LOW: Self = Self(1);
    /// A few times a year; partly taken.
    pub const MIDDLE: Self = Self(2);
    /// At any time; nothing is taken.
    pub const HIGH: Self = Self(3);

    /// 1, 2 or 3.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    fn index(self) -> usize {
        usize::from(self.0.saturating_sub(1)).min(2)
    }
}

impl TryFrom<u8> for Level {
    type Error = String;
    fn try_from(number: u8) -> Result<Self, String> {
        if (1..=3).contains(&number) { Ok(Self(number)) } else { Err(format!("{number} is not 1, 2 or 3")) }
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level.0
    }
}

/// The nine cells: row by threat 1 to 3, column by vulnerability 1 to 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table(pub [[Level; 3]; 3]);

impl Table {
    /// The cell of a threat and a vulnerability.
    #[must_use]
    pub fn likelihood(&self, threat: Level, vulnerability: Level) -> Level {
        self.0[threat.index()][vulnerability.index()]
    }
}
