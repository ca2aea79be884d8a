//! The first packets and pictures of the video streams: what a stream really holds.

use std::collections::BTreeMap;

use gifgen_shared::Rejection;

use super::Probe;
use crate::{
    colour::{self, ColourData, FIELDS},
    ffmpeg_log::reports_copy_protection,
    ffprobe_output::{FfprobeOutput, Unanswered, seconds},
};

/// Packets of each stream that are decoded to find the first picture. H.264 and HEVC reorder at most 16
/// pictures.
const FEW_PACKETS: usize = 24;

/// Used if those give no picture: a file cut between keyframes starts with packets that are not
/// shown or not decodable. Enough for 16 s at 60 pictures per second.
const MANY_PACKETS: usize = 1000;

/// Most streams for which more packets are decoded.
const MANY_STREAMS: usize = 8;

/// ffprobe's type of a packet's side data that only encrypted packets have.
const ENCRYPTED_PACKET: &str = "Encryption info";

/// The start of each video stream of which packets were met.
#[derive(Debug, Default)]
pub(crate) struct Look {
    pub streams: BTreeMap<u32, Beginning>,
    /// Whether FFmpeg said that the file has copy protection.
    pub is_protected: bool,
}

/// The first packets and pictures of a stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Beginning {
    /// Time of the first packet in seconds, infinite if none has one.
    pub first_packet: f64,
    /// Pts of the first picture in seconds, infinite if none decodes.
    pub first_picture: f64,
    /// Number of packets, without those that are never shown.
    pub packets: usize,
    /// Number of pictures.
    pub pictures: usize,
    /// Whether packets have no pts.
    pub has_dts_only: bool,
    /// Whether a packet is encrypted.
    pub is_encrypted: bool,
    /// Rotation of the first picture in degrees, as the container or the stream says.
    pub rotation: Option<i64>,
    /// Colour tags and side data of the first picture.
    pub colour_tags: colour::Tags,
    pub colour_data: Vec<ColourData>,
}

impl Default for Beginning {
    fn default() -> Self {
        Self {
            first_packet: f64::INFINITY,
            first_picture: f64::INFINITY,
            packets: 0,
            pictures: 0,
            has_dts_only: false,
            is_encrypted: false,
            rotation: None,
            colour_tags: colour::Tags::default(),
            colour_data: Vec::new(),
        }
    }
}

impl Beginning {
    /// Whether a picture decodes.
    pub fn has_picture(&self) -> bool {
        self.first_picture.is_finite()
    }

    /// How far the packets' timestamps are behind the pictures' pts, in seconds.
    pub fn clock_offset(&self) -> f64 {
        if self.has_dts_only && self.has_picture() && self.first_packet.is_finite() {
            self.first_picture - self.first_packet
        } else {
            0.0
        }
    }
}

/// Where and how far to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Few,
    Many,
}

impl Probe<'_> {
    /// Decodes the first packets of the video streams, `count` of which have pictures. Covers are left
    /// out. `analysis` are FFmpeg's arguments for how much to analyze; `from` is where to begin, as
    /// ffprobe's interval says it, or empty for the beginning.
    pub(crate) async fn look(
        &self,
        count: usize,
        reach: Reach,
        from: &str,
        analysis: &[&str],
    ) -> Result<Look, Unanswered> {
        let packets = match reach {
            Reach::Few => FEW_PACKETS * count.clamp(1, MANY_STREAMS),
            Reach::Many => MANY_PACKETS,
        };
        let interval = format!("{from}%+#{packets}");
        let entries = format!(
            "packet=stream_index,pts_time,dts_time,flags:packet_side_data=side_data_type:\
             frame=stream_index,best_effort_timestamp_time,{FIELDS}:\
             frame_side_data=rotation,max_luminance"
        );
        let questions = [
            "-threads",
            "1",
            "-select_streams",
            "V",
            "-read_intervals",
            &interval,
            "-show_entries",
            &entries,
        ];
        let output = self.ask(&[analysis, &questions].concat()).await?;
        let look = Look::of(&output);
        // dav1d does not report pictures that get no memory.
        let lost = |beginning: &Beginning| beginning.pictures < beginning.packets;
        if output.near_memory_bound && look.streams.values().any(lost) {
            return Err(Rejection::out_of_memory().into());
        }
        Ok(look)
    }
}

