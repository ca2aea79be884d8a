//! The tone map against libplacebo's.

use super::*;

/// Colours that libplacebo 4.208 mapped with `bt.2390`, peak detection off, and SDR white at 203 cd/m².
/// `scripts/hdr-reference` makes the table. Columns: the stream, then red, green and blue of the signal
/// and of the result, 0 to 65,535.
const REFERENCE: &str = include_str!("reference.tsv");

/// Largest mean difference, in ΔE2000. Differences below 1 are invisible; those between 1 and 4 are
/// seen only side by side.
const MOST: f64 = 4.0;

fn stream(name: &str) -> Colour {
    let (transfer, peak) = match name {
        "pq" => (Transfer::Pq, None),
        "pq1000" => (Transfer::Pq, Some(1000)),
        "hlg" => (Transfer::Hlg, None),
        other => panic!("{other} is no stream"),
    };
    Colour {
        transfer,
        peak,
        ..Colour::default()
    }
}

#[test]
fn colours_are_as_libplacebo_shows_them() {
    for name in ["pq", "pq1000", "hlg"] {
        let map = ToneMap::of(&stream(name)).unwrap();
        let mut differences = Vec::new();
        for row in REFERENCE.lines().filter_map(|row| row.strip_prefix(name)) {
            let Some(row) = row.strip_prefix('\t') else {
                continue;
            };
            let numbers: Vec<f64> = row
                .split('\t')
                .map(|cell| cell.parse::<f64>().unwrap() / 65_535.0)
                .collect();
            let mapped = map.map([numbers[0], numbers[1], numbers[2]]);
            let wanted = [numbers[3], numbers[4], numbers[5]];
            differences.push(delta_e2000(lab(mapped), lab(wanted)));
        }
        assert!(differences.len() > 100, "{name}: {}", differences.len());
        let mean = differences.iter().sum::<f64>() / differences.len() as f64;
        assert!(mean <= MOST, "{name}: a mean ΔE2000 of {mean:.2}");
    }
}

#[test]
fn the_table_begins_with_black_and_ends_with_white() {
    let cube = ToneMap::of(&stream("pq1000")).unwrap().cube();
    let lines: Vec<&str> = cube.lines().collect();
    assert_eq!(lines.len(), 1 + SIDE * SIDE * SIDE);
    assert_eq!(lines[0], "LUT_3D_SIZE 33");
    assert_eq!(lines[1], "0.00000 0.00000 0.00000");
    let white = lines[lines.len() - 1].split(' ');
    // The matrix is rounded to four digits.
    let is_white = |value: &str| value.parse::<f64>().unwrap() > 0.9999;
    assert!(white.clone().all(is_white), "{white:?}");
}

#[test]
fn sdr_is_not_mapped() {
    assert!(ToneMap::of(&Colour::default()).is_none());
}

/// CIE L*a*b* of sRGB.
fn lab(rgb: [f64; 3]) -> [f64; 3] {
    const XYZ: [[f64; 3]; 3] = [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ];
    let linear = rgb.map(|value| {
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    });
    let white = [0.9505, 1.0, 1.089];
    let mut f = [0.0; 3];
    for (axis, row) in XYZ.into_iter().enumerate() {
        let value = dot(row, linear) / white[axis];
        f[axis] = if value > 0.008_856 {
            value.cbrt()
        } else {
            7.787 * value + 16.0 / 116.0
        };
    }
    [
        116.0 * f[1] - 16.0,
        500.0 * (f[0] - f[1]),
        200.0 * (f[1] - f[2]),
    ]
}

/// The CIE's difference of two colours (Sharma, Wu and Dalal, 2005).
fn delta_e2000(one: [f64; 3], other: [f64; 3]) -> f64 {
    let chroma = |lab: [f64; 3]| lab[1].hypot(lab[2]);
    let flat = |chroma: f64| (chroma.powi(7) / (chroma.powi(7) + 25f64.powi(7))).sqrt();
    let grey = 1.5 - 0.5 * flat((chroma(one) + chroma(other)) / 2.0);
    let polar = |lab: [f64; 3]| {
        let a = lab[1] * grey;
        (
            a.hypot(lab[2]),
            lab[2].atan2(a).to_degrees().rem_euclid(360.0),
        )
    };
    let ((c1, h1), (c2, h2)) = (polar(one), polar(other));
    let turn = if c1 * c2 == 0.0 {
        0.0
    } else {
        (h2 - h1 + 540.0).rem_euclid(360.0) - 180.0
    };
    let lightness = other[0] - one[0];
    let hue = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin();
    let (l, c) = ((one[0] + other[0]) / 2.0, (c1 + c2) / 2.0);
    let h = h1 + turn / 2.0;
    let cos = |factor: f64, shift: f64| (factor * h + shift).to_radians().cos();
    let t = 1.0 - 0.17 * cos(1.0, -30.0) + 0.24 * cos(2.0, 0.0) + 0.32 * cos(3.0, 6.0)
        - 0.20 * cos(4.0, -63.0);
    let from_grey = (l - 50.0).powi(2);
    let by_lightness = lightness / (1.0 + 0.015 * from_grey / (20.0 + from_grey).sqrt());
    let by_chroma = (c2 - c1) / (1.0 + 0.045 * c);
    let by_hue = hue / (1.0 + 0.015 * c * t);
    let blue = ((h.rem_euclid(360.0) - 275.0) / 25.0).powi(2);
    let rotation = -2.0 * flat(c) * (60.0 * (-blue).exp()).to_radians().sin();
    (by_lightness.powi(2) + by_chroma.powi(2) + by_hue.powi(2) + rotation * by_chroma * by_hue)
        .sqrt()
}

#[test]
fn the_measure_is_that_of_its_authors() {
    // Pairs 1, 7 and 25 of their test data.
    let pairs = [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
        (
            [60.2574, -34.0099, 36.2677],
            [60.4626, -34.1751, 39.4387],
            1.2644,
        ),
    ];
    for (one, other, wanted) in pairs {
        let found = delta_e2000(one, other);
        assert!((found - wanted).abs() < 1e-3, "{found} {wanted}");
    }
}
