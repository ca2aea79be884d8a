//! Planar pictures. The compiler vectorizes code over planes, but not over pixels of three bytes.

/// Red, green, blue.
pub(crate) type Colour = [u8; 3];

/// A picture in FFmpeg's pixel format `gbrp`: all green bytes, then all blue, then all red, row by
/// row.
#[derive(Clone, Debug)]
pub(crate) struct Planes {
    bytes: Vec<u8>,
}

impl Planes {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    pub(crate) fn pixels(&self) -> usize {
        self.bytes.len() / 3
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Green, blue, red.
    pub(crate) fn split(&self) -> [&[u8]; 3] {
        let (green, rest) = self.bytes.split_at(self.pixels());
        let (blue, red) = rest.split_at(self.pixels());
        [green, blue, red]
    }

    /// For each pixel, the largest difference from `other` in any channel.
    pub(crate) fn differing(&self, other: &Self) -> Vec<u8> {
        let mut most = vec![0; self.pixels()];
        for (one, other) in self.split().into_iter().zip(other.split()) {
            for (most, (one, other)) in most.iter_mut().zip(one.iter().zip(other)) {
                *most = one.abs_diff(*other).max(*most);
            }
        }
        most
    }

    /// The colour of a pixel; `place` counts row by row.
    #[inline]
    pub(crate) fn colour(&self, place: usize) -> Colour {
        let pixels = self.pixels();
        [
            self.bytes[2 * pixels + place],
            self.bytes[place],
            self.bytes[pixels + place],
        ]
    }
}
