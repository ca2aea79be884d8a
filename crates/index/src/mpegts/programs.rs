//! The tables of a transport stream (PAT and PMT): which streams it has.

use std::collections::BTreeMap;

use crate::mpegts::packet::Layout;

/// The tables at the start of a transport stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Programs {
    /// The packets that hold them, as they are in the file.
    pub packets: Vec<u8>,
    /// Pid and stream type of each stream, in the order in which FFmpeg counts them.
    pub streams: Vec<(u16, u8)>,
}

/// Most programs, and most streams of all of them.
const MAX_PROGRAMS: usize = 64;
const MAX_STREAMS: usize = 256;

/// Longest section by the standard, in bytes.
const MAX_SECTION_BYTES: usize = 4096;

/// The pid of the PAT, and the ids of both kinds of tables.
pub(super) const PAT: u16 = 0;
const PAT_ID: u8 = 0;
const PMT_ID: u8 = 2;

/// The tables in `bytes`, the start of a file from its first packet on. `None` if not all are there.
pub fn programs(layout: Layout, bytes: &[u8]) -> Option<Programs> {
    let mut found = Programs::default();
    let mut sections: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
    let mut missing: Option<Vec<u16>> = None;
    for packet in layout.packets(bytes) {
        let wanted = match &missing {
            None => packet.pid == PAT,
            Some(missing) => missing.contains(&packet.pid),
        };
        if !wanted {
            continue;
        }
        if packet.starts_unit {
            let pointer = usize::from(*packet.payload.first()?);
            let start = packet.payload.get(1 + pointer..)?;
            sections.insert(packet.pid, start.to_vec());
        } else if let Some(section) = sections.get_mut(&packet.pid) {
            section.extend_from_slice(packet.payload);
        } else {
            continue;
        }
        found
            .packets
            .extend(bytes.get(packet.offset..packet.offset + layout.size as usize)?);
        let Some(section) = sections.get(&packet.pid).and_then(|bytes| whole(bytes)) else {
            continue;
        };
        match &mut missing {
            None => missing = Some(maps(section)?),
            Some(missing) => {
                streams(section, &mut found.streams)?;
                missing.retain(|pid| *pid != packet.pid);
                if missing.is_empty() {
                    return Some(found);
                }
            }
        }
    }
    None
}

/// What a table says.
pub(super) enum Section {
    /// The pids of the PMTs, from a PAT.
    Maps(Vec<u16>),
    /// Pid and stream type of each stream, from a PMT.
    Streams(Vec<(u16, u8)>),
}

/// The table that starts in a packet of the stream `pid` with this payload. `None` if it is cut off, or none that is
/// valid.
pub(super) fn section(pid: u16, payload: &[u8]) -> Option<Section> {
    let pointer = usize::from(*payload.first()?);
    let section = whole(payload.get(1 + pointer..)?)?;
    if pid == PAT {
        return maps(section).map(Section::Maps);
    }
    let mut found = Vec::new();
    streams(section, &mut found)?;
    Some(Section::Streams(found))
}

/// The section at the start of `bytes`. `None` if it is cut off.
fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let length = u16::from_be_bytes([bytes.get(1)? & 0x0f, *bytes.get(2)?]);
    let length = 3 + usize::from(length);
    bytes.get(..length).filter(|_| length <= MAX_SECTION_BYTES)
}

/// The content of a section, between its header and its checksum.
fn body(section: &[u8], id: u8) -> Option<&[u8]> {
    let [table, _, _, _, _, current, number, last, ..] = *section else {
        return None;
    };
    // One section each, and no announcement of the next version.
    if table != id || current & 1 == 0 || number != 0 || last != 0 {
        return None;
    }
    section.get(8..section.len().checked_sub(4)?)
}

/// The pids of the PMTs that a PAT names.
fn maps(section: &[u8]) -> Option<Vec<u16>> {
    let entries = body(section, PAT_ID)?.chunks_exact(4);
    // Program 0 is the network's.
    let programs = entries.filter(|entry| entry[..2] != [0, 0]);
    let mut maps: Vec<_> = programs
        .map(|entry| u16::from_be_bytes([entry[2] & 0x1f, entry[3]]))
        .collect();
    maps.sort_unstable();
    maps.dedup();
    (!maps.is_empty() && maps.len() <= MAX_PROGRAMS).then_some(maps)
}

/// Adds the streams that a PMT names.
fn streams(section: &[u8], streams: &mut Vec<(u16, u8)>) -> Option<()> {
    let body = body(section, PMT_ID)?;
    let length = |bytes: &[u8]| {
        Some(usize::from(u16::from_be_bytes([
            bytes.first()? & 0x0f,
            *bytes.get(1)?,
        ])))
    };
    let mut rest = body.get(4 + length(body.get(2..)?)?..)?;
    while let [kind, high, low, lengths @ ..] = rest {
        let pid = u16::from_be_bytes([high & 0x1f, *low]);
        if !streams.iter().any(|(known, _)| *known == pid) {
            streams.push((pid, *kind));
        }
        if streams.len() > MAX_STREAMS {
            return None;
        }
        rest = rest.get(5 + length(lengths)?..)?;
    }
    Some(())
}
