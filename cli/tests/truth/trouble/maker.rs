//! Makes a file in trouble, and says what is right for it.

use std::process::Command;

use fastrand::Rng;

use super::{
    faults::Fault,
    flv,
    kinds::{Kind, Recording, SECOND_NUMBER, SECOND_SECONDS, SECONDS, Studio},
    matroska, mp4,
    oracle::Right,
    packets::{Packet, lost, packets},
    riff, ts,
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
struct Maker<'a> {
    studio: &'a Studio,
    kind: Kind,
    bytes: Vec<u8>,
    packets: Vec<Packet>,
    random: Rng,
}

/// The film of a kind's first recording.
fn film(kind: Kind, seconds: u32, first: u32, start: f64) -> Vec<Picture> {
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
    fn film(&self) -> Film {
        Film::of(film(self.kind, SECONDS, 0, 0.0), f64::from(SECONDS))
    }

    fn seconds(&self, pictures: u32) -> f64 {
        f64::from(pictures) / f64::from(self.kind.rate)
    }

    /// The film with faults in a range of pictures.
    fn film_without(&self, pictures: std::ops::Range<u32>) -> Film {
        let (from, to) = (self.seconds(pictures.start), self.seconds(pictures.end));
        self.film().hit(from, to)
    }

    /// Positions of packets, in the order of decoding, from behind the first group of pictures to before
    /// the last one: second 0 is the first picture, and the end is another fault's business.
    fn stretch(&mut self) -> std::ops::Range<usize> {
        let rate = self.kind.rate as usize;
        let start = self.random.usize(rate * 5 / 2..rate * 6);
        start..start + self.random.usize(rate / 5..rate * 7 / 2)
    }

    fn what(&self, what: &str, stretch: &std::ops::Range<usize>) -> String {
        format!("{what}: packets {} to {}", stretch.start, stretch.end)
    }

    /// Where a packet begins. Where FFmpeg does not say, packets are about as long as each other.
    fn offset(&self, packet: usize) -> usize {
        match self.packets[packet].offset {
            0 => self.bytes.len() * packet / self.packets.len(),
            offset => offset,
        }
    }

    fn nothing(self) -> Trouble {
        Trouble {
            right: Right::film(self.film()),
            bytes: self.bytes,
            what: "nothing".into(),
        }
    }

    fn zeroed(mut self) -> Trouble {
        let stretch = self.stretch();
        let (from, to) = (self.offset(stretch.start), self.offset(stretch.end));
        self.bytes[from..to].fill(0);
        let lost = self.lost_by(stretch.clone(), 1);
        Trouble {
            right: Right::film(self.film_without(lost)),
            what: self.what("zeroed", &stretch),
            bytes: self.bytes,
        }
    }

    /// The pictures that are lost with these packets, by `lost`. Where packets are no pieces of the file,
    /// those around are hit, too.
    fn lost_by(&self, stretch: std::ops::Range<usize>, further: usize) -> std::ops::Range<u32> {
        let around = if self.kind.has_whole_packets() || self.kind.is_ts() {
            0
        } else {
            2
        };
        let stretch = stretch.start.saturating_sub(around)..stretch.end + around;
        lost(&self.packets, stretch, further)
    }

    fn random(mut self) -> Trouble {
        /// Bytes at the start of a packet that stay: the container's header of it, and the codec's.
        const KEPT: usize = 32;
        let stretch = self.stretch();
        let what = self.what("random", &stretch);
        let mut random = self.random.clone();
        if self.kind.is_ts() {
            let mut stream = ts::Stream::new(self.kind, self.bytes.clone());
            let hit = stream.at(self.offset(stretch.start))..stream.at(self.offset(stretch.end));
            stream.scramble(hit, &mut random);
            self.bytes = stream.into_bytes();
        } else if self.kind.has_whole_packets() {
            for packet in &self.packets[stretch.clone()] {
                let end = (packet.offset + packet.size).min(self.bytes.len());
                let start = (packet.offset + KEPT).min(end);
                self.bytes[start..end].fill_with(|| random.u8(..));
            }
        } else {
            let (from, to) = (self.offset(stretch.start), self.offset(stretch.end));
            self.bytes[from..to].fill_with(|| random.u8(..));
        }
        let further = usize::from(!self.kind.has_whole_packets() && !self.kind.is_ts());
        let lost = self.lost_by(stretch, further);
        Trouble {
            right: Right::film(self.film_without(lost)),
            bytes: self.bytes,
            what,
        }
    }

    fn lost(mut self) -> Trouble {
        let mut stretch = self.stretch();
        let mut lost_pictures = None;
        match self.kind.container {
            "ts" | "m2ts" => {
                let mut stream = ts::Stream::new(self.kind, self.bytes.clone());
                let hit =
                    stream.at(self.offset(stretch.start))..stream.at(self.offset(stretch.end));
                stream.lose(hit);
                self.bytes = stream.into_bytes();
            }
            "avi" => riff::skip_chunks(&mut self.bytes, stretch.clone()),
            "fmp4" => {
                let fragments = mp4::fragments(&self.bytes);
                // Each has the pictures of two seconds.
                let first = self.random.usize(1..fragments.len() - 1);
                self.bytes.drain(fragments[first].clone());
                let pictures = 2 * self.kind.rate;
                lost_pictures = Some(first as u32 * pictures..(first as u32 + 1) * pictures);
            }
            _ => {
                // A gap that ends with a keyframe is a picture that stands: nothing witnesses it.
                while self.packets[stretch.end].is_key {
                    stretch.end -= 1;
                }
                let (from, to) = (self.offset(stretch.start), self.offset(stretch.end));
                if self.kind.container == "flv" {
                    let tags = flv::tags(&self.bytes);
                    let (from, to) = (tags[stretch.start].0, tags[stretch.end].0);
                    self.bytes.drain(from..to);
                } else {
                    assert!(from < to);
                    for packet in self.packets[stretch.clone()].to_vec() {
                        assert!(matroska::skip_block(&mut self.bytes, &packet), "{packet:?}");
                    }
                }
            }
        }
        let lost = lost_pictures.unwrap_or_else(|| self.lost_by(stretch.clone(), 0));
        Trouble {
            what: format!("lost: pictures {} to {}", lost.start, lost.end),
            right: Right::film(self.film_without(lost)),
            bytes: self.bytes,
        }
    }

    fn repeated(mut self) -> Trouble {
        let stretch = self.stretch();
        let mut stream = ts::Stream::new(self.kind, self.bytes.clone());
        let hit = stream.at(self.offset(stretch.start))..stream.at(self.offset(stretch.end));
        stream.repeat(hit);
        Trouble {
            right: Right::film(self.film()),
            what: self.what("repeated", &stretch),
            bytes: stream.into_bytes(),
        }
    }

    /// The clock leaps by these seconds at a packet.
    fn leap(mut self, seconds: f64, packet: usize) -> Trouble {
        let at = self.seconds(self.packets[packet].picture);
        let mut films = vec![self.film()];
        if self.kind.is_ts() {
            let mut stream = ts::Stream::new(self.kind, self.bytes.clone());
            let from = stream.at(self.offset(packet));
            stream.move_clock(from, (seconds * ts::SECOND as f64) as i64);
            self.bytes = stream.into_bytes();
        } else {
            let tag = flv::tags(&self.bytes)[packet].0;
            flv::move_clock(&mut self.bytes, tag, (seconds * 1000.0) as i64);
            // Flash video counts nothing, so a leap forwards may be a picture that stands.
            if seconds > 0.0 {
                let mut pictures = self.film().pictures;
                for picture in &mut pictures {
                    picture.start += if picture.start >= at { seconds } else { 0.0 };
                }
                films.push(Film::of(pictures, f64::from(SECONDS) + seconds));
            }
        }
        let right = Right {
            films,
            ..Right::film(self.film())
        };
        // Nothing is missing. But Flash video that stands for 20 hours is too long.
        let right = Right {
            may_be_rejected: !self.kind.is_ts(),
            ..right.at_least_to(at)
        };
        Trouble {
            bytes: self.bytes,
            right,
            what: format!("the clock leaps by {seconds} s at {at} s"),
        }
    }

    /// A keyframe from the second second to the last but one.
    fn keyframe(&mut self) -> usize {
        let rate = self.kind.rate as usize;
        let packets = self.packets.iter().enumerate();
        let keys = packets
            .filter(|(_, packet)| packet.is_key)
            .map(|(position, _)| position);
        let keys: Vec<usize> = keys
            .filter(|at| (rate * 2..rate * 11).contains(at))
            .collect();
        keys[self.random.usize(..keys.len())]
    }

    fn forward(mut self) -> Trouble {
        let packet = self.keyframe();
        let seconds = [20.0, 300.0, 72_000.0][self.random.usize(..3)];
        self.leap(seconds, packet)
    }

    fn back(mut self) -> Trouble {
        let packet = self.keyframe();
        let time = self.seconds(self.packets[packet].picture);
        let seconds = if self.random.bool() { time } else { time / 2.0 };
        self.leap(-seconds, packet)
    }

    fn wild_time(mut self) -> Trouble {
        let stretch = self.stretch();
        let picture = self.packets[stretch.start].picture;
        let seconds = [5, 15, -2][self.random.usize(..3)];
        let mut stream = ts::Stream::new(self.kind, self.bytes.clone());
        let position = stream.at(self.offset(stretch.start));
        stream.move_picture(position, seconds * ts::SECOND);
        Trouble {
            right: Right::film(self.film_without(picture..picture + 1)),
            what: format!("picture {picture} claims to come {seconds} s later"),
            bytes: stream.into_bytes(),
        }
    }

    /// The film with a continuation that carries these numbers.
    fn continued(&self, first: u32) -> Film {
        let mut pictures = self.film().pictures;
        let end = f64::from(SECONDS);
        pictures.extend(film(self.kind, SECOND_SECONDS, first, end));
        Film::of(pictures, end + f64::from(SECOND_SECONDS))
    }

    fn joined(self) -> Trouble {
        let second = self.studio.recording(self.kind, Recording::Second);
        let film = self.continued(SECOND_NUMBER);
        Trouble {
            right: Right::film(film).at_least_to(f64::from(SECONDS)),
            bytes: [self.bytes, second].concat(),
            what: format!("a recording of {SECOND_SECONDS} s is joined"),
        }
    }

    fn size(self) -> Trouble {
        let rest = self.studio.recording(self.kind, Recording::SmallRest);
        let film = self.continued(SECONDS * self.kind.rate);
        let bytes = if self.kind.is_ts() {
            let before = ts::Stream::new(self.kind, self.bytes);
            let mut rest = ts::Stream::new(self.kind, rest);
            rest.count_on_from(&before);
            [before.into_bytes(), rest.into_bytes()].concat()
        } else {
            joined_by_ffmpeg(self.kind, [&self.bytes, &rest])
        };
        Trouble {
            right: Right::film(film),
            bytes,
            what: format!("half as large from {SECONDS} s on"),
        }
    }

    fn false_keys(mut self) -> Trouble {
        match self.kind.container {
            "ts" | "m2ts" => {
                let mut stream = ts::Stream::new(self.kind, self.bytes);
                stream.flag_all();
                self.bytes = stream.into_bytes();
            }
            "flv" => flv::flag_all(&mut self.bytes),
            "avi" => riff::flag_all(&mut self.bytes),
            "mkv" | "webm" => matroska::flag_all(&mut self.bytes, &self.packets),
            _ => assert!(mp4::flag_all(&mut self.bytes), "{:?}", self.kind),
        }
        Trouble {
            right: Right::film(Film::of(
                film(self.kind, SECONDS, 0, 0.0),
                f64::from(SECONDS),
            )),
            bytes: self.bytes,
            what: "each packet is flagged as a keyframe".into(),
        }
    }

    fn cut(mut self) -> Trouble {
        let length = self.bytes.len();
        let end = self.random.usize(length * 2 / 5..length * 19 / 20);
        self.bytes.truncate(end);
        let kept = (0..self.packets.len())
            .filter(|packet| self.offset(*packet) + self.packets[*packet].size <= end);
        let pictures = kept.map(|packet| self.packets[packet].picture + 1).max();
        let seconds = self.seconds(pictures.unwrap_or(0));
        let mut right = Right::film(self.film());
        if !self.kind.tells_its_end() {
            // Nobody can tell that there was more.
            let mut pictures = self.film().pictures;
            pictures.retain(|picture| picture.start < seconds);
            right.films = vec![Film::of(pictures, seconds)];
            // The last packet may be complete or not, and B pictures wait for it.
            right.tolerance = 0.35;
        }
        Trouble {
            // A group of pictures is not whole without its end.
            right: right.at_least_to((seconds - 0.5).max(0.0)),
            bytes: self.bytes,
            what: format!("cut at {end} of {length} bytes, second {seconds}"),
        }
    }
}

/// Joins two recordings into one file with one header.
fn joined_by_ffmpeg(kind: Kind, parts: [&[u8]; 2]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut list = String::new();
    for (position, part) in parts.iter().enumerate() {
        let file = folder.path().join(kind.file_name(&position.to_string()));
        std::fs::write(&file, part).unwrap();
        list += &format!("file '{}'\n", file.display());
    }
    let names = folder.path().join("list");
    std::fs::write(&names, list).unwrap();
    let joined = folder.path().join(kind.file_name("joined"));
    let status = Command::new("ffmpeg")
        .args([
            "-v", "error", "-nostdin", "-f", "concat", "-safe", "0", "-i",
        ])
        .arg(names)
        .args(["-c", "copy"])
        .arg(&joined)
        .status()
        .unwrap();
    assert!(status.success(), "{kind:?}");
    std::fs::read(joined).unwrap()
}
