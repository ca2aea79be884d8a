//! Changes transport streams, packet by packet.

use super::kinds::Kind;

/// Ticks of the clock in a second.
pub const SECOND: i64 = 90_000;

/// A transport stream of FFmpeg's muxer: its packets are aligned.
pub struct Stream {
    bytes: Vec<u8>,
    /// Bytes from one packet to the next, and before the sync byte.
    stride: usize,
    prefix: usize,
    video: u16,
}

impl Stream {
    /// Takes a recording apart.
    pub fn new(kind: Kind, bytes: Vec<u8>) -> Self {
        let (stride, prefix) = if kind.container == "m2ts" {
            (192, 4)
        } else {
            (188, 0)
        };
        let mut stream = Self {
            bytes,
            stride,
            prefix,
            video: 0,
        };
        let is_video = |position: &usize| {
            let packet = stream.packet(*position);
            let payload = &packet[payload_start(packet).min(184)..];
            packet[1] & 0x40 != 0 && payload[..3] == [0, 0, 1] && payload[3] & 0xF0 == 0xE0
        };
        let first = (0..stream.count())
            .find(is_video)
            .expect("a packet of the video");
        stream.video = pid(stream.packet(first));
        stream
    }

    /// Number of packets.
    pub fn count(&self) -> usize {
        self.bytes.len() / self.stride
    }

    /// The position of the packet at an offset of the file.
    pub fn at(&self, offset: usize) -> usize {
        offset / self.stride
    }

    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn packet(&self, position: usize) -> &[u8] {
        let start = position * self.stride + self.prefix;
        &self.bytes[start..start + 188]
    }

    fn packet_mut(&mut self, position: usize) -> &mut [u8] {
        let start = position * self.stride + self.prefix;
        &mut self.bytes[start..start + 188]
    }

    fn is_video(&self, position: usize) -> bool {
        pid(self.packet(position)) == self.video
    }

    /// Overwrites what the video's packets in a range carry. The headers stay, and so many bytes of each picture.
    pub fn scramble(
        &mut self,
        range: std::ops::Range<usize>,
        kept: usize,
        random: &mut fastrand::Rng,
    ) {
        for position in range
            .filter(|position| self.is_video(*position))
            .collect::<Vec<_>>()
        {
            let packet = self.packet_mut(position);
            let is_start = packet[1] & 0x40 != 0;
            let payload = payload_start(packet);
            let start = match is_start {
                true => payload + 9 + usize::from(packet[payload + 8]) + kept,
                false => payload,
            };
            for byte in packet.iter_mut().skip(start) {
                *byte = random.u8(..);
            }
        }
    }

    /// Removes the video's packets in a range. The counters skip: they count to 16, so the number of packets
    /// is no multiple of that.
    pub fn lose(&mut self, range: std::ops::Range<usize>) {
        let mut lost: Vec<usize> = range.filter(|at| self.is_video(*at)).collect();
        if lost.len().is_multiple_of(16) {
            lost.pop();
        }
        let kept = (0..self.count()).filter(|at| lost.binary_search(at).is_err());
        let kept = kept.flat_map(|at| &self.bytes[at * self.stride..(at + 1) * self.stride]);
        self.bytes = kept.copied().collect();
    }

    /// Repeats each of the video's packets in a range, with the same counter, as the standard allows.
    pub fn repeat(&mut self, range: std::ops::Range<usize>) {
        let all = (0..self.count()).flat_map(|at| {
            let times = 1 + usize::from(range.contains(&at) && self.is_video(at));
            self.bytes[at * self.stride..(at + 1) * self.stride].repeat(times)
        });
        self.bytes = all.collect();
    }

    /// Moves all clocks from a packet on by `ticks`.
    pub fn move_clock(&mut self, from: usize, ticks: i64) {
        for position in from..self.count() {
            self.move_times(position, ticks, true);
        }
    }

    /// Moves the time of showing of the picture whose packet is at a position.
    pub fn move_picture(&mut self, position: usize, ticks: i64) {
        self.move_times(position, ticks, false);
    }

    fn move_times(&mut self, position: usize, ticks: i64, moves_all: bool) {
        let is_video = self.is_video(position);
        let packet = self.packet_mut(position);
        let has_field = packet[3] & 0x20 != 0 && packet[4] > 0;
        if moves_all && has_field && packet[5] & 0x10 != 0 {
            let base = packet[6..11]
                .iter()
                .fold(0, |base, byte| base << 8 | i64::from(*byte));
            // Seven bits of the last byte belong to the extension.
            let moved = wrapped((base >> 7) + ticks) << 7 | (base & 0x7F);
            packet[6..11].copy_from_slice(&moved.to_be_bytes()[3..]);
        }
        if !is_video || packet[1] & 0x40 == 0 {
            return;
        }
        let start = payload_start(packet);
        let flags = packet[start + 7] >> 6;
        if flags & 0b10 != 0 {
            move_timestamp(&mut packet[start + 9..start + 14], ticks);
        }
        if flags == 0b11 && moves_all {
            move_timestamp(&mut packet[start + 14..start + 19], ticks);
        }
    }

    /// Flags each picture of the video as one at which decoding can begin.
    pub fn flag_all(&mut self) {
        for position in 0..self.count() {
            let is_video = self.is_video(position);
            let packet = self.packet_mut(position);
            if is_video && packet[1] & 0x40 != 0 && packet[3] & 0x20 != 0 && packet[4] > 0 {
                packet[5] |= 0x40;
            }
        }
    }

    /// Continues the counters of `before`, as one multiplexer writes them.
    pub fn count_on_from(&mut self, before: &Self) {
        let mut last = [None; 0x2000];
        for position in 0..before.count() {
            let packet = before.packet(position);
            last[usize::from(pid(packet))] = Some(packet[3] & 0x0F);
        }
        let mut moved = [None; 0x2000];
        for position in 0..self.count() {
            let packet = self.packet_mut(position);
            let pid = usize::from(pid(packet));
            let Some(last) = last[pid] else { continue };
            let counter = packet[3] & 0x0F;
            let by = *moved[pid].get_or_insert((last + 17 - counter) & 0x0F);
            packet[3] = packet[3] & 0xF0 | ((counter + by) & 0x0F);
        }
    }
}

fn pid(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[1], packet[2]]) & 0x1FFF
}

fn payload_start(packet: &[u8]) -> usize {
    match packet[3] & 0x20 {
        0 => 4,
        _ => 5 + usize::from(packet[4]),
    }
}

fn wrapped(ticks: i64) -> i64 {
    ticks.rem_euclid(1 << 33)
}

/// Moves a timestamp of a picture's packet: 33 bits, with markers in between.
fn move_timestamp(field: &mut [u8], ticks: i64) {
    let byte = |index: usize| i64::from(field[index]);
    let time = (byte(0) >> 1 & 7) << 30
        | byte(1) << 22
        | (byte(2) >> 1) << 15
        | byte(3) << 7
        | byte(4) >> 1;
    let time = wrapped(time + ticks);
    let prefix = field[0] & 0xF1;
    field[0] = prefix | ((time >> 30 & 7) as u8) << 1;
    field[1] = (time >> 22) as u8;
    field[2] = ((time >> 15) as u8) << 1 | 1;
    field[3] = (time >> 7) as u8;
    field[4] = (time as u8) << 1 | 1;
}
