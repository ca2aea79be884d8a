//! Faults that take something away: damage, loss, a cut end. And what comes twice.

use std::{collections::BTreeSet, ops::Range};

use super::{
    flv,
    maker::{Maker, Trouble},
    matroska, mp4,
    oracle::Right,
    packets::lost,
    riff, rm, ts,
};
use crate::film::Film;

impl Maker<'_> {
    pub(super) fn zeroed(mut self) -> Trouble {
        let stretch = self.stretch();
        let (from, to) = (self.offset(stretch.start), self.offset(stretch.end));
        self.bytes[from..to].fill(0);
        // FFmpeg finds its way again at a cluster, which has the pictures of two seconds.
        let further = match (self.kind.container, self.kind.has_keyframes_only()) {
            ("mkv", true) => 2 * self.kind.rate as usize,
            _ => 1,
        };
        let lost = self.lost_by(stretch.clone(), further);
        Trouble {
            right: self.right_without(lost),
            what: self.what("zeroed", &stretch),
            bytes: self.bytes,
        }
    }

    /// The film without these pictures. A GIF's pictures build upon each other to its end, and its blocks cannot be found
    /// again, nor can those of IVF, RealMedia and WTV: it may be refused. FFmpeg decodes pictures with a palette from the
    /// beginning, and AVI has no times.
    fn right_without(&self, lost: Range<u32>) -> Right {
        let start = self.seconds(lost.start);
        let right = Right::film(self.film_without(lost));
        let is_built_up = matches!(self.kind.container, "gif" | "ivf" | "rm" | "wtv");
        if is_built_up || self.kind.codec == "zmbv" {
            right.at_least_to(start)
        } else {
            right
        }
    }

    /// The pictures that are lost with these packets, by `lost`. Where packets are no pieces of the file, those around
    /// are hit, too, and those that share a page or a packet of the container with them.
    fn lost_by(&self, stretch: Range<usize>, further: usize) -> Range<u32> {
        let keeps_back = self.kind.is_ts() || self.kind.codec == "hevc";
        if self.kind.has_whole_packets() && !keeps_back {
            return lost(&self.packets, stretch, further);
        }
        if keeps_back {
            // The decoder may lose those that it keeps back, since they are presented after another one.
            let lost = lost(&self.packets, stretch, further);
            return lost.start.saturating_sub(2)..lost.end;
        }
        let around = self.kind.rate as usize / 2;
        let (from, to) = (self.offset(stretch.start), self.offset(stretch.end));
        let mut packets = self.packets.iter();
        let first = packets.position(|packet| packet.offset >= from);
        let mut packets = self.packets.iter();
        let last = packets.rposition(|packet| packet.offset <= to);
        // The first one may have begun before that page, and the last one may end behind it.
        let (first, last) = (first.unwrap_or(0).saturating_sub(1), last.unwrap_or(0) + 2);
        let start = first.min(stretch.start.saturating_sub(around));
        lost(
            &self.packets,
            start..last.max(stretch.end + around),
            further,
        )
    }

    pub(super) fn random(mut self) -> Trouble {
        let stretch = self.stretch();
        let what = self.what("random", &stretch);
        let mut random = self.random.clone();
        if self.kind.is_ts() {
            let mut stream = ts::Stream::new(self.kind, self.bytes.clone());
            let hit = stream.at(self.offset(stretch.start))..stream.at(self.offset(stretch.end));
            stream.scramble(hit, self.kind.kept_bytes(), &mut random);
            self.bytes = stream.into_bytes();
        } else if self.kind.has_whole_packets() {
            for packet in &self.packets[stretch.clone()] {
                let end = (packet.offset + packet.size).min(self.bytes.len());
                let start = (packet.offset + self.kind.kept_bytes()).min(end);
                self.bytes[start..end].fill_with(|| random.u8(..));
            }
        } else {
            let (from, to) = (self.offset(stretch.start), self.offset(stretch.end));
            let whole = self.bytes.clone();
            self.bytes[from..to].fill_with(|| random.u8(..));
            // FFmpeg may stop at a packet though the next ones can be found.
            if self.kind.container == "rm" && random.bool() {
                for header in rm::packet_headers(&whole) {
                    self.bytes[header.clone()].copy_from_slice(&whole[header]);
                }
            }
        }
        let further = usize::from(!self.kind.has_whole_packets() && !self.kind.is_ts());
        let lost = self.lost_by(stretch, further);
        Trouble {
            right: self.right_without(lost),
            bytes: self.bytes,
            what,
        }
    }

    pub(super) fn lost(mut self) -> Trouble {
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
                stretch = self.witnessed(stretch);
                let (from, to) = (self.offset(stretch.start), self.offset(stretch.end));
                if self.kind.container == "flv" {
                    let tags = flv::tags(&self.bytes);
                    let (from, to) = (tags[stretch.start].0, tags[stretch.end].0);
                    self.bytes.drain(from..to);
                } else {
                    assert!(from < to);
                    for packet in &self.packets[stretch.clone()] {
                        assert!(matroska::skip_block(&mut self.bytes, packet), "{packet:?}");
                    }
                }
            }
        }
        let lost = lost_pictures.unwrap_or_else(|| self.lost_by(stretch.clone(), 0));
        Trouble {
            what: format!("lost: pictures {} to {}", lost.start, lost.end),
            right: self.right_without(lost),
            bytes: self.bytes,
        }
    }

    /// A stretch whose loss what follows witnesses. A gap that ends with a keyframe is a picture that stands: nothing
    /// witnesses it. And the count of pictures, which is short and starts again with a keyframe, may go on by chance
    /// behind a gap that holds one.
    fn witnessed(&self, stretch: Range<usize>) -> Range<usize> {
        let is_key = |packet: &usize| self.packets[*packet].is_key;
        let Range { mut start, mut end } = stretch;
        if let Some(last) = (start..end).rfind(is_key) {
            (start, end) = (last + 1, end.max(last + 8));
        }
        while is_key(&end) {
            end -= 1;
        }
        start..end
    }

    pub(super) fn dropped(mut self) -> Trouble {
        let stretch = self.stretch();
        let stretch = self.witnessed(stretch);
        let drop = format!(
            "noise=amount=0:drop='between(n,{},{})'",
            stretch.start,
            stretch.end - 1
        );
        self.bytes = self.studio.filtered(self.kind, &self.bytes, &drop);
        let lost = self.lost_by(stretch.clone(), 0);
        Trouble {
            right: self.right_without(lost),
            what: self.what("dropped", &stretch),
            bytes: self.bytes,
        }
    }

    pub(super) fn repeated(mut self) -> Trouble {
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

    /// Where a packet ends in the file, at most.
    fn end(&self, packet: usize) -> usize {
        let packet = self.packets[packet];
        if self.kind.has_whole_packets() {
            return packet.offset + packet.size;
        }
        // It shares pages or packets of the container with others, up to where one begins. In a program stream, the
        // packet that has the start of the next picture has the end of this one.
        let offsets = self.packets.iter().map(|packet| packet.offset);
        let next: BTreeSet<usize> = offsets.filter(|offset| *offset > packet.offset).collect();
        let is_program_stream = matches!(self.kind.container, "mpg" | "vob");
        let next = next.into_iter().nth(usize::from(is_program_stream));
        next.unwrap_or(self.bytes.len())
    }

    pub(super) fn cut(mut self) -> Trouble {
        let length = self.bytes.len();
        let end = self.random.usize(length * 2 / 5..length * 19 / 20);
        let kept = (0..self.packets.len()).filter(|packet| self.end(*packet) <= end);
        let kept: Vec<u32> = kept.map(|packet| self.packets[packet].picture).collect();
        let seconds = self.seconds(kept.iter().max().map_or(0, |last| last + 1));
        self.bytes.truncate(end);
        let mut right = Right::film(self.film());
        if !self.kind.tells_its_end() {
            // Nobody can tell that there was more. The last packet may be complete or not, and B pictures come after
            // those that are shown after them.
            right.tolerance = if self.kind.codec == "hevc" {
                0.45
            } else {
                0.35
            };
            let mut pictures = self.film().pictures;
            pictures.retain(|picture| picture.start < seconds + right.tolerance);
            for picture in &mut pictures {
                let is_last = picture.start > seconds - right.tolerance;
                picture.is_hit = is_last || !kept.contains(&picture.number);
            }
            right.films = vec![Film::of(pictures, seconds)];
        }
        Trouble {
            // A group of pictures is not whole without its end.
            right: right.at_least_to((seconds - 0.5).max(0.0)),
            bytes: self.bytes,
            what: format!("cut at {end} of {length} bytes, second {seconds}"),
        }
    }
}
