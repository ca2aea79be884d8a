//! From colours to palette entries.
use crate::{histogram::{BITS, bin, centre}, nearest::Near, tune};

pub(crate) struct Mapping {
    pub(crate) palette: Vec<[u8; 3]>,
    pairs: Vec<u16>, // low 8: first, high 8: second; stored xor 1-based: 0 = unknown
    near: Near,
    lambda: f32,
    min_gain: f32,
    thresholds: [[i32; 8]; 8],
    ordered: bool,
}

impl Mapping {
    pub(crate) fn new(palette: &[[u8; 3]], ordered: bool) -> Self {
        let mut thresholds = [[0; 8]; 8];
        for (y, row) in thresholds.iter_mut().enumerate() {
            for (x, t) in row.iter_mut().enumerate() {
                let (mut v, mut xx, mut yy) = (0, x ^ y, y);
                for _ in 0..3 { v = v << 2 | (xx & 1) << 1 | (yy & 1); xx >>= 1; yy >>= 1; }
                *t = (2 * v as i32) + 1; // of 128
            }
        }
        let near = Near::new(palette.iter().map(|c| c.map(f32::from)).collect(), tune("MARGIN", 8.0));
        Self { palette: palette.to_vec(), pairs: vec![0; 1 << (3 * BITS)], near, lambda: tune("LAMBDA", 0.15), min_gain: tune("GAIN", 4.0), thresholds, ordered }
    }

    #[inline]
    pub(crate) fn index(&mut self, c: [u8; 3], x: usize, y: usize, dither: bool) -> u8 {
        let bin = bin(c);
        let mut pair = self.pairs[bin];
        if pair == 0 { pair = self.pair(bin); self.pairs[bin] = pair; }
        let (one, two) = ((pair & 255) as usize, (pair >> 8) as usize - 1);
        if one == two { return one as u8; }
        let (p, q) = (self.palette[one], self.palette[two]);
        let mut dot = 0; let mut len = 0;
        for i in 0..3 {
            let d = i32::from(q[i]) - i32::from(p[i]);
            dot += (i32::from(c[i]) - i32::from(p[i])) * d;
            len += d * d;
        }
        let t = if dither { self.thresholds[y & 7][x & 7] } else { 64 };
        if dot * 128 > t * len { two as u8 } else { one as u8 }
    }

    #[inline(never)]
    fn pair(&mut self, bin: usize) -> u16 {
        let c = centre(bin);
        let candidates = self.near.candidates(c);
        let mut near = (f32::MAX, 0);
        for i in candidates {
            let p = self.palette[usize::from(*i)];
            let d: f32 = (0..3).map(|k| (c[k] - f32::from(p[k])).powi(2)).sum();
            if d < near.0 { near = (d, *i); }
        }
        let one = near.1;
        let p = self.palette[usize::from(one)].map(f32::from);
        let mut best = (near.0 - self.min_gain, one);
        if self.ordered {
            for i in candidates {
                let q = self.palette[usize::from(*i)].map(f32::from);
                let (mut dot, mut len) = (0.0, 0.0);
                for k in 0..3 { let d = q[k] - p[k]; dot += (c[k] - p[k]) * d; len += d * d; }
                if dot <= 0.0 { continue; }
                let t = (dot / len).min(1.0);
                let miss = near.0 - 2.0 * t * dot + t * t * len;
                let e = miss + self.lambda * t * (1.0 - t) * len;
                if e < best.0 { best = (e, *i); }
            }
        }
        let (a, b) = (one.min(best.1), one.max(best.1));
        u16::from(a) | (u16::from(b) + 1) << 8
    }
}
