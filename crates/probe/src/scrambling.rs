//! Encryption that only the packets of a stream show: scrambled transport streams and DVDs.

use gifgen_shared::{Reason, Rejection};

/// Size of a transport packet, and the offsets at which the packets of the usual layouts start: alone,
/// after a timestamp (Blu-ray), or before a checksum.
const SIZES: [(usize, usize); 3] = [(188, 0), (192, 4), (204, 0)];

const SYNC: u8 = 0x47;

/// Fewest packets that tell a scrambled stream.
const ENOUGH: usize = 20;

/// Largest share of packets without scrambling, in percent: tables are never scrambled.
const CLEAR_PERCENT: usize = 50;

/// Rejects an encrypted source.
pub fn encrypted() -> Rejection {
    Rejection::new(
        Reason::Encrypted,
        "the video is encrypted; upload it without copy protection",
    )
}

/// Whether `beginning` is that of a transport stream whose packets are scrambled from the start.
/// <https://en.wikipedia.org/wiki/MPEG_transport_stream#Packet>
pub(crate) fn is_scrambled_transport_stream(beginning: &[u8]) -> bool {
    SIZES.iter().any(|(size, first)| {
        let packets = beginning
            .get(*first..)
            .unwrap_or_default()
            .chunks_exact(*size);
        let (mut scrambled, mut all) = (0, 0);
        for packet in packets {
            if packet[0] != SYNC {
                return false;
            }
            let is_filler = packet[1] & 0x1f == 0x1f && packet[2] == 0xff;
            let has_payload = packet[3] & 0x10 != 0;
            if has_payload && !is_filler {
                all += 1;
                scrambled += usize::from(packet[3] & 0xc0 != 0);
            }
        }
        scrambled >= ENOUGH && (all - scrambled) * 100 < all * CLEAR_PERCENT
    })
}

/// Whether `beginning` is that of a program stream with scrambled pictures, as on a DVD. FFmpeg does not
/// notice, and decodes noise.
pub fn is_scrambled_program_stream(beginning: &[u8]) -> bool {
    // A packet of a video stream: 00 00 01 E0 to EF, two bytes of length, and flags that begin with 10.
    let packets = beginning.windows(7).filter(|seven| {
        seven[..3] == [0, 0, 1] && seven[3] & 0xf0 == 0xe0 && seven[6] & 0xc0 == 0x80
    });
    let (mut scrambled, mut all) = (0, 0);
    for packet in packets {
        all += 1;
        scrambled += usize::from(packet[6] & 0x30 != 0);
    }
    // The first sectors of a title may be clear, and chance imitates a packet now and then.
    scrambled >= ENOUGH && scrambled * 10 > all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transport(flags: u8, count: usize) -> Vec<u8> {
        let mut packet = [0xff; 188];
        packet[..4].copy_from_slice(&[SYNC, 1, 0, flags]);
        packet.repeat(count)
    }

    fn program(flags: u8, count: usize) -> Vec<u8> {
        [0, 0, 1, 0xe0, 7, 0xec, flags, 0, 0, 0x55].repeat(count)
    }

    #[test]
    fn a_transport_stream_is_scrambled_if_most_of_its_first_packets_are() {
        assert!(is_scrambled_transport_stream(&transport(0x90, 40)));
        assert!(!is_scrambled_transport_stream(&transport(0x10, 40)));
        let late = [transport(0x10, 400), transport(0xd0, 100)].concat();
        assert!(!is_scrambled_transport_stream(&late));
        let few = transport(0xd0, 3);
        assert!(!is_scrambled_transport_stream(&few));
        assert!(!is_scrambled_transport_stream(b"GGGG"));
    }

    #[test]
    fn a_dvd_is_scrambled_if_packets_of_its_pictures_say_so() {
        assert!(is_scrambled_program_stream(&program(0xb0, 40)));
        assert!(!is_scrambled_program_stream(&program(0x81, 40)));
    }
}
