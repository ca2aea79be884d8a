use proptest::prelude::*;

use super::*;

const SEQUENCE: u8 = 0x67;
const PICTURE_PARAMETERS: u8 = 0x68;
const KEYFRAME: u8 = 0x65;
const REFERENCE: u8 = 0x41;
const NO_REFERENCE: u8 = 0x01;

/// A unit with these bits, up to the last 1, behind its start code and its header.
fn unit(header: u8, bits: &str) -> Vec<u8> {
    let bits: Vec<u8> = bits.bytes().filter(|bit| *bit != b' ').collect();
    let byte = |bits: &[u8]| {
        let places = (0..8).map(|n| u8::from(bits.get(n) == Some(&b'1')) << (7 - n));
        places.sum::<u8>()
    };
    let body = bits.chunks(8).map(byte);
    [0, 0, 1, header].into_iter().chain(body).collect()
}

/// Parameters of pictures of 160 × 112 pixels, whose numbers have four bits and may have gaps. The level is
/// too low for that.
fn parameters(gaps: bool) -> Vec<u8> {
    let gaps = u8::from(gaps);
    let sequence = format!("01000010 00000000 00000001 1 1 011 010 {gaps} 0001010 00111 1 1 0 0 1");
    let picture = "1 1 0 0 1 1 1 0 00 1 1 1 0 0 0 1";
    let sequence = unit(SEQUENCE, &sequence);
    [sequence, unit(PICTURE_PARAMETERS, picture)].concat()
}

/// A picture with this number. `marking` is what it does to those before it.
fn picture(header: u8, number: u8, marking: &str) -> Vec<u8> {
    let start = match header {
        KEYFRAME => format!("1 011 1 {number:04b} 1"),
        _ => format!("1 1 1 {number:04b} 0 0"),
    };
    unit(header, &format!("{start} {marking} 1 10101"))
}

fn reference(number: u8) -> Vec<u8> {
    picture(REFERENCE, number, "0")
}

fn keyframe() -> Vec<u8> {
    picture(KEYFRAME, 0, "00")
}

/// What stands between pictures.
fn delimiter() -> Vec<u8> {
    unit(0x09, "1111")
}

fn skips(units: &[Vec<u8>]) -> bool {
    FrameNumbers::read(&units.concat()[..]).unwrap().skip
}

#[test]
fn a_unit_that_is_cut_off_at_the_end_is_no_skip_unless_its_number_is_there() {
    let first = [parameters(false), keyframe()].concat();
    let next = reference(5);
    let with = |bytes: usize| skips(&[first.clone(), next[..bytes].to_vec()]);
    assert!(!with(4) && !with(5));
    assert!(with(next.len()));
}

#[test]
fn numbers_that_go_on_do_not_skip() {
    let numbers = (1..40).map(|number| reference(number % 16));
    let first = [parameters(false), keyframe()];
    let units: Vec<Vec<u8>> = first.into_iter().chain(numbers).collect();
    assert!(!skips(&units));
}

#[test]
fn a_number_that_is_missing_is_a_skip() {
    let start = parameters(false);
    assert!(skips(&[
        start.clone(),
        keyframe(),
        reference(1),
        reference(3)
    ]));
    // Also the first one behind a keyframe, and the last one before they start again.
    assert!(skips(&[start.clone(), keyframe(), reference(2)]));
    assert!(skips(&[start, reference(14), reference(0)]));
}

#[test]
fn numbers_may_start_with_any() {
    assert!(!skips(&[parameters(false), reference(9), reference(10)]));
}

#[test]
fn a_keyframe_starts_the_numbers_anew() {
    let start = parameters(false);
    assert!(!skips(&[
        start.clone(),
        reference(9),
        keyframe(),
        reference(1)
    ]));
    let forgets_all = picture(REFERENCE, 10, "1 00110 1");
    assert!(!skips(&[start, reference(9), forgets_all, reference(1)]));
}

#[test]
fn a_picture_to_which_none_refers_has_the_number_of_the_next_one() {
    let start = [parameters(false), keyframe()].concat();
    let between = |number| picture(NO_REFERENCE, number, "");
    assert!(!skips(&[
        start.clone(),
        between(1),
        between(1),
        reference(1),
        between(2)
    ]));
    assert!(skips(&[start, between(2)]));
}

#[test]
fn streams_in_layers_may_leave_numbers_out() {
    assert!(!skips(&[
        parameters(true),
        keyframe(),
        reference(1),
        reference(3)
    ]));
}

#[test]
fn what_cannot_be_read_is_taken_for_a_skip() {
    assert!(skips(&[keyframe(), delimiter()]));
    let short = unit(REFERENCE, "0");
    assert!(skips(&[parameters(false), short, delimiter()]));
    assert!(skips(&[unit(SEQUENCE, &"1".repeat(8 * 100_000))]));
}

#[test]
fn pictures_that_would_need_large_tables_are_not_read() {
    // 2^16 × 2^15 map units.
    let width = format!("{}1{}", "0".repeat(16), "0".repeat(16));
    let height = format!("{}1{}", "0".repeat(15), "0".repeat(15));
    let sequence = format!("01000010 00000000 00011110 1 1 011 010 0 {width} {height} 1 1 0 0 1");
    assert!(skips(&[unit(SEQUENCE, &sequence), delimiter()]));
}

/// Gives so many bytes at once.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let few = self.1.min(to.len());
        self.0.read(&mut to[..few])
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_in_any_pieces(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        piece in 1_usize..40,
    ) {
        let numbers = (1..40).map(|number| reference(number % 16));
        let all = [parameters(false), keyframe()].into_iter().chain(numbers);
        let mut bytes = all.collect::<Vec<_>>().concat();
        for (place, value) in changes {
            *place.get_mut(&mut bytes) = value;
        }
        let at_once = FrameNumbers::read(&bytes[..]).unwrap();
        let piecewise = FrameNumbers::read(Pieces(&bytes, piece)).unwrap();
        prop_assert_eq!(at_once.skip, piecewise.skip);
    }
}
