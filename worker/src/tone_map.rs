//! Tone-maps HDR to SDR with a table that FFmpeg's filter `lut3d` applies to scaled pictures.
//!
//! The curve is the EETF of ITU-R BT.2390, applied to the luminance; the colour keeps its ratio of red,
//! green and blue. The table costs some 10 ms of CPU time to make and as much to parse.

use gifgen_shared::colour::{Colour, PQ_PEAK, Transfer};

mod curve;
mod transfer;

use self::{
    curve::Eetf,
    transfer::{bt1886_inverse, hlg_scene, pq_eotf},
};

/// Name of the table in the work directory.
pub(crate) const LUT_FILE: &str = "hdr.cube";

/// Points on each side of the table. With 33, colours differ from the exact curve by a mean ΔE2000
/// of 0.35 at most; 65 would take 0.2 s to parse.
const SIDE: usize = 33;

/// Brightness of SDR white in cd/m²: the diffuse white of ITU-R BT.2408.
const SDR_WHITE: f64 = 203.0;

/// Black of an SDR display in cd/m²: a contrast of 1,000.
const SDR_BLACK: f64 = SDR_WHITE / 1000.0;

/// Black of an HDR display in cd/m².
const HDR_BLACK: f64 = 0.005;

/// Peak in cd/m² of the display that HLG is made for, in ITU-R BT.2100.
const HLG_PEAK: f64 = 1000.0;

/// Luminance of red, green and blue in BT.2020.
const LUMINANCE: [f64; 3] = [0.2627, 0.6780, 0.0593];

/// From linear BT.2020 to linear BT.709 (ITU-R BT.2087).
const TO_BT709: [[f64; 3]; 3] = [
    [1.6605, -0.5876, -0.0728],
    [-0.1246, 1.1329, -0.0083],
    [-0.0182, -0.1006, 1.1187],
];

/// From an HDR signal in BT.2020 to an SDR signal in BT.709.
pub(crate) struct ToneMap {
    transfer: Transfer,
    peak: f64,
    eetf: Eetf,
}

impl ToneMap {
    /// The tone map of a stream; `None` if it is SDR.
    pub(crate) fn of(colour: &Colour) -> Option<Self> {
        let peak = match colour.transfer {
            Transfer::Sdr => return None,
            Transfer::Pq => f64::from(colour.peak.unwrap_or(PQ_PEAK)),
            Transfer::Hlg => colour.peak.map_or(HLG_PEAK, f64::from),
        };
        Some(Self {
            transfer: colour.transfer,
            peak,
            eetf: Eetf::new(HDR_BLACK..peak, SDR_BLACK..SDR_WHITE.min(peak)),
        })
    }

    /// The table in the format `.cube`, in which red changes fastest.
    pub(crate) fn cube(&self) -> String {
        use std::fmt::Write;
        let mut text = format!("LUT_3D_SIZE {SIDE}\n");
        let step = |index: usize| index as f64 / (SIDE - 1) as f64;
        for blue in 0..SIDE {
            for green in 0..SIDE {
                for red in 0..SIDE {
                    let [r, g, b] = self.map([red, green, blue].map(step));
                    // Writing to a string cannot fail.
                    let _ = writeln!(text, "{r:.5} {g:.5} {b:.5}");
                }
            }
        }
        text
    }

    /// Maps one colour. All numbers are from 0 to 1, both inclusive.
    fn map(&self, signal: [f64; 3]) -> [f64; 3] {
        let light = self
            .light(signal)
            .map(|light| light.clamp(HDR_BLACK, self.peak));
        let luminance = dot(LUMINANCE, light);
        let ratio = self.eetf.apply(luminance) / luminance;
        let mapped = light.map(|light| light * ratio);
        TO_BT709
            .map(|row| dot(row, mapped).clamp(SDR_BLACK, SDR_WHITE))
            .map(|light| bt1886_inverse(light, SDR_BLACK..SDR_WHITE))
    }

    /// The light of a signal, in cd/m².
    fn light(&self, signal: [f64; 3]) -> [f64; 3] {
        if self.transfer == Transfer::Pq {
            return signal.map(pq_eotf);
        }
        // The display's gamma for its peak, ITU-R BT.2100.
        let gamma = (1.2 + 0.42 * (self.peak / HLG_PEAK).log10()).max(1.0);
        let scene = signal.map(hlg_scene);
        let scale = self.peak * dot(LUMINANCE, scene).powf(gamma - 1.0);
        scene.map(|light| light * scale)
    }
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests;
