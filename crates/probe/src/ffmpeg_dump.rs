//! FFmpeg's description of a file on its log: a fallback where ffprobe describes nothing.
//!
//! A file can forge lines of it by its metadata. It is believed as little as the file itself.

use std::collections::HashMap;

use crate::{
    colour::{self, ColourData},
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

/// Colours for which FFmpeg's matrix, primaries and transfer have one name. It then prints that once.
const ONE_NAME: [&str; 4] = ["bt709", "bt470bg", "smpte170m", "smpte240m"];

/// How FFmpeg begins the line about Dolby Vision.
const DOLBY_VISION: &str = "DOVI configuration record: ";

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
            let (duration, rest) = rest.split_once(',').unwrap_or((rest, ""));
            format.duration = clock_seconds(duration).map(|seconds| seconds.to_string());
            let start = rest.trim_start().strip_prefix("start: ");
            format.start_time = start.and_then(|start| Some(start.split_once(',')?.0.to_owned()));
        } else if let Some(rest) = line.strip_prefix("major_brand") {
            let brand = rest.trim_start().strip_prefix(':').unwrap_or(rest);
            format.tags.major_brand = brand.trim().to_owned();
        } else if let Some(rest) = line.strip_prefix("Stream #0:") {
            format.nb_streams += 1;
            let stream = video_stream(rest);
            is_video = stream.is_some();
            streams.extend(stream);
        } else if is_video && let Some(stream) = streams.last_mut() {
            stream.side_data_list.extend(side_data(line));
            if let Some(rest) = line.strip_prefix("alpha_mode") {
                let mode = rest.trim_start().strip_prefix(':').unwrap_or(rest);
                stream.tags.alpha_mode = Some(mode.trim().to_owned());
            }
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
    let pixels = rest.split_once(", ").map_or("", |(_, pixels)| pixels);
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
        colour_tags: colour_tags(pixels),
        ..Stream::default()
    })
}

/// Colours of a text such as `yuv420p10le(tv, bt2020nc/bt2020/smpte2084, progressive), 64x64 […`.
fn colour_tags(pixels: &str) -> colour::Tags {
    let mut tags = colour::Tags::default();
    let end = pixels.find(['(', ',']).unwrap_or(pixels.len());
    let (format, rest) = pixels.split_at(end);
    tags.pix_fmt = (format != "none").then(|| format.to_owned());
    let words = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    for word in words.map_or("", |(words, _)| words).split(", ") {
        let names: Vec<&str> = word.split('/').collect();
        let (matrix, transfer) = match names[..] {
            ["tv" | "pc"] => {
                tags.color_range = Some(word.to_owned());
                continue;
            }
            [matrix, _primaries, transfer] => (matrix, transfer),
            [name] if ONE_NAME.contains(&name) => (name, name),
            _ => continue,
        };
        tags.color_space = Some(matrix.to_owned());
        tags.color_transfer = Some(transfer.to_owned());
    }
    tags
}

/// The side data of a line such as `displaymatrix: rotation of -90.00 degrees`, if it is of a kind that is used.
fn side_data(line: &str) -> Option<SideData> {
    let after = |name: &str| line.split_once(name)?.1.split([' ', ',']).next();
    if let Some(degrees) = after("rotation of ") {
        let degrees: Option<f64> = degrees.parse().ok();
        return Some(SideData {
            rotation: degrees.map(|degrees| degrees.round() as i64),
            ..SideData::default()
        });
    }
    let colour = if line.starts_with(DOLBY_VISION) {
        let number = |name| after(name)?.parse().ok();
        ColourData {
            dv_profile: number(" profile: "),
            dv_bl_signal_compatibility_id: number(" compatibility id: "),
            ..ColourData::default()
        }
    } else {
        ColourData {
            max_luminance: Some(format!("{}/1", after(" max_luminance=")?)),
            ..ColourData::default()
        }
    };
    Some(SideData {
        colour,
        ..SideData::default()
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
    use gifgen_shared::{
        Colour, Reason,
        colour::{Matrix, Range, Transfer},
    };

    use super::*;
    use crate::look::Beginning;

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
        assert_eq!(format.claimed_after(-1.0), Some(64.57));
        assert_eq!(format.nb_streams, 3);
        let film = &streams[0];
        assert_eq!((film.width, film.height), (410, 306));
        assert_eq!(film.codec_tag_string.as_deref(), Some("avc1"));
        assert!(film.is_supported() && film.is_default() && film.is_interlaced());
        assert_eq!(film.displayed_size(None, ""), Ok((306, 615)));
        assert_eq!((streams[1].index, streams[1].is_cover()), (2, true));
        assert!(!streams[1].has_size());
    }

    const HDR: &str = "\
[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'http://127.0.0.1:1/0af3':
[info]   Stream #0:0[0x1](und): Video: hevc (Main 10) (hvc1 / 0x31637668), yuv420p10le(tv, bt2020nc/bt2020/smpte2084, progressive), 64x64 [SAR 1:1 DAR 1:1], 25 fps (default)
[info]     Side data:
[info]       Mastering Display Metadata, has_primaries:1 has_luminance:1 r(0.6800,0.3200) g(0.2650,0.6900) b(0.1500 0.0600) wp(0.3127, 0.3290) min_luminance=0.005000, max_luminance=1000.000000
[info]       DOVI configuration record: version: 1.0, profile: 8, level: 4, rpu flag: 1, el flag: 0, bl flag: 1, compatibility id: 1
";

    #[test]
    fn colours_are_read_off_the_log() {
        let (_, streams) = parse(HDR).unwrap();
        let colour = streams[0].colour(&Beginning::default()).unwrap();
        let wanted = Colour {
            matrix: Some(Matrix::Bt2020),
            names_matrix: true,
            range: Some(Range::Limited),
            transfer: Transfer::Pq,
            peak: Some(1000),
            ..Colour::default()
        };
        assert_eq!(colour, wanted);
        let dolby_only = HDR
            .replace("profile: 8", "profile: 5")
            .replace("compatibility id: 1", "compatibility id: 0");
        let (_, streams) = parse(&dolby_only).unwrap();
        let rejection = streams[0].colour(&Beginning::default()).unwrap_err();
        assert_eq!(rejection.reason, Reason::UnsupportedCodec);
    }

    #[test]
    fn a_field_order_and_a_missing_format_are_no_colours() {
        let tags = colour_tags("yuvj420p(pc, bt709, top coded first (swapped)), 64x64");
        assert_eq!(tags.pix_fmt.as_deref(), Some("yuvj420p"));
        assert_eq!(tags.color_range.as_deref(), Some("pc"));
        assert_eq!(tags.color_space.as_deref(), Some("bt709"));
        let interlaced = colour_tags("yuv420p(progressive), 64x64");
        assert_eq!(interlaced.color_space, None);
        assert_eq!(colour_tags("none, 90k tbr"), colour::Tags::default());
    }

    #[test]
    fn a_log_without_a_file_is_none() {
        assert!(parse("[error] the source: Invalid data found\n").is_none());
    }
}
