//! FFmpeg's description of a file on its log: a fallback where ffprobe describes nothing.
//!
//! A file can forge lines of it by its metadata. It is believed as little as the file itself.

use std::collections::HashMap;

use crate::{
    ffprobe_output::{Format, SideData},
    stream::Stream,
};

/// How the log begins a line at level `info`.
const INFO: &str = "[info] ";

/// Words for frames that consist of two fields, in `av_get_field_order_string`'s way.
const INTERLACED: [&str; 4] = [
    "top first",
    "bottom first",
    "top coded first",
    "bottom coded first",
];

/// The container and its video streams, as `text` describes them. `None` if it does not name the
/// container.
pub(crate) fn parse(text: &str) -> Option<(Format, Vec<Stream>)> {
    let mut format: Option<Format> = None;
    let mut streams: Vec<Stream> = Vec::new();
    let mut is_video = false;
    for line in text.lines() {
        let line = line.strip_prefix(INFO).unwrap_or(line).trim_start();
        if let Some(rest) = line.strip_prefix("Input #0, ") {
            let (name, _) = rest.split_once(", from '")?;
            format = Some(Format {
                format_name: name.to_owned(),
                ..Format::default()
            });
        }
        let Some(format) = &mut format else { continue };
        if let Some(rest) = line.strip_prefix("Duration: ") {
            let (duration, _) = rest.split_once(',').unwrap_or((rest, ""));
            format.duration = clock_seconds(duration).map(|seconds| seconds.to_string());
        } else if let Some(rest) = line.strip_prefix("major_brand") {
            let brand = rest.trim_start().strip_prefix(':').unwrap_or(rest);
            format.tags.major_brand = brand.trim().to_owned();
        } else if let Some(rest) = line.strip_prefix("Stream #0:") {
            format.nb_streams += 1;
            let stream = video_stream(rest);
            is_video = stream.is_some();
            streams.extend(stream);
        } else if is_video
            && let Some((_, degrees)) = line.split_once("rotation of ")
            && let Some(stream) = streams.last_mut()
        {
            let degrees = degrees.split_whitespace().next().unwrap_or_default();
            let rotation = degrees
                .parse()
                .ok()
                .map(|degrees: f64| degrees.round() as i64);
            stream.side_data_list.push(SideData {
                rotation,
                ..SideData::default()
            });
        }
    }
    Some((format?, streams))
}

/// The stream of a line such as `0[0x1](und): Video: h264 (Main) (avc1 / 0x31637661), …, 410x306 […`.
fn video_stream(line: &str) -> Option<Stream> {
    let digits = line.find(|c: char| !c.is_ascii_digit())?;
    let index = line[..digits].parse().ok()?;
    let (_, rest) = line.split_once(": Video: ")?;
    let codec = rest.split([' ', ',']).next()?;
    let tag = rest.split_once(" / 0x").map(|(before, _)| before);
    let tag = tag.and_then(|before| Some(before.rsplit_once('(')?.1.to_owned()));
    let size = rest.split(", ").skip(1).find_map(|part| {
        let (width, height) = part.split(' ').next()?.split_once('x')?;
        Some((width.parse().ok()?, height.parse().ok()?))
    });
    let (width, height) = size.unwrap_or_default();
    let sar = rest.split_once("SAR ").map(|(_, sar)| sar);
    let sar = sar.and_then(|sar| sar.split([' ', ',', ']']).next());
    let is_interlaced = INTERLACED.iter().any(|words| rest.contains(words));
    let marks = [("default", "(default)"), ("attached_pic", "(attached pic)")];
    let disposition: HashMap<String, u8> = marks
        .iter()
        .map(|(name, mark)| ((*name).to_owned(), u8::from(rest.contains(mark))))
        .collect();
    Some(Stream {
        index,
        codec_name: Some(codec.to_owned()),
        codec_tag_string: tag,
        width,
        height,
        sample_aspect_ratio: sar.map(str::to_owned),
        field_order: is_interlaced.then(|| "tt".to_owned()),
        disposition,
        ..Stream::default()
    })
}

/// Seconds of a time such as `00:01:04.57`.
pub(crate) fn clock_seconds(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    for part in text.trim().split(':') {
        seconds = seconds * 60.0 + part.parse::<f64>().ok()?;
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "\
[aac @ 0x55b4e8fcec00] [warning] Audio object type 42 is not implemented.
[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'http://127.0.0.1:1/0af3':
[info]   Metadata:
[info]     major_brand     : isom
[info]   Duration: 00:01:04.57, start: 0.000000, bitrate: 88 kb/s
[info]   Stream #0:0[0x1](und): Video: h264 (Main) (avc1 / 0x31637661), yuv420p(tv, top first), 410x306 [SAR 3:2 DAR 205:153], 72 kb/s, 12.69 fps, 12.50 tbr, 12800 tbn (default)
[info]     Side data:
[info]       Display Matrix: rotation of -90.00 degrees
[info]   Stream #0:1[0x2](und): Audio: aac (mp4a / 0x6134706D), 44100 Hz, mono, fltp, 14 kb/s (default)
[info]   Stream #0:2: Video: png, none, 90k tbr, 90k tbn (attached pic)
";

    #[test]
    fn streams_are_read_off_the_log() {
        let (format, streams) = parse(DUMP).unwrap();
        assert_eq!(format.format_name, "mov,mp4,m4a,3gp,3g2,mj2");
        assert_eq!(format.claimed_seconds(), Some(64.57));
        assert_eq!(format.nb_streams, 3);
        let film = &streams[0];
        assert_eq!((film.width, film.height), (410, 306));
        assert_eq!(film.codec_tag_string.as_deref(), Some("avc1"));
        assert!(film.is_supported() && film.is_default() && film.is_interlaced());
        assert_eq!(film.displayed_size(None, ""), Ok((306, 615)));
        assert_eq!((streams[1].index, streams[1].is_cover()), (2, true));
        assert!(!streams[1].has_size());
    }

    #[test]
    fn a_log_without_a_file_is_none() {
        assert!(parse("[error] the source: Invalid data found\n").is_none());
    }
}
