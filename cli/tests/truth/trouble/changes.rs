//! Faults that take nothing away: clocks, sizes, flags, a second recording.

use std::process::Command;

use super::{
    flv,
    kinds::{Kind, Recording, SECOND_NUMBER, SECOND_SECONDS, SECONDS},
    maker::{Maker, Trouble, film},
    matroska, mp4,
    oracle::Right,
    riff, ts,
};
use crate::film::Film;

/// A pause of a film without sound may be as long, in seconds.
const LONGEST_PAUSE: f64 = 600.0;

impl Maker<'_> {
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
        }
        // A leap forwards may be a picture that stands: FFmpeg writes the same bytes for both. Flash video
        // counts nothing, and in a transport stream without sound only a leap of hours tells.
        let may_stand = !self.kind.is_ts() || seconds < LONGEST_PAUSE;
        if seconds > 0.0 && may_stand {
            let mut pictures = self.film().pictures;
            for picture in &mut pictures {
                picture.start += if picture.start >= at { seconds } else { 0.0 };
            }
            films.push(Film::of(pictures, f64::from(SECONDS) + seconds));
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

    pub(super) fn forward(mut self) -> Trouble {
        let packet = self.keyframe();
        let seconds = [20.0, 300.0, 72_000.0][self.random.usize(..3)];
        self.leap(seconds, packet)
    }

    pub(super) fn back(mut self) -> Trouble {
        let packet = self.keyframe();
        let time = self.seconds(self.packets[packet].picture);
        // Less than a second is a muxer's fault.
        let is_half = self.random.bool() && time > 2.0;
        let seconds = if is_half { time / 2.0 } else { time };
        self.leap(-seconds, packet)
    }

    pub(super) fn wild_time(mut self) -> Trouble {
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

    pub(super) fn joined(self) -> Trouble {
        let second = self.studio.recording(self.kind, Recording::Second);
        let film = self.continued(SECOND_NUMBER);
        Trouble {
            right: Right::film(film).at_least_to(f64::from(SECONDS)),
            bytes: [self.bytes, second].concat(),
            what: format!("a recording of {SECOND_SECONDS} s is joined"),
        }
    }

    pub(super) fn size(self) -> Trouble {
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

    pub(super) fn false_keys(mut self) -> Trouble {
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
