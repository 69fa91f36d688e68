//! A place in the log, and its text form.

/// A place in the log: everything up to and including it has been read. Ordered like the log.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Position {
    /// The log's epoch and, on PostgreSQL, the writing transaction's number; see
    /// [`crate::work::epoch`].
    pub tx: i64,
    /// The sequence number.
    pub seq: i64,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.tx, self.seq)
    }
}

impl std::str::FromStr for Position {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (tx, seq) = text.split_once('.').unwrap_or((text, ""));
        Ok(Self {
            tx: tx.parse()?,
            seq: seq.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_its_text_form() {
        let position = Position { tx: 12, seq: 34 };
        assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
        for text in ["", "1", "1.", ".1", "a.b", "1.2.3"] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }
}
