//! The box `clap` of a sample entry: the part of the pictures that is shown (ISO/IEC 14496-12).

use gifgen_shared::crop::ContainerCrop;

use super::boxes::children;

/// Length of a visual sample entry before its boxes, in bytes, and where its size stands.
const ENTRY: usize = 78;
const SIZE: usize = 24;

/// What the first sample entry of an `stsd` cuts off. `body` is its content.
pub(super) fn crop(body: &[u8]) -> Option<ContainerCrop> {
    let entry = children(body.get(8..)?).next()?.body;
    let boxes = entry.get(ENTRY..)?;
    let clap = children(boxes).find(|child| child.kind == *b"clap")?.body;
    let size = entry.get(SIZE..)?;
    let side = |at: usize| Some(u16::from_be_bytes(*size.get(at..)?.first_chunk()?));
    let fraction = |at: usize| {
        let number = |at: usize| Some(i32::from_be_bytes(*clap.get(at..)?.first_chunk()?));
        let (numerator, denominator) = (number(at)?, number(at + 4)?);
        (denominator != 0).then(|| f64::from(numerator) / f64::from(denominator))
    };
    let (left, right) = edges(side(0)?, fraction(0)?, fraction(16)?)?;
    let (top, bottom) = edges(side(2)?, fraction(8)?, fraction(24)?)?;
    Some(ContainerCrop {
        left,
        top,
        right,
        bottom,
        display: None,
    })
}

/// What is cut before and after a part of `length`, whose centre is `offset` behind the centre of
/// `whole`. `None` if the part is not inside.
fn edges(whole: u16, length: f64, offset: f64) -> Option<(u32, u32)> {
    let whole = f64::from(whole);
    let before = ((whole - length) / 2.0 + offset).round();
    let after = whole - length.round() - before;
    let is_inside = length >= 1.0 && before >= 0.0 && after >= 0.0;
    is_inside.then_some((before as u32, after as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The content of an `stsd` with one entry of 160 × 96 pixels and a `clap` with these numbers.
    fn stsd(clap: [i32; 8]) -> Vec<u8> {
        let numbers = clap.iter().flat_map(|number| number.to_be_bytes());
        let mut entry = [0; ENTRY];
        entry[SIZE..SIZE + 4].copy_from_slice(&[0, 160, 0, 96]);
        let mut stsd = vec![0, 0, 0, 0, 0, 0, 0, 1];
        stsd.extend((8 + ENTRY as u32 + 40).to_be_bytes());
        stsd.extend(b"avc1");
        stsd.extend(entry);
        stsd.extend(40_u32.to_be_bytes());
        stsd.extend(b"clap");
        stsd.extend(numbers);
        stsd
    }

    fn found(clap: [i32; 8]) -> Option<(u32, u32, u32, u32)> {
        let crop = crop(&stsd(clap))?;
        Some((crop.left, crop.top, crop.right, crop.bottom))
    }

    #[test]
    fn the_part_is_placed_by_its_centre() {
        assert_eq!(found([100, 1, 60, 1, 0, 1, 0, 1]), Some((30, 18, 30, 18)));
        assert_eq!(found([200, 2, 60, 1, -20, 2, 5, 1]), Some((20, 23, 40, 13)));
    }

    #[test]
    fn a_part_that_is_not_inside_is_none() {
        assert_eq!(found([161, 1, 60, 1, 0, 1, 0, 1]), None);
        assert_eq!(found([100, 1, 60, 1, 31, 1, 0, 1]), None);
        assert_eq!(found([100, 0, 60, 1, 0, 1, 0, 1]), None);
        assert_eq!(found([0, 1, 60, 1, 0, 1, 0, 1]), None);
        let whole = stsd([100, 1, 60, 1, 0, 1, 0, 1]);
        for length in 0..whole.len() {
            assert_eq!(crop(&whole[..length]), None);
        }
    }
}
