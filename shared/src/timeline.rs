//! The times of a film whose file tells them in a way that FFmpeg does not follow.

use serde::{Deserialize, Serialize};

/// Marks a file in which FFmpeg would find other times than the film has: recordings that were joined, an edit list
/// that FFmpeg reads otherwise, fragments behind a hole. Slices of such a file are rendered from excerpts only, because
/// an excerpt has the film's times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// The pieces of the file in order, each with a clock of its own. Empty if the tables of the container tell all
    /// times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<Piece>,
}

/// A part of a file that has one clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Where it starts, in bytes. It ends where the next piece starts.
    pub from: u64,
    /// The container's number of the video stream in this piece (the PID of MPEG-TS).
    pub stream: u32,
    /// What is added to its timestamps, in ticks of the container, to get those of the film.
    pub shift: i64,
}

impl Piece {
    /// The piece of `pieces` that holds the byte at `offset`.
    pub fn at(pieces: &[Self], offset: u64) -> Option<&Self> {
        let after = pieces.partition_point(|piece| piece.from <= offset);
        pieces.get(after.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_reaches_to_the_next() {
        let piece = |from| Piece {
            from,
            stream: 256,
            shift: 0,
        };
        let pieces = [piece(10), piece(30)];
        let from = |offset| Piece::at(&pieces, offset).map(|piece| piece.from);
        let found = [9, 10, 29, 30, 99].map(from);
        assert_eq!(found, [None, Some(10), Some(10), Some(30), Some(30)]);
    }
}
