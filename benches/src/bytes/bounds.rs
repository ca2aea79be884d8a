//! Upper bounds of the measurements.

use super::reads::Total;

/// The measurements of a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Slices that were read.
    pub slices: u64,
    /// Number of slices in the file, divided by those that were read.
    pub share: f64,
    /// Bytes that these slices need.
    pub needed: u64,
    /// Size of the `moov` box, in bytes.
    pub moov: u64,
    /// Reads by plain FFmpeg.
    pub plain: Total,
    /// Reads by the splitter, for all slices of the file.
    pub splitter: Total,
    /// Reads by the workers.
    pub workers: Total,
    /// Seconds to the first picture with plain FFmpeg.
    pub plain_first: f64,
    /// Seconds to the first picture with gifgen.
    pub our_first: f64,
}

impl Figures {
    /// Bytes that gifgen read for these slices, including their share of the splitter's reads.
    pub fn our_bytes(&self) -> f64 {
        self.workers.bytes as f64 + self.splitter.bytes as f64 / self.share
    }
}

/// Bounds for a kind of container.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most bytes read over all slices, including the splitter's, per byte needed.
    pub bytes: Option<f64>,
    /// Whether the `moov` box may be read once in addition.
    pub moov: bool,
    /// Most requests for any slice.
    pub most_requests: Option<u64>,
    /// Most requests per slice, averaged.
    pub mean_requests: Option<f64>,
    /// Least speed-up of the first picture against plain FFmpeg.
    pub first_frame: f64,
}

impl Bounds {
    /// Plain MP4.
    pub const MP4: Self = Self {
        mean_requests: Some(1.2),
        ..Self::FRAGMENTS
    };

    /// Fragmented MP4 with an index.
    pub const FRAGMENTS: Self = Self {
        bytes: Some(1.06),
        moov: true,
        most_requests: Some(3),
        mean_requests: None,
        first_frame: 1.0,
    };

    /// Fragmented MP4 without an index, where plain FFmpeg visits each fragment.
    pub const FRAGMENTS_WITHOUT_INDEX: Self = Self {
        first_frame: 10.0,
        ..Self::FRAGMENTS
    };

    /// Matroska and MPEG-TS.
    pub const CLUSTERS: Self = Self {
        bytes: Some(1.15),
        moov: false,
        most_requests: Some(4),
        mean_requests: None,
        first_frame: 1.0,
    };

    /// Formats without our index: no worse than plain FFmpeg.
    pub const OTHER: Self = Self {
        bytes: None,
        moov: false,
        most_requests: None,
        mean_requests: None,
        first_frame: 1.0,
    };
}

impl Bounds {
    /// Most bytes that gifgen may read; `None` if unbounded.
    pub fn allowed_bytes(&self, figures: &Figures) -> Option<f64> {
        let moov = if self.moov { figures.moov } else { 0 };
        let allowed = |factor| factor * figures.needed as f64 + moov as f64 / figures.share;
        self.bytes.map(allowed)
    }

    /// Descriptions of the bounds that `figures` exceed.
    pub fn broken(&self, figures: &Figures) -> Vec<&'static str> {
        let (ours, plain) = (figures.workers, figures.plain);
        let allowed = self.allowed_bytes(figures);
        let mean = ours.requests as f64 / figures.slices as f64;
        let checks = [
            (
                allowed.is_none_or(|allowed| figures.our_bytes() <= allowed),
                "bytes",
            ),
            (
                self.most_requests.is_none_or(|most| ours.most <= most),
                "requests",
            ),
            (
                self.mean_requests.is_none_or(|bound| mean <= bound),
                "mean requests",
            ),
            (ours.bytes <= plain.bytes, "more bytes than plain"),
            (ours.requests <= plain.requests, "more requests than plain"),
            (
                figures.our_first * self.first_frame <= figures.plain_first,
                "first picture",
            ),
        ];
        let broken = checks.into_iter().filter(|(holds, _)| !holds);
        broken.map(|(_, what)| what).collect()
    }
}

/// Most CPU seconds of a splitter on a 3-hour file.
pub const SPLITTER_CPU_SECONDS: f64 = 2.0;

/// Most memory of a splitter on a 3-hour file, in bytes.
pub const SPLITTER_MEMORY: u64 = 200_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn total(requests: u64, most: u64, bytes: u64) -> Total {
        Total {
            requests,
            most,
            bytes,
        }
    }

    fn good() -> Figures {
        Figures {
            slices: 10,
            share: 1.0,
            needed: 1000,
            moov: 100,
            plain: total(30, 4, 2000),
            splitter: total(5, 5, 110),
            workers: total(12, 2, 1050),
            plain_first: 0.2,
            our_first: 0.1,
        }
    }

    #[test]
    fn the_splitter_counts_and_the_moov_is_allowed_once() {
        assert_eq!(Bounds::MP4.broken(&good()), [""; 0]);
        let mut figures = good();
        figures.splitter.bytes += 1;
        assert_eq!(Bounds::MP4.broken(&figures), ["bytes"]);
        // Half the slices: half the splitter's bytes, and half of the box.
        figures.share = 2.0;
        assert_eq!(figures.our_bytes(), 1105.5);
        assert_eq!(Bounds::MP4.allowed_bytes(&figures), Some(1110.0));
    }

    #[test]
    fn each_bound_can_be_broken() {
        let figures = Figures {
            workers: total(41, 5, 2001),
            our_first: 0.3,
            ..good()
        };
        let all = [
            "bytes",
            "requests",
            "mean requests",
            "more bytes than plain",
            "more requests than plain",
            "first picture",
        ];
        assert_eq!(Bounds::MP4.broken(&figures), all);
        assert_eq!(Bounds::OTHER.broken(&figures), all[3..]);
        let tenth = Bounds::FRAGMENTS_WITHOUT_INDEX.broken(&good());
        assert_eq!(tenth, ["first picture"]);
    }
}
