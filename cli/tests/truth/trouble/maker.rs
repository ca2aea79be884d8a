//! Makes a file in trouble, and says what is right for it.

use fastrand::Rng;

use super::{
    faults::Fault,
    kinds::{Kind, Recording, SECONDS, Studio},
    oracle::Right,
    packets::{Packet, packets},
};
use crate::film::{Film, Picture};

/// A file in trouble.
pub struct Trouble {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What is right for it.
    pub right: Right,
    /// What was done, for people.
    pub what: String,
}

/// What the faults are made of.
pub struct Maker<'a> {
    pub(super) studio: &'a Studio,
    pub(super) kind: Kind,
    pub(super) bytes: Vec<u8>,
    pub(super) packets: Vec<Packet>,
    pub(super) random: Rng,
}

/// The film of a kind's first recording.
pub fn film(kind: Kind, seconds: u32, first: u32, start: f64) -> Vec<Picture> {
    let pictures = (0..seconds * kind.rate).map(|picture| Picture {
        start: start + f64::from(picture) / f64::from(kind.rate),
        number: first + picture,
        is_hit: false,
    });
    pictures.collect()
}

/// Makes a file of this kind with this fault, by `seed`.
pub fn make(studio: &Studio, kind: Kind, fault: Fault, seed: u64) -> Trouble {
    let bytes = studio.recording(kind, Recording::First);
    let whole = studio.file(kind, seed);
    std::fs::write(&whole, &bytes).unwrap();
    let maker = Maker {
        studio,
        kind,
        packets: packets(kind, &whole),
        bytes,
        random: Rng::with_seed(seed),
    };
    std::fs::remove_file(whole).unwrap();
    match fault {
        Fault::Nothing => maker.nothing(),
        Fault::Zeroed => maker.zeroed(),
        Fault::Random => maker.random(),
        Fault::Lost => maker.lost(),
        Fault::Dropped => maker.dropped(),
        Fault::Repeated => maker.repeated(),
        Fault::Forward => maker.forward(),
        Fault::Back => maker.back(),
        Fault::WildTime => maker.wild_time(),
        Fault::Joined => maker.joined(),
        Fault::Size => maker.size(),
        Fault::FalseKeys => maker.false_keys(),
        Fault::Cut => maker.cut(),
    }
}

impl Maker<'_> {
    pub(super) fn film(&self) -> Film {
        Film::of(film(self.kind, SECONDS, 0, 0.0), f64::from(SECONDS))
    }

    pub(super) fn seconds(&self, pictures: u32) -> f64 {
        f64::from(pictures) / f64::from(self.kind.rate)
    }

    /// The film with faults in a range of pictures.
    pub(super) fn film_without(&self, pictures: std::ops::Range<u32>) -> Film {
        let (from, to) = (self.seconds(pictures.start), self.seconds(pictures.end));
        self.film().hit(from, to)
    }

    /// Positions of packets, in the order of decoding, from behind the first group of pictures to before
    /// the last one: second 0 is the first picture, and the end is another fault's business.
    pub(super) fn stretch(&mut self) -> std::ops::Range<usize> {
        let rate = self.kind.rate as usize;
        let start = self.random.usize(rate * 5 / 2..rate * 6);
        start..start + self.random.usize(rate / 5..rate * 7 / 2)
    }

    pub(super) fn what(&self, what: &str, stretch: &std::ops::Range<usize>) -> String {
        format!("{what}: packets {} to {}", stretch.start, stretch.end)
    }

    /// Where a packet begins.
    pub(super) fn offset(&self, packet: usize) -> usize {
        self.packets[packet].offset
    }

    fn nothing(self) -> Trouble {
        Trouble {
            right: Right::film(self.film()),
            bytes: self.bytes,
            what: "nothing".into(),
        }
    }
}
