//! Pictures as three planes, which the compiler turns into vector code where pixels of three
//! bytes resist.

/// A colour: red, green, blue.
pub(crate) type Colour = [u8; 3];

/// A picture: all green bytes, then all blue ones, then all red ones, row by row. That is
/// FFmpeg's pixel format `gbrp`.
#[derive(Clone, Debug)]
pub(crate) struct Planes {
    bytes: Vec<u8>,
}

impl Planes {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// Number of pixels.
    pub(crate) fn pixels(&self) -> usize {
        self.bytes.len() / 3
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The planes: green, blue, red.
    pub(crate) fn split(&self) -> [&[u8]; 3] {
        let (green, rest) = self.bytes.split_at(self.pixels());
        let (blue, red) = rest.split_at(self.pixels());
        [green, blue, red]
    }

    /// How much each pixel differs from that of `other`, in the channel that differs most.
    pub(crate) fn differing(&self, other: &Self) -> Vec<u8> {
        let mut most = vec![0; self.pixels()];
        for (one, other) in self.split().into_iter().zip(other.split()) {
            for (most, (one, other)) in most.iter_mut().zip(one.iter().zip(other)) {
                *most = one.abs_diff(*other).max(*most);
            }
        }
        most
    }

    /// The colour of the pixel at `place`, counted row by row.
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
