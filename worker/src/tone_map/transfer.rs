//! Transfer functions between signals, 0 to 1, and light, in cd/m² unless said otherwise.

use std::ops::Range;

// The constants of PQ, SMPTE ST 2084.
const M1: f64 = 2610.0 / 16_384.0;
const M2: f64 = 2523.0 / 32.0;
const C1: f64 = 3424.0 / 4096.0;
const C2: f64 = 2413.0 / 128.0;
const C3: f64 = 2392.0 / 128.0;
const PQ_MOST: f64 = 10_000.0;

// The constants of HLG, ITU-R BT.2100.
const A: f64 = 0.178_832_77;
const B: f64 = 1.0 - 4.0 * A;
const C: f64 = 0.559_910_73;

/// Exponent of an SDR display, ITU-R BT.1886.
const BT1886: f64 = 2.4;

/// The light of a PQ signal.
pub(super) fn pq_eotf(signal: f64) -> f64 {
    let root = signal.powf(1.0 / M2);
    PQ_MOST * ((root - C1).max(0.0) / (C2 - C3 * root)).powf(1.0 / M1)
}

/// The PQ signal of light.
pub(super) fn pq_inverse(light: f64) -> f64 {
    let power = (light / PQ_MOST).powf(M1);
    ((C1 + C2 * power) / (1.0 + C3 * power)).powf(M2)
}

/// The light in the scene, 0 to 1, of an HLG signal.
pub(super) fn hlg_scene(signal: f64) -> f64 {
    if signal <= 0.5 {
        signal * signal / 3.0
    } else {
        (((signal - C) / A).exp() + B) / 12.0
    }
}

/// The signal with which a display of the range `display` shows light.
pub(super) fn bt1886_inverse(light: f64, display: Range<f64>) -> f64 {
    let root = |light: f64| light.powf(1.0 / BT1886);
    let (black, white) = (root(display.start), root(display.end));
    ((root(light) - black) / (white - black)).clamp(0.0, 1.0)
}
