//! The list of keyframes in the metadata of a Flash video (`onMetaData`), which is written in AMF 0.

use crate::numbers::big_endian;

/// Most values within each other, and most values in all.
const MAX_DEPTH: usize = 8;
const MAX_VALUES: usize = 4_000_000;

/// Kinds of values.
const NUMBER: u8 = 0;
const BOOLEAN: u8 = 1;
const STRING: u8 = 2;
const OBJECT: u8 = 3;
const NULL: u8 = 5;
const UNDEFINED: u8 = 6;
const MAP: u8 = 8;
const OBJECT_END: u8 = 9;
const ARRAY: u8 = 10;
const DATE: u8 = 11;
const LONG_STRING: u8 = 12;

/// A keyframe in the list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ListedKeyframe {
    /// The timestamp of its tag, in seconds.
    pub(crate) seconds: f64,
    /// Where its tag starts in the file.
    pub(crate) offset: u64,
}

/// The keyframes that `metadata`, the content of a tag, lists. `None` if it lists none, or not in order.
pub(crate) fn listed_keyframes(metadata: &[u8]) -> Option<Vec<ListedKeyframe>> {
    let mut reader = AmfReader {
        bytes: metadata,
        values: 0,
        times: None,
        offsets: None,
    };
    let name = reader.take(3)?;
    let length = big_endian(name.get(1..)?) as usize;
    if name.first() != Some(&STRING) || reader.take(length)? != b"onMetaData" {
        return None;
    }
    reader.value(&[], 0)?;
    let (times, offsets) = (reader.times?, reader.offsets?);
    if times.len() != offsets.len() {
        return None;
    }
    let keyframe = |(seconds, offset): (f64, f64)| {
        // Exact in a number of this kind.
        let is_possible = seconds >= 0.0 && (0.0..9e15).contains(&offset);
        is_possible.then_some(ListedKeyframe {
            seconds,
            offset: offset as u64,
        })
    };
    let keyframes = times.into_iter().zip(offsets).map(keyframe);
    let keyframes: Vec<ListedKeyframe> = keyframes.collect::<Option<_>>()?;
    let is_sorted =
        keyframes.is_sorted_by(|one, next| one.seconds <= next.seconds && one.offset < next.offset);
    is_sorted.then_some(keyframes)
}

/// Reads values.
struct AmfReader<'a> {
    bytes: &'a [u8],
    values: usize,
    times: Option<Vec<f64>>,
    offsets: Option<Vec<f64>>,
}

impl<'a> AmfReader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    fn number(&mut self, length: usize) -> Option<u64> {
        self.take(length).map(big_endian)
    }

    /// Reads a value, which is `depth` others deep under the names of `path`.
    fn value(&mut self, path: &[&[u8]], depth: usize) -> Option<()> {
        self.values += 1;
        if depth > MAX_DEPTH || self.values > MAX_VALUES {
            return None;
        }
        match self.number(1)? as u8 {
            NUMBER => self.take(8).map(|_| ()),
            BOOLEAN => self.take(1).map(|_| ()),
            STRING => {
                let length = self.number(2)?;
                self.take(length as usize).map(|_| ())
            }
            LONG_STRING => {
                let length = self.number(4)?;
                self.take(length as usize).map(|_| ())
            }
            DATE => self.take(10).map(|_| ()),
            NULL | UNDEFINED => Some(()),
            OBJECT => self.members(path, depth),
            MAP => {
                self.take(4)?;
                self.members(path, depth)
            }
            ARRAY => self.array(path, depth),
            _ => None,
        }
    }

    fn members(&mut self, path: &[&[u8]], depth: usize) -> Option<()> {
        loop {
            let length = self.number(2)?;
            let name = self.take(length as usize)?;
            if name.is_empty() && self.bytes.first() == Some(&OBJECT_END) {
                return self.take(1).map(|_| ());
            }
            self.value(&[path, &[name]].concat(), depth + 1)?;
        }
    }

    fn array(&mut self, path: &[&[u8]], depth: usize) -> Option<()> {
        let count = self.number(4)?;
        let list = match path {
            [b"keyframes", b"times"] => &mut self.times,
            [b"keyframes", b"filepositions"] => &mut self.offsets,
            _ => {
                for _ in 0..count {
                    self.value(&[], depth + 1)?;
                }
                return Some(());
            }
        };
        let (numbers, rest) = self
            .bytes
            .split_at_checked(usize::try_from(count).ok()?.checked_mul(9)?)?;
        let number = |value: &[u8]| match value {
            [NUMBER, bits @ ..] => Some(f64::from_be_bytes(*bits.first_chunk()?)),
            _ => None,
        };
        *list = Some(numbers.chunks_exact(9).map(number).collect::<Option<_>>()?);
        self.bytes = rest;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(name: &str) -> Vec<u8> {
        [&(name.len() as u16).to_be_bytes()[..], name.as_bytes()].concat()
    }

    fn array(numbers: &[f64]) -> Vec<u8> {
        let values = numbers.iter().flat_map(|number| {
            let bits = number.to_be_bytes();
            [&[NUMBER][..], &bits].concat()
        });
        let count = (numbers.len() as u32).to_be_bytes();
        [&[ARRAY][..], &count]
            .concat()
            .into_iter()
            .chain(values)
            .collect()
    }

    fn metadata(times: &[f64], offsets: &[f64]) -> Vec<u8> {
        let end = [0, 0, OBJECT_END];
        [
            &[STRING][..],
            &name("onMetaData"),
            &[MAP, 0, 0, 0, 3],
            &name("hasKeyframes"),
            &[BOOLEAN, 1],
            &name("encoder"),
            &[STRING],
            &name("test"),
            &name("keyframes"),
            &[OBJECT],
            &name("filepositions"),
            &array(offsets),
            &name("times"),
            &array(times),
            &end,
            &end,
        ]
        .concat()
    }

    #[test]
    fn the_keyframes_of_the_metadata_are_listed() {
        let found = listed_keyframes(&metadata(&[0.0, 2.002], &[500.0, 9000.0])).unwrap();
        let second = ListedKeyframe {
            seconds: 2.002,
            offset: 9000,
        };
        assert_eq!((found.len(), found[1]), (2, second));
    }

    #[test]
    fn lists_that_do_not_fit_each_other_or_are_not_in_order_are_none() {
        let is_listed =
            |times: &[f64], offsets: &[f64]| listed_keyframes(&metadata(times, offsets)).is_some();
        assert!(is_listed(&[0.0, 0.0], &[1.0, 2.0]));
        assert!(!is_listed(&[0.0], &[1.0, 2.0]));
        assert!(!is_listed(&[0.0, 1.0], &[2.0, 2.0]));
        assert!(!is_listed(&[1.0, 0.0], &[1.0, 2.0]));
        for wrong in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(!is_listed(&[0.0], &[wrong]) && !is_listed(&[wrong, 1.0], &[1.0, 2.0]));
        }
    }

    proptest! {
        #[test]
        fn damaged_metadata_lists_nothing_or_something_in_order(
            place in 0usize..200, byte in any::<u8>(), length in 0usize..200)
        {
            let mut bytes = metadata(&[0.0, 1.0, 2.0], &[100.0, 200.0, 300.0]);
            if let Some(there) = bytes.get_mut(place) {
                *there = byte;
            }
            bytes.truncate(length.max(20));
            if let Some(found) = listed_keyframes(&bytes) {
                prop_assert!(found.is_sorted_by(|one, next| one.offset < next.offset));
            }
        }
    }
}
