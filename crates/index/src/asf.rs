//! ASF files: the header, and the data packets.

use std::ops::Range;

use gifgen_reader::{BlockCache, ReadError};

use crate::numbers::{little_endian_32, little_endian_64};

/// Longest header, in bytes.
const MAX_HEADER: u64 = 1024 * 1024;

/// Most objects within the header, and behind the data.
const MAX_OBJECTS: usize = 64;

/// Bytes of an object's GUID and size.
const OBJECT: u64 = 24;

/// Bytes of the header object before the objects in it.
const HEADER_FIELDS: u64 = 30;

/// Bytes of the data object before its packets.
const DATA_FIELDS: u64 = 50;

/// Flag of the file properties: a live stream, whose numbers are unknown.
const BROADCAST: u32 = 1;

const HEADER_OBJECT: [u8; 16] = [
    0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11, 0xa6, 0xd9, 0x00, 0xaa, 0x00, 0x62, 0xce, 0x6c,
];
const FILE_PROPERTIES: [u8; 16] = [
    0xa1, 0xdc, 0xab, 0x8c, 0x47, 0xa9, 0xcf, 0x11, 0x8e, 0xe4, 0x00, 0xc0, 0x0c, 0x20, 0x53, 0x65,
];
const DATA_OBJECT: [u8; 16] = [
    0x36, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11, 0xa6, 0xd9, 0x00, 0xaa, 0x00, 0x62, 0xce, 0x6c,
];

/// What the header of an ASF file says of its data packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AsfFile {
    /// Where the first data packet starts.
    pub packets_start: u64,
    /// Size of each data packet, in bytes.
    pub packet_bytes: u64,
    /// Number of data packets. `None` in a live stream.
    packets: Option<u64>,
    /// The length that the header claims, in seconds.
    pub seconds: f64,
}

impl AsfFile {
    /// Reads the header. `None` if there is none, or data packets have no fixed size.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(crate) async fn read(blocks: &BlockCache) -> Result<Option<Self>, ReadError> {
        let start = blocks.read(0..HEADER_FIELDS).await?;
        let end = object_bytes(&start, &HEADER_OBJECT).filter(|bytes| *bytes <= MAX_HEADER);
        let Some(end) = end else { return Ok(None) };
        let header = blocks.read(0..end + DATA_FIELDS).await?;
        Ok(Self::parse(&header, end))
    }

    /// `header` is the beginning of the file; the data object starts at `data`.
    fn parse(header: &[u8], data: u64) -> Option<Self> {
        let mut at = HEADER_FIELDS as usize;
        for _ in 0..MAX_OBJECTS {
            let object = header.get(at..)?;
            if let Some(bytes) = object_bytes(object, &FILE_PROPERTIES) {
                let properties = object.get(..usize::try_from(bytes).ok()?)?;
                let packets = little_endian_64(properties, 56)?;
                // In units of 100 ns, with the time for buffering, in milliseconds.
                let (plays, buffers) = (
                    little_endian_64(properties, 64)?,
                    little_endian_64(properties, 80)?,
                );
                let (flags, least) = (
                    little_endian_32(properties, 88)?,
                    little_endian_32(properties, 92)?,
                );
                let most = little_endian_32(properties, 96)?;
                let data_object = header.get(usize::try_from(data).ok()?..)?;
                object_bytes(data_object, &DATA_OBJECT)?;
                let is_live = flags & BROADCAST != 0 || packets == 0;
                return (least == most && least > 0).then_some(Self {
                    packets_start: data + DATA_FIELDS,
                    packet_bytes: u64::from(least),
                    packets: (!is_live).then_some(packets),
                    seconds: plays as f64 / 1e7 - buffers as f64 / 1e3,
                });
            }
            let bytes = little_endian_64(object, 16)?.max(OBJECT);
            at = at.checked_add(usize::try_from(bytes).ok()?)?;
        }
        None
    }

    /// Where the data packets claim to end. `None` in a live stream.
    pub(crate) fn packets_end(&self) -> Option<u64> {
        let bytes = self.packets?.checked_mul(self.packet_bytes)?;
        self.packets_start.checked_add(bytes)
    }

    /// Where the header of another file starts behind the data, which ends at `at`.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(crate) async fn second_header(
        &self,
        blocks: &BlockCache,
        mut at: u64,
    ) -> Result<Option<u64>, ReadError> {
        for _ in 0..MAX_OBJECTS {
            let object = blocks.read(at..at.saturating_add(OBJECT)).await?;
            if object_bytes(&object, &HEADER_OBJECT).is_some() {
                return Ok(Some(at));
            }
            let Some(bytes) = little_endian_64(&object, 16).filter(|bytes| *bytes >= OBJECT) else {
                break;
            };
            at = at.saturating_add(bytes);
        }
        Ok(None)
    }

    /// The data packets that `range` of the file touches, by their offsets in the file.
    pub(crate) fn touched(&self, range: Range<u64>) -> Range<u64> {
        let number = |at: u64| at.saturating_sub(self.packets_start) / self.packet_bytes;
        let (first, last) = (number(range.start), number(range.end.saturating_sub(1)));
        let offset = |number: u64| {
            self.packets_start
                .saturating_add(number.saturating_mul(self.packet_bytes))
        };
        offset(first)..offset(last.saturating_add(1))
    }
}