impl Look {
    fn of(output: &FfprobeOutput) -> Self {
        let mut streams: BTreeMap<u32, Beginning> = BTreeMap::new();
        for entry in &output.packets_and_frames {
            let beginning = streams.entry(entry.stream_index).or_default();
            if entry.kind == "frame" {
                if beginning.pictures == 0 {
                    let data = &entry.side_data_list;
                    beginning.rotation = data.iter().find_map(|data| data.rotation);
                    beginning.colour_tags = entry.colour_tags.clone();
                    beginning.colour_data = data.iter().map(|data| data.colour.clone()).collect();
                }
                beginning.pictures += 1;
                let at = seconds(&entry.best_effort_timestamp_time).unwrap_or(f64::INFINITY);
                beginning.first_picture = beginning.first_picture.min(at);
                continue;
            }
            let is_encryption = |kind: &Option<String>| kind.as_deref() == Some(ENCRYPTED_PACKET);
            beginning.is_encrypted |= entry
                .side_data_list
                .iter()
                .any(|data| is_encryption(&data.side_data_type));
            // Packets flagged D are before an edit list's start and are never shown.
            if !entry.flags.contains('D') {
                beginning.packets += 1;
                beginning.has_dts_only |= entry.pts_time.is_none();
                let at = seconds(&entry.pts_time).or(seconds(&entry.dts_time));
                beginning.first_packet = beginning.first_packet.min(at.unwrap_or(f64::INFINITY));
            }
        }
        Self {
            streams,
            is_protected: reports_copy_protection(&output.stderr),
        }
    }

    /// What was found of stream `index`.
    pub fn beginning(&self, index: u32) -> Option<&Beginning> {
        self.streams.get(&index)
    }

    /// Whether a picture of any stream decodes.
    pub fn has_picture(&self) -> bool {
        self.streams.values().any(Beginning::has_picture)
    }

    /// Whether a packet of any stream is shown at a known time.
    pub fn shows_packets(&self) -> bool {
        self.streams
            .values()
            .any(|found| found.first_packet.is_finite())
    }

    /// Whether a packet of any stream is encrypted.
    pub fn has_encrypted(&self) -> bool {
        self.streams.values().any(|found| found.is_encrypted)
    }

    /// Takes the first packet for the first picture in streams that have pictures `elsewhere`.
    pub fn believe(&mut self, elsewhere: &Self) {
        for (index, found) in &elsewhere.streams {
            if let Some(known) = self.streams.get_mut(index)
                && found.has_picture()
            {
                known.first_picture = known.first_packet;
                known.rotation = found.rotation;
                known.colour_tags = found.colour_tags.clone();
                known.colour_data = found.colour_data.clone();
            }
        }
    }

    /// Adds what a later look found of streams of which this one found nothing.
    pub fn or(mut self, other: Self) -> Self {
        for (index, beginning) in other.streams {
            let known = self.streams.entry(index).or_default();
            if known.packets == 0 || beginning.has_picture() && !known.has_picture() {
                *known = beginning;
            }
        }
        self.is_protected |= other.is_protected;
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn look(entries: Value) -> Look {
        let json = json!({"packets_and_frames": entries});
        let parsed = FfprobeOutput::parse(json.to_string().as_bytes(), "");
        Look::of(&parsed.unwrap_or_else(|_| panic!("it does not parse")))
    }

    #[test]
    fn each_stream_has_its_own_beginning() {
        let look = look(json!([
            {"type": "packet", "stream_index": 0, "pts_time": "0.5", "flags": "K_"},
            {"type": "packet", "stream_index": 2, "dts_time": "1.0", "flags": "K_"},
            {"type": "packet", "stream_index": 2, "dts_time": "1.1", "flags": "_D"},
            {"type": "frame", "stream_index": 2, "best_effort_timestamp_time": "1.2",
             "color_space": "bt709", "side_data_list": [{}, {"rotation": 90}]},
            {"type": "frame", "stream_index": 2, "best_effort_timestamp_time": "1.3",
             "color_space": "bt2020nc"},
        ]));
        let first = look.beginning(0).unwrap();
        assert_eq!((first.packets, first.has_picture()), (1, false));
        let second = look.beginning(2).unwrap();
        assert_eq!((second.packets, second.rotation), (1, Some(90)));
        assert_eq!(second.colour_tags.color_space.as_deref(), Some("bt709"));
        assert!((second.clock_offset() - 0.2).abs() < 1e-9);
        assert_eq!(look.beginning(1), None);
    }

    #[test]
    fn an_encrypted_packet_is_seen() {
        let look = look(
            json!([{"type": "packet", "stream_index": 0, "pts_time": "0.0",
            "flags": "K_", "side_data_list": [{"side_data_type": "Encryption info"}]}]),
        );
        assert!(look.beginning(0).unwrap().is_encrypted);
    }
}
