//! Collects the pictures of a stream from the packets of a file, with what tells whether its clock goes on.

use std::{collections::BTreeMap, ops::Range};

use crate::mpegts::{
    clocks::Stamped,
    codec::{Codec, is_video},
    packet::timestamps,
    programs::{self, Section},
    transport::{PacketCutter, PacketHeader},
};

/// Most pictures: ten hours at 60 a second. They take 190 MB.
const MAX_PICTURES: usize = 2_200_000;

/// Most other streams whose times are followed.
const MAX_STREAMS: usize = 64;

/// The pid of null packets, among them the repeats that a worker does not feed.
const NULL_PID: u16 = 0x1fff;

/// A stream whose timestamps are further apart, in 1/90,000 s, is no sound.
const MAX_SOUND_STEP: i64 = 180_000;

/// Collects pictures.
#[derive(Debug)]
pub(super) struct Collector {
    cutter: PacketCutter,
    codec: Codec,
    pid: u16,
    /// The pids of the tables that may name the stream; empty if these are not known. And the one that has named it.
    maps: Vec<u16>,
    own_map: Option<u16>,
    counter: Option<u8>,
    /// The payload of the last packet in which a picture starts.
    start: Vec<u8>,
    sounds: BTreeMap<u16, Sound>,
    clocks: BTreeMap<u16, i64>,
    /// The witnesses since the last picture.
    since: Stamped,
    pictures: Vec<Stamped>,
    /// Why pictures behind an offset cannot be shown.
    pub(super) barrier: Option<(u64, &'static str)>,
}

/// The last two timestamps of another stream.
#[derive(Clone, Copy, Debug)]
struct Sound {
    last: i64,
    step: i64,
}

impl Collector {
    /// Collects the pictures of the stream `pid` from bytes that start at `offset`. `size` is from one packet to the
    /// next, in bytes.
    pub(super) fn new(size: u64, offset: u64, pid: u16, codec: Codec) -> Self {
        Self {
            cutter: PacketCutter::new(size, offset),
            codec,
            pid,
            maps: Vec::new(),
            own_map: None,
            counter: None,
            start: Vec::new(),
            sounds: BTreeMap::new(),
            clocks: BTreeMap::new(),
            since: Stamped::default(),
            pictures: Vec::new(),
            barrier: None,
        }
    }

    /// The pictures that have a pts.
    pub(super) fn pictures(&self) -> &[Stamped] {
        &self.pictures
    }

    /// Whether the video is no longer the stream `pid`.
    pub(super) fn has_moved(&self, pid: u16) -> bool {
        self.pid != pid
    }

    /// Takes the next `bytes`.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        // Taken out, since it borrows what the packets change.
        let mut cutter = std::mem::replace(&mut self.cutter, PacketCutter::new(0, 0));
        cutter.push(bytes, |offset, unit, range| {
            self.packet(offset, unit, range)
        });
        self.cutter = cutter;
    }

    fn packet(&mut self, offset: u64, unit: &[u8], range: Range<usize>) {
        let Some(packet) = unit.get(range) else {
            return;
        };
        let Some(header) = PacketHeader::read(packet) else {
            return;
        };
        if self.barrier.is_some() || header.pid == NULL_PID {
            return;
        }
        self.since.is_announced |= header.is_discontinuous;
        if let Some(pcr) = header.pcr {
            self.clock(header.pid, pcr);
        }
        let Some(payload) = header.payload.and_then(|at| packet.get(at..)) else {
            return;
        };
        if header.pid == self.pid {
            self.video(offset, &header, payload);
        } else if header.starts_unit && (header.pid == programs::PAT || self.is_map(header.pid)) {
            self.table(offset, header.pid, payload);
        } else if header.starts_unit && is_sound(payload) {
            self.sound(header.pid, payload);
        }
    }

    fn is_map(&self, pid: u16) -> bool {
        self.maps.contains(&pid)
    }

    fn clock(&mut self, pid: u16, pcr: i64) {
        let before = self.clocks.insert(pid, pcr);
        let leap = before.map_or(0, |before| (pcr - before).abs());
        self.since.clocks = self.since.clocks.saturating_add(1);
        self.since.clock_leap = self.since.clock_leap.max(leap);
        if self.clocks.len() > MAX_STREAMS {
            self.clocks.clear();
        }
    }

    fn sound(&mut self, pid: u16, payload: &[u8]) {
        let Some((found, _)) = timestamps(payload) else {
            return;
        };
        let before = self.sounds.get(&pid).copied();
        let step = before.map_or(i64::MAX, |before| (found.pts - before.last).abs());
        let last = found.pts;
        self.sounds.insert(pid, Sound { last, step });
        if before.is_some_and(|before| before.step < MAX_SOUND_STEP) {
            self.since.sounds = self.since.sounds.saturating_add(1);
            self.since.sound_leap = self.since.sound_leap.max(step);
        }
        if self.sounds.len() > MAX_STREAMS {
            self.sounds.clear();
        }
    }

    fn video(&mut self, offset: u64, header: &PacketHeader, payload: &[u8]) {
        let before = self.counter.replace(header.counter);
        let follows = before
            .is_none_or(|before| header.counter == before || header.counter == (before + 1) & 0x0f);
        self.since.is_behind_loss |= !follows && !header.is_discontinuous;
        // A packet may come twice.
        let is_repeated = before == Some(header.counter) && self.start == payload;
        if !header.starts_unit || is_repeated {
            return;
        }
        self.start.clear();
        self.start.extend_from_slice(payload);
        let Some((found, _)) = timestamps(payload) else {
            if let Some(last) = self.pictures.last_mut() {
                last.unstamped = last.unstamped.saturating_add(1);
            }
            return;
        };
        if self.pictures.len() >= MAX_PICTURES {
            self.barrier = Some((offset, "it holds too many pictures"));
            return;
        }
        let since = std::mem::take(&mut self.since);
        self.pictures.push(Stamped {
            offset,
            pts: found.pts,
            dts: found.dts.min(found.pts),
            pid: header.pid,
            ..since
        });
    }

    /// Follows the tables: which stream is the video.
    fn table(&mut self, offset: u64, pid: u16, payload: &[u8]) {
        match programs::section(pid, payload) {
            Some(Section::Maps(maps)) => {
                if self.own_map.is_some_and(|own| !maps.contains(&own)) {
                    self.own_map = None;
                }
                self.maps = maps;
            }
            Some(Section::Streams(streams)) => {
                if streams.iter().any(|(stream, _)| *stream == self.pid) {
                    self.own_map = Some(pid);
                    return;
                }
                let is_own = self.own_map.is_none_or(|own| own == pid);
                let mut videos = streams.iter().filter(|(_, kind)| is_video(*kind));
                let Some((stream, kind)) = videos.next().filter(|_| is_own) else {
                    return;
                };
                if self.own_map.is_none() && self.maps.len() > 1 {
                    // It may be the table of another program.
                    return;
                }
                if Codec::of(*kind) == Some(self.codec) {
                    self.pid = *stream;
                    self.own_map = Some(pid);
                    self.counter = None;
                } else {
                    self.barrier = Some((offset, "its video goes on in another codec"));
                }
            }
            None => {}
        }
    }
}

/// Whether a unit with this payload may be sound: streams of it, and of private data such as AC-3.
fn is_sound(payload: &[u8]) -> bool {
    matches!(payload, [0, 0, 1, 0xbd | 0xc0..=0xdf | 0xfd, ..])
}
