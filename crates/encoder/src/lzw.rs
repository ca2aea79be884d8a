//! LZW compression that chooses pixels. Where a pixel may stay transparent, or other palette
//! entries look like the wanted one, it takes the choice that makes the current match longer.
//!
//! `weezl` compresses fixed input. Choosing while compressing needs access to the dictionary.

use crate::interchangeable::Interchangeable;

/// The dictionary holds 4096 codes, of at most 12 bits.
const FULL: u16 = 4096;

const UNKNOWN: u16 = 0;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Want(u16);

impl Want {
    const MAY_STAY: u16 = 1 << 8;

    /// Wants the palette entry `index`, or a substitute by the activity `class`. If `may_stay`,
    /// transparency will do too.
    #[inline]
    pub(crate) fn new(index: u8, class: usize, may_stay: bool) -> Self {
        let may_stay = if may_stay { Self::MAY_STAY } else { 0 };
        Self(u16::from(index) | may_stay | (class as u16) << 9)
    }

    #[inline]
    pub(crate) fn index(self) -> u8 {
        self.0 as u8
    }

    #[inline]
    pub(crate) fn may_stay(self) -> bool {
        self.0 & Self::MAY_STAY != 0
    }

    #[inline]
    fn class(self) -> usize {
        usize::from(self.0 >> 9)
    }
}

pub(crate) struct Compressed {
    /// GIF's image data: a byte with the minimum code size, then the codes.
    pub(crate) data: Vec<u8>,
    /// The index chosen for each pixel.
    pub(crate) symbols: Vec<u8>,
}

pub(crate) struct Lzw {
    /// For each code and symbol, the code of their concatenation.
    longer: Vec<u16>,
    /// The indices in `longer` that are set.
    set: Vec<usize>,
}

impl Lzw {
    pub(crate) fn new() -> Self {
        Self {
            longer: vec![UNKNOWN; usize::from(FULL) << 8],
            set: Vec::with_capacity(FULL.into()),
        }
    }

    /// Compresses at least one pixel. `transparent_index` must be the highest symbol.
    pub(crate) fn compress(
        &mut self,
        wants: &[Want],
        interchangeable: &Interchangeable,
        transparent_index: u8,
    ) -> Compressed {
        // GIF's minimum code size is 2 bits.
        let symbol_bits = (u8::BITS - transparent_index.leading_zeros()).max(2);
        let clear = 1 << symbol_bits;
        let mut codes = Codes::new(symbol_bits);
        codes.put(clear);
        self.forget();
        let mut next = clear + 2;
        let mut symbols = Vec::with_capacity(wants.len());
        let mut matched = None;
        for &want in wants {
            if let Some(code) = matched {
                if let Some((symbol, longer)) =
                    self.longer(code, want, interchangeable, transparent_index)
                {
                    symbols.push(symbol);
                    matched = Some(longer);
                    continue;
                }
                codes.put(code);
                if next < FULL {
                    self.learn(code, first(want, transparent_index), next);
                    codes.widen_for(next);
                    next += 1;
                } else {
                    codes.put(clear);
                    codes.width = symbol_bits + 1;
                    self.forget();
                    next = clear + 2;
                }
            }
            let symbol = first(want, transparent_index);
            symbols.push(symbol);
            matched = Some(u16::from(symbol));
        }
        if let Some(code) = matched {
            codes.put(code);
            // The decoder adds a code here too.
            if next < FULL {
                codes.widen_for(next);
            }
        }
        codes.put(clear + 1);
        Compressed {
            data: codes.end(),
            symbols,
        }
    }

    /// Finds an allowed symbol that extends the match, and returns it with its code.
    #[inline]
    fn longer(
        &self,
        code: u16,
        want: Want,
        interchangeable: &Interchangeable,
        transparent_index: u8,
    ) -> Option<(u8, u16)> {
        let codes = &self.longer[usize::from(code) << 8..][..256];
        let known = |symbol: u8| match codes[usize::from(symbol)] {
            UNKNOWN => None,
            longer => Some((symbol, longer)),
        };
        let stays = if want.may_stay() {
            known(transparent_index)
        } else {
            None
        };
        stays.or_else(|| known(want.index())).or_else(|| {
            let others = interchangeable.substitutes(want.class(), want.index());
            others.iter().find_map(|other| known(*other))
        })
    }

    fn learn(&mut self, code: u16, symbol: u8, longer: u16) {
        let index = usize::from(code) << 8 | usize::from(symbol);
        self.longer[index] = longer;
        self.set.push(index);
    }

    fn forget(&mut self) {
        for index in self.set.drain(..) {
            self.longer[index] = UNKNOWN;
        }
    }
}

/// The symbol that starts a match. Transparency comes first, because such runs are often long.
fn first(want: Want, transparent_index: u8) -> u8 {
    if want.may_stay() {
        transparent_index
    } else {
        want.index()
    }
}

/// Packs codes into bytes, lowest bits first.
struct Codes {
    bytes: Vec<u8>,
    /// Bits per code.
    width: u32,
    waiting: u64,
    waiting_bits: u32,
}

impl Codes {
    fn new(symbol_bits: u32) -> Self {
        Self {
            bytes: vec![symbol_bits as u8],
            width: symbol_bits + 1,
            waiting: 0,
            waiting_bits: 0,
        }
    }

    #[inline]
    fn put(&mut self, code: u16) {
        self.waiting |= u64::from(code) << self.waiting_bits;
        self.waiting_bits += self.width;
        while self.waiting_bits >= 8 {
            self.bytes.push(self.waiting as u8);
            self.waiting >>= 8;
            self.waiting_bits -= 8;
        }
    }

    /// Widens codes by a bit when `code`, the newest, does not fit.
    #[inline]
    fn widen_for(&mut self, code: u16) {
        self.width += u32::from(code >> self.width);
    }

    fn end(mut self) -> Vec<u8> {
        if self.waiting_bits > 0 {
            self.bytes.push(self.waiting as u8);
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use weezl::{BitOrder, decode::Decoder};

    use super::*;

    proptest! {
        #[test]
        fn what_is_compressed_is_decoded_to_the_symbols_that_were_chosen_and_ends(
            (colours, pixels) in (1u8..=255).prop_flat_map(|colours| {
                (Just(colours), prop::collection::vec((0..colours, any::<bool>(), 0..4usize), 1..20_000))
            }),
        ) {
            let grey = |level: u8| [level; 3];
            let interchangeable = Interchangeable::new(&(0..colours).map(grey).collect::<Vec<_>>(), false);
            let wants: Vec<Want> = pixels
                .iter()
                .map(|(index, may_stay, class)| Want::new(*index, *class, *may_stay))
                .collect();
            let compressed = Lzw::new().compress(&wants, &interchangeable, colours);
            let mut decoder = Decoder::new(BitOrder::Lsb, compressed.data[0]);
            let mut decoded = Vec::new();
            decoder.into_stream(&mut decoded).decode_all(&compressed.data[1..]).status.unwrap();
            prop_assert!(decoder.has_ended());
            prop_assert_eq!(&decoded, &compressed.symbols);
            for (symbol, (index, may_stay, class)) in decoded.iter().zip(&pixels) {
                let fits = if *symbol == colours {
                    *may_stay
                } else {
                    symbol == index || interchangeable.substitutes(*class, *index).contains(symbol)
                };
                prop_assert!(fits, "{symbol} for {index}");
            }
        }
    }
}