/// Whether `packet`, a whole data packet, has the structure of one: ASF specification, section 5.2.
pub(crate) fn is_intact(packet: &[u8]) -> bool {
    follow(packet).is_some()
}

/// Goes over the payloads of a data packet. `None` if they do not fit into it.
fn follow(packet: &[u8]) -> Option<()> {
    let mut fields = Fields {
        bytes: packet,
        at: 0,
    };
    let mut flags = fields.byte()?;
    if flags & 0x80 != 0 {
        // Error correction data.
        fields.skip(usize::from(flags & 0x0f))?;
        flags = fields.byte()?;
    }
    let properties = fields.byte()?;
    // The number of a stream always takes a byte.
    if properties >> 6 != 1 {
        return None;
    }
    let length = fields.number(flags >> 5)?;
    fields.number(flags >> 1)?;
    let padding = fields.number(flags >> 3)?;
    // Send time and duration.
    fields.skip(6)?;
    let length = if length == 0 { packet.len() } else { length };
    fields.bytes = packet.get(..length.checked_sub(padding)?)?;
    let has_several = flags & 1 != 0;
    let payloads = if has_several { fields.byte()? } else { 1 };
    for _ in 0..payloads & 0x3f {
        if fields.byte()? & 0x7f == 0 {
            return None;
        }
        fields.number(properties >> 4)?;
        fields.number(properties >> 2)?;
        let replicated = fields.number(properties)?;
        fields.skip(replicated)?;
        if has_several {
            let bytes = fields.number(payloads >> 6)?;
            fields.skip(bytes)?;
        }
    }
    Some(())
}

/// Fields of a data packet, one after the other.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Fields<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        let at = self.at.checked_add(bytes)?;
        (at <= self.bytes.len()).then(|| self.at = at)
    }

    /// A number of 0, 1, 2 or 4 bytes, by the last two bits of `size`.
    fn number(&mut self, size: u8) -> Option<usize> {
        let bytes = [0, 1, 2, 4][usize::from(size & 3)];
        let start = self.at;
        self.skip(bytes)?;
        let digits = self.bytes[start..self.at].iter().rev();
        Some(digits.fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }
}

/// The size of the object at the start of `bytes`, if it is of this kind.
fn object_bytes(bytes: &[u8], kind: &[u8; 16]) -> Option<u64> {
    let size = little_endian_64(bytes, 16)?;
    (bytes.starts_with(kind) && size >= OBJECT).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header and the start of the data, of three packets of 100 bytes.
    fn header(flags: u32) -> Vec<u8> {
        let object = |kind: &[u8; 16], content: &[u8]| {
            let size = (24 + content.len() as u64).to_le_bytes();
            [&kind[..], &size, content].concat()
        };
        let mut properties = [0; 80];
        properties[32..40].copy_from_slice(&3_u64.to_le_bytes());
        properties[40..48].copy_from_slice(&150_000_000_u64.to_le_bytes());
        properties[56..64].copy_from_slice(&3000_u64.to_le_bytes());
        properties[64..68].copy_from_slice(&flags.to_le_bytes());
        properties[68..72].copy_from_slice(&100_u32.to_le_bytes());
        properties[72..76].copy_from_slice(&100_u32.to_le_bytes());
        let other = object(&[7; 16], &[0; 9]);
        let properties = object(&FILE_PROPERTIES, &properties);
        let fields = [&[2, 0, 0, 0, 1, 2][..], &other, &properties].concat();
        let header = object(&HEADER_OBJECT, &fields);
        [header, object(&DATA_OBJECT, &[0; 26])].concat()
    }

    #[test]
    fn the_header_counts_the_packets() {
        let header = header(2);
        let data = header.len() as u64 - DATA_FIELDS;
        let file = AsfFile::parse(&header, data).unwrap();
        let start = data + DATA_FIELDS;
        assert_eq!(file.packets_end(), Some(start + 300));
        assert!((file.seconds - 12.0).abs() < 1e-9);
        assert_eq!(file.touched(start + 99..start + 101), start..start + 200);
        for length in 0..header.len() {
            AsfFile::parse(&header[..length], data);
        }
    }

    #[test]
    fn a_packet_is_intact_if_its_payloads_fit() {
        // Error correction, flags, properties, padding, send time, duration; one payload of two bytes; padding.
        let mut packet = vec![0x82, 0, 0, 0x09, 0x5d, 3, 0, 0, 0, 0, 0, 0];
        packet.extend([0x81, 0x81, 0, 0, 0, 0, 0, 0, 2, 0, 1, 1, 0, 0, 0]);
        assert!(is_intact(&packet));
        for damaged in [3, 4, 13, 20] {
            let mut packet = packet.clone();
            packet[damaged] = 0;
            assert_eq!(is_intact(&packet), damaged == 20, "byte {damaged}");
        }
        for length in 0..packet.len() {
            is_intact(&packet[..length]);
        }
        assert!(!is_intact(&[0; 100]) && !is_intact(&[0xff; 100]));
    }

    #[test]
    fn a_live_stream_counts_nothing() {
        let header = header(BROADCAST);
        let data = header.len() as u64 - DATA_FIELDS;
        assert_eq!(AsfFile::parse(&header, data).unwrap().packets_end(), None);
    }
}
