//! Property tests with random GIFs.

use std::num::NonZero;

use proptest::{prelude::*, test_runner::TestCaseError};

use super::viewed::{distance, encode, planes, view};
use crate::{
    dither::Dither,
    encoder::Gif,
    planes::{Colour, Planes},
};

/// Largest distance of a colour from the nearest entry: stabilizing, interchangeable entries, and
/// bins.
const SLACK: f32 = 3.5 + 10.0 + 4.5;

/// How much farther the second colour of a mixture may be.
const MIXED: f32 = 64.0;

#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    Noise,
    Few,
    Drifting,
}

fn side() -> impl Strategy<Value = NonZero<u16>> {
    (1u16..40).prop_map(|side| NonZero::new(side).unwrap())
}

prop_compose! {
    fn a_gif()(
        width in side(),
        height in side(),
        fps in (1u32..=50).prop_map(|fps| NonZero::new(fps).unwrap()),
        dither in prop::sample::select(vec![Dither::None, Dither::Ordered, Dither::Diffusion]),
    ) -> Gif {
        Gif { width, height, fps, dither }
    }
}

pub(super) fn pictures_of(content: Content, gif: Gif, count: u32, seed: u64) -> Vec<Vec<Colour>> {
    let mut random = fastrand::Rng::with_seed(seed);
    let pixels = gif.pixels();
    let few: Vec<Colour> = (0..4)
        .map(|_| random.u32(..).to_le_bytes())
        .map(|[r, g, b, _]| [r, g, b])
        .collect();
    let mut picture: Vec<Colour> = vec![few[0]; pixels];
    (0..count)
        .map(|_| {
            for colour in &mut picture {
                match content {
                    Content::Noise => *colour = [random.u8(..), random.u8(..), random.u8(..)],
                    Content::Few if random.u8(..) < 40 => *colour = few[random.usize(..4)],
                    Content::Few => {}
                    Content::Drifting if random.u8(..) < 3 => {
                        *colour = [random.u8(..), random.u8(..), random.u8(..)];
                    }
                    Content::Drifting => {
                        *colour = colour.map(|level| {
                            level.saturating_add(random.u8(..3)) - u8::from(level > 0)
                        });
                    }
                }
            }
            picture.clone()
        })
        .collect()
}

pub(super) fn check(
    content: Content,
    gif: Gif,
    kept: usize,
    sources: &[Vec<Colour>],
) -> Result<(), TestCaseError> {
    let pictures: Vec<Planes> = sources.iter().map(|colours| planes(colours)).collect();
    let viewed = view(&encode(gif, kept, &pictures));
    prop_assert_eq!(viewed.width, gif.columns());
    prop_assert_eq!(viewed.pictures.len(), sources.len());
    let total: u32 = viewed
        .pictures
        .iter()
        .map(|view| u32::from(view.delay))
        .sum();
    let wanted = (sources.len() as f64 * 100.0 / f64::from(gif.fps.get())).round();
    prop_assert_eq!(f64::from(total), wanted);
    for (view, source) in viewed.pictures.iter().zip(sources) {
        for (shown, wanted) in view.colours.iter().zip(source) {
            let missed = distance(*shown, *wanted);
            let best = view
                .palette
                .iter()
                .map(|entry| distance(*entry, *wanted))
                .fold(f32::MAX, f32::min);
            let allowed = match (content, gif.dither) {
                (Content::Few, _) => 3.5,
                (_, Dither::None) => best + SLACK,
                (_, Dither::Ordered) => best + SLACK + MIXED,
                // Diffusion can move a pixel anywhere. It keeps the mean, which the test below
                // checks.
                (_, Dither::Diffusion) => f32::MAX,
            };
            prop_assert!(
                missed <= allowed,
                "{shown:?} for {wanted:?}: {missed}, not {allowed}"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn every_pixel_shows_its_source_as_near_as_the_palette_can(
        gif in a_gif(),
        content in prop::sample::select(vec![Content::Noise, Content::Few, Content::Drifting]),
        count in 1u32..9,
        kept_pictures in 1usize..5,
        seed: u64,
    ) {
        let sources = pictures_of(content, gif, count, seed);
        let bytes = 3 * gif.pixels();
        check(content, gif, kept_pictures * bytes, &sources)?;
    }
}

/// Side of an averaged square, in pixels.
const SQUARE: usize = 8;

/// Largest error of a smooth square's mean: the tolerance of interchangeable entries, and half the
/// distance between entries of a palette that has little else to show.
const MEAN: f32 = 2.5 + 1.5;

prop_compose! {
    /// Moving gradients, in sizes that are whole squares.
    fn slopes()(
        gif in a_gif(),
        squares in (1u16..5, 1u16..5),
        base in prop::array::uniform3(0u8..100),
        across in prop::array::uniform3(0u8..3),
        down in prop::array::uniform3(0u8..3),
        drift in prop::array::uniform3(0u8..4),
        count in 1u8..5,
    ) -> (Gif, Vec<Vec<Colour>>) {
        let side = |squares: u16| NonZero::new(squares * SQUARE as u16).unwrap();
        let gif = Gif { width: side(squares.0), height: side(squares.1), ..gif };
        let colour = |x: u8, y: u8, t: u8| {
            [0, 1, 2].map(|c| base[c] + across[c] * x + down[c] * y + drift[c] * t)
        };
        let picture = |t: u8| {
            (0..gif.pixels())
                .map(|place| (place % gif.columns(), place / gif.columns()))
                .map(|(x, y)| colour(x as u8, y as u8, t))
                .collect()
        };
        (gif, (0..count).map(picture).collect())
    }
}

proptest! {
    #[test]
    fn smooth_parts_keep_their_mean_whatever_the_dithering((gif, sources) in slopes()) {
        let pictures: Vec<Planes> = sources.iter().map(|colours| planes(colours)).collect();
        let viewed = view(&encode(gif, usize::MAX, &pictures));
        for (view, source) in viewed.pictures.iter().zip(&sources) {
            let columns = gif.columns();
            let mut missed = vec![[0.0; 3]; gif.pixels()];
            for (place, (shown, wanted)) in view.colours.iter().zip(source).enumerate() {
                let (x, y) = (place % columns / SQUARE, place / columns / SQUARE);
                for channel in 0..3 {
                    let error = f32::from(shown[channel]) - f32::from(wanted[channel]);
                    missed[y * columns + x][channel] += error / (SQUARE * SQUARE) as f32;
                }
            }
            for level in missed.iter().flatten() {
                prop_assert!(level.abs() <= MEAN, "{level}");
            }
        }
    }
}
