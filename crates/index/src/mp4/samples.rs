//! All samples of a track, packed: a day at 60 pictures a second has five million, which take 35 MB. The few that are
//! needed at a time are unpacked.

use std::ops::Range;

use integer_encoding::VarInt;

use super::sample::Sample;

/// Samples in a block. To read one of them, those before it in its block are unpacked, too.
const BLOCK: usize = 256;

/// Longest packed number, in bytes.
const LONGEST_NUMBER: usize = 10;

/// Samples in decoding order.
#[derive(Debug, Default)]
pub(super) struct Samples {
    /// All blocks, one after the other.
    packed: Vec<u8>,
    blocks: Vec<Block>,
    len: usize,
    last: Option<Sample>,
    /// What the next sample is packed against.
    expected: Expected,
    /// Where the one that ends last ends in the source.
    pub(super) end: u64,
    /// The least composition offset; 0 if none is negative.
    pub(super) least_composition_offset: i32,
    /// Whether any sample has a composition offset.
    pub(super) are_reordered: bool,
}

/// What a block holds.
#[derive(Clone, Copy, Debug)]
struct Block {
    /// Where it starts in the packed bytes.
    start: usize,
    /// The earliest pts in it.
    earliest: i64,
    /// The earliest pts of a keyframe in it; `i64::MAX` without one.
    earliest_keyframe: i64,
}

/// What a sample is if it follows the one before as usual. It is packed as the differences to this.
#[derive(Clone, Copy, Debug, Default)]
struct Expected {
    offset: u64,
    dts: i64,
    /// From the dts before the last one to the last one.
    step: i64,
}

/// The samples of a block, one after the other.
#[derive(Clone)]
struct Unpacked<'a> {
    packed: &'a [u8],
    expected: Expected,
}

/// Finds the last sample up to a pts.
#[derive(Debug)]
pub(super) struct LatestSamples<'a> {
    samples: &'a Samples,
    /// For each block, the earliest pts in it and in those behind it. This ascends, which a pts in decoding order does
    /// not.
    earliest: Vec<i64>,
    /// The same of keyframes.
    earliest_keyframe: Vec<i64>,
}

impl Samples {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn last(&self) -> Option<&Sample> {
        self.last.as_ref()
    }

    /// Adds a sample behind the others.
    pub(super) fn push(&mut self, sample: Sample) {
        if self.len.is_multiple_of(BLOCK) {
            self.expected = Expected::default();
            self.blocks.push(Block {
                start: self.packed.len(),
                earliest: i64::MAX,
                earliest_keyframe: i64::MAX,
            });
        }
        if let Some(block) = self.blocks.last_mut() {
            block.earliest = block.earliest.min(sample.pts());
            if sample.is_keyframe() {
                block.earliest_keyframe = block.earliest_keyframe.min(sample.pts());
            }
        }
        self.pack(&sample);
        self.expected = self.expected.after(&sample);
        self.end = self.end.max(sample.end());
        self.least_composition_offset =
            self.least_composition_offset.min(sample.composition_offset);
        self.are_reordered |= sample.composition_offset != 0;
        self.len += 1;
        self.last = Some(sample);
    }

    /// Appends a sample to the packed bytes.
    fn pack(&mut self, sample: &Sample) {
        let expected = self.expected;
        let gap = sample.offset.wrapping_sub(expected.offset) as i64;
        let change = (sample.dts.wrapping_sub(expected.dts)).wrapping_sub(expected.step);
        let size = u64::from(sample.size) << 1 | u64::from(sample.is_sync);
        self.pack_number(size);
        self.pack_number(gap);
        self.pack_number(change);
        self.pack_number(sample.composition_offset);
    }

    fn pack_number(&mut self, number: impl VarInt) {
        let mut bytes = [0; LONGEST_NUMBER];
        let length = number.encode_var(&mut bytes);
        self.packed.extend_from_slice(&bytes[..length]);
    }

    /// All samples in decoding order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Sample> + Clone {
        (0..self.blocks.len()).flat_map(|block| self.block(block))
    }

    /// The sample at `index`.
    pub(super) fn get(&self, index: usize) -> Option<Sample> {
        self.block(index / BLOCK).nth(index % BLOCK)
    }

    /// The samples in `range`, or what there is of them.
    pub(super) fn range(&self, range: Range<usize>) -> Vec<Sample> {
        let first = range.start / BLOCK;
        let from_block = (first..self.blocks.len()).flat_map(|block| self.block(block));
        from_block
            .skip(range.start % BLOCK)
            .take(range.len())
            .collect()
    }

    /// The samples of a block; none if there is no such block.
    fn block(&self, block: usize) -> Unpacked<'_> {
        let start = |block: usize| self.blocks.get(block).map(|block| block.start);
        let from = start(block).unwrap_or(self.packed.len());
        let to = start(block + 1).unwrap_or(self.packed.len());
        Unpacked {
            packed: &self.packed[from..to],
            expected: Expected::default(),
        }
    }
}

impl Expected {
    /// What follows `sample`, which this was expected to be.
    fn after(self, sample: &Sample) -> Self {
        Self {
            offset: sample.end(),
            dts: sample.dts,
            step: sample.dts.wrapping_sub(self.dts),
        }
    }
}

