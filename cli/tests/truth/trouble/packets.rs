//! The packets of a recording, in the order of decoding.

use std::{path::Path, process::Command};

use super::kinds::Kind;

/// A packet with one picture.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// Position of the picture among those of the film, in the order of showing.
    pub picture: u32,
    /// Offset in the file: where the packet or its header begins, as FFmpeg counts. An estimate where it
    /// does not tell.
    pub offset: usize,
    /// Size in bytes.
    pub size: usize,
    /// Whether decoding can begin with it.
    pub is_key: bool,
}

/// The packets of `file`, which is whole.
pub fn packets(kind: Kind, file: &Path) -> Vec<Packet> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-show_entries"])
        .args([
            "packet=pts_time,dts_time,size,pos,flags",
            "-of",
            "default=nw=1",
        ])
        .arg(file)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut found: Vec<(f64, Packet)> = Vec::new();
    let (mut pts, mut dts, mut size, mut offset) = (None, None, 0, 0);
    for line in text.lines() {
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        match name {
            "pts_time" => pts = value.parse::<f64>().ok(),
            "dts_time" => dts = value.parse::<f64>().ok(),
            "size" => size = value.parse().unwrap(),
            "pos" => offset = value.parse().unwrap_or(0),
            "flags" => {
                let packet = Packet {
                    picture: 0,
                    offset,
                    size,
                    is_key: value.starts_with('K'),
                };
                found.push((pts.or(dts).unwrap_or_default(), packet));
            }
            _ => {}
        }
    }
    assert!(found.len() > 1, "{kind:?}: {text}");
    estimate_offsets(&mut found, std::fs::metadata(file).unwrap().len() as usize);
    // Timestamps are rounded, and some containers have none of showing: the order tells.
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_by(|a, b| found[*a].0.total_cmp(&found[*b].0));
    for (picture, packet) in order.into_iter().enumerate() {
        found[packet].1.picture = picture as u32;
    }
    found.into_iter().map(|(_, packet)| packet).collect()
}

/// Estimates the offsets that FFmpeg does not tell, by the sizes of the packets before.
fn estimate_offsets(found: &mut [(f64, Packet)], bytes: usize) {
    let total: usize = found.iter().map(|(_, packet)| packet.size).sum();
    let mut before = 0;
    for (_, packet) in found {
        if packet.offset == 0 {
            packet.offset = bytes * before / total;
        }
        before += packet.size;
    }
}

/// The pictures that are lost if the packets at these positions are: theirs, and those of the packets up to
/// the keyframe after them. `further` counts more groups of pictures, for a container that needs them to
/// find its way again.
pub fn lost(
    packets: &[Packet],
    hit: std::ops::Range<usize>,
    further: usize,
) -> std::ops::Range<u32> {
    let keys = packets
        .iter()
        .enumerate()
        .skip(hit.end)
        .filter(|(_, packet)| packet.is_key);
    let end = keys
        .map(|(position, _)| position)
        .nth(further)
        .unwrap_or(packets.len());
    // B pictures before the first one refer to it.
    let pictures = packets[hit.start..end].iter().map(|packet| packet.picture);
    let (first, last) = (pictures.clone().min().unwrap(), pictures.max().unwrap());
    first..last + 1
}