impl Unpacked<'_> {
    fn number<N: VarInt>(&mut self) -> Option<N> {
        let (number, length) = N::decode_var(self.packed)?;
        self.packed = &self.packed[length..];
        Some(number)
    }
}

impl Iterator for Unpacked<'_> {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        let expected = self.expected;
        let size: u64 = self.number()?;
        let gap: i64 = self.number()?;
        let change: i64 = self.number()?;
        let sample = Sample {
            offset: expected.offset.wrapping_add(gap as u64),
            dts: expected
                .dts
                .wrapping_add(expected.step.wrapping_add(change)),
            size: (size >> 1) as u32,
            composition_offset: self.number()?,
            is_sync: size & 1 == 1,
        };
        self.expected = expected.after(&sample);
        Some(sample)
    }
}

impl<'a> LatestSamples<'a> {
    pub(super) fn new(samples: &'a Samples) -> Self {
        let blocks = samples.blocks.iter();
        Self {
            samples,
            earliest: running_min(blocks.clone().map(|block| block.earliest)),
            earliest_keyframe: running_min(blocks.map(|block| block.earliest_keyframe)),
        }
    }

    /// The index of the last sample whose pts is before `pts`.
    pub(super) fn before(&self, pts: i64) -> Option<usize> {
        let blocks = self.earliest.partition_point(|earliest| *earliest < pts);
        self.last_in(blocks, |sample| sample.pts() < pts)
    }

    /// The index of the last keyframe whose pts is `pts` or before.
    pub(super) fn keyframe_until(&self, pts: i64) -> Option<usize> {
        let blocks = self
            .earliest_keyframe
            .partition_point(|earliest| *earliest <= pts);
        self.last_in(blocks, |sample| sample.is_keyframe() && sample.pts() <= pts)
    }

    /// The index of the last sample of the first `blocks` blocks that is `wanted`. The last of them has one.
    fn last_in(&self, blocks: usize, wanted: impl Fn(&Sample) -> bool) -> Option<usize> {
        let block = blocks.checked_sub(1)?;
        let samples = self.samples.block(block).enumerate();
        let (index, _) = samples.filter(|(_, sample)| wanted(sample)).last()?;
        Some(block * BLOCK + index)
    }
}

/// For each value, the least of it and those behind it.
fn running_min(values: impl DoubleEndedIterator<Item = i64>) -> Vec<i64> {
    let mut least = i64::MAX;
    let mut all: Vec<i64> = values
        .rev()
        .map(|value| {
            least = least.min(value);
            least
        })
        .collect();
    all.reverse();
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any samples: mostly such as films have, and some as only an attacker writes them.
    fn sample() -> impl Strategy<Value = Sample> {
        let plain = (0u64..1 << 40, 0i64..100_000, 0u32..100_000, -500i32..500);
        let hostile = any::<(u64, i64, u32, i32)>();
        let fields = prop_oneof![9 => plain, 1 => hostile];
        (fields, any::<bool>()).prop_map(|(fields, is_sync)| Sample {
            offset: fields.0,
            dts: fields.1,
            size: fields.2,
            composition_offset: fields.3,
            is_sync,
        })
    }

    fn packed(samples: &[Sample]) -> Samples {
        let mut packed = Samples::default();
        samples.iter().for_each(|sample| packed.push(*sample));
        packed
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn samples_come_back_as_they_were(all in prop::collection::vec(sample(), 0..3 * BLOCK), start in 0..3 * BLOCK, length in 0..2 * BLOCK) {
            let samples = packed(&all);
            prop_assert_eq!(samples.len(), all.len());
            prop_assert_eq!(samples.iter().collect::<Vec<_>>(), all.clone());
            prop_assert_eq!(samples.get(start), all.get(start).copied());
            let range = start.min(all.len())..(start + length).min(all.len());
            prop_assert_eq!(samples.range(start..start + length), &all[range]);
            prop_assert_eq!(samples.last(), all.last());
        }

        #[test]
        fn the_last_sample_up_to_a_pts_is_found(all in prop::collection::vec(sample(), 0..3 * BLOCK), pts in -1000i64..101_000) {
            let samples = packed(&all);
            let latest = LatestSamples::new(&samples);
            prop_assert_eq!(latest.before(pts), all.iter().rposition(|sample| sample.pts() < pts));
            let keyframe = |sample: &Sample| sample.is_sync && sample.size > 0 && sample.pts() <= pts;
            prop_assert_eq!(latest.keyframe_until(pts), all.iter().rposition(keyframe));
        }
    }

    #[test]
    fn a_sample_of_a_film_takes_few_bytes() {
        let film = (0..10_000u32).map(|index| Sample {
            offset: u64::from(index) * 9000,
            dts: i64::from(index) * 512,
            size: 9000 - index % 50,
            composition_offset: [1024, 2560, 1024, 0][index as usize % 4],
            is_sync: index % 250 == 0,
        });
        let samples = packed(&film.collect::<Vec<_>>());
        assert!(
            samples.packed.len() < 7 * samples.len(),
            "{}",
            samples.packed.len()
        );
    }
}
