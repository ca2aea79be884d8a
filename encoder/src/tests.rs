//! The encoder against a decoder that is not ours.

use gif::{ColorOutput, DecodeOptions, DisposalMethod, Repeat};
use proptest::{prelude::*, test_runner::TestCaseError};

use crate::{
    dither::Dither,
    encoder::{Encoder, Gif},
    nearest::square_distance,
    planes::{Colour, Planes},
};

/// A GIF as a viewer shows it.
struct Viewed {
    width: usize,
    pictures: Vec<View>,
}

struct View {
    colours: Vec<Colour>,
    /// The palette that was in force.
    palette: Vec<Colour>,
    delay: u16,
    drawn: (u16, u16),
}

fn encode(gif: Gif, kept_bytes: usize, pictures: &[Planes]) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new(), gif).keeping(kept_bytes);
    for picture in pictures {
        encoder.push(picture.bytes()).unwrap();
    }
    let encoded = encoder.finish().unwrap();
    assert_eq!(encoded.pictures as usize, pictures.len());
    encoded.output
}

fn view(bytes: &[u8]) -> Viewed {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.check_frame_consistency(true);
    let mut decoder = options.read_info(bytes).unwrap();
    let width = usize::from(decoder.width());
    let global = colours_of(decoder.global_palette().unwrap());
    let mut canvas: Vec<Option<Colour>> = vec![None; width * usize::from(decoder.height())];
    let mut pictures: Vec<View> = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        assert_eq!(frame.dispose, DisposalMethod::Keep);
        let local = frame.palette.as_deref().map(colours_of);
        let columns = usize::from(frame.width);
        for (row, pixels) in frame.buffer.chunks_exact(columns).enumerate() {
            let start = (usize::from(frame.top) + row) * width + usize::from(frame.left);
            for (shown, pixel) in canvas[start..].iter_mut().zip(pixels) {
                if Some(*pixel) != frame.transparent {
                    *shown = Some(local.as_ref().unwrap_or(&global)[usize::from(*pixel)]);
                }
            }
        }
        // The entries behind that for "stay as it is" are nobody's.
        let used = usize::from(frame.transparent.unwrap());
        let in_force = match pictures.last() {
            Some(last) if columns == 1 && frame.height == 1 => last.palette.clone(),
            _ => local.as_ref().unwrap_or(&global)[..used].to_vec(),
        };
        pictures.push(View {
            colours: canvas.iter().map(|colour| colour.unwrap()).collect(),
            palette: in_force,
            delay: frame.delay,
            drawn: (frame.width, frame.height),
        });
    }
    assert_eq!(decoder.repeat(), Repeat::Infinite);
    Viewed { width, pictures }
}

fn colours_of(palette: &[u8]) -> Vec<Colour> {
    palette.as_chunks().0.to_vec()
}

fn planes(colours: &[Colour]) -> Planes {
    let plane = |channel: usize| colours.iter().map(move |colour| colour[channel]);
    Planes::new(plane(1).chain(plane(2)).chain(plane(0)).collect())
}

fn distance(one: Colour, other: Colour) -> f32 {
    square_distance(one.map(f32::from), other.map(f32::from)).sqrt()
}

/// How far a colour may be from its palette's nearest: what is taken for still, for alike, and
/// for the same bin.
const SLACK: f32 = 3.5 + 10.0 + 4.5;

/// How much farther the second colour of a mixture may be.
const MIXED: f32 = 64.0;

#[derive(Clone, Copy, Debug)]
enum Content {
    Noise,
    Few,
    Drifting,
}

prop_compose! {
    fn a_gif()(
        width in 1u16..40,
        height in 1u16..40,
        fps in 1u32..=50,
        dither in prop::sample::select(vec![Dither::None, Dither::Ordered, Dither::Diffusion]),
    ) -> Gif {
        Gif { width, height, fps, dither }
    }
}

/// Pictures of `content`, from a seed.
fn pictures_of(content: Content, gif: Gif, count: u32, seed: u64) -> Vec<Vec<Colour>> {
    let mut random = fastrand::Rng::with_seed(seed);
    let pixels = usize::from(gif.width) * usize::from(gif.height);
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

fn check(
    content: Content,
    gif: Gif,
    kept: usize,
    sources: &[Vec<Colour>],
) -> Result<(), TestCaseError> {
    let pictures: Vec<Planes> = sources.iter().map(|colours| planes(colours)).collect();
    let viewed = view(&encode(gif, kept, &pictures));
    prop_assert_eq!(viewed.width, usize::from(gif.width));
    prop_assert_eq!(viewed.pictures.len(), sources.len());
    let total: u32 = viewed
        .pictures
        .iter()
        .map(|view| u32::from(view.delay))
        .sum();
    let wanted = (sources.len() as f64 * 100.0 / f64::from(gif.fps)).round();
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
                // It passes errors on without bound.
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
        let bytes = 3 * usize::from(gif.width) * usize::from(gif.height);
        check(content, gif, kept_pictures * bytes, &sources)?;
    }
}

const SMALL: Gif = Gif {
    width: 32,
    height: 18,
    fps: 10,
    dither: Dither::Ordered,
};

const ALL: usize = usize::MAX;

fn plain(colour: Colour, gif: Gif) -> Planes {
    planes(&vec![
        colour;
        usize::from(gif.width) * usize::from(gif.height)
    ])
}

#[test]
fn thirty_pictures_a_second_take_just_a_second() {
    let gif = Gif { fps: 30, ..SMALL };
    let pictures: Vec<Planes> = (0..30).map(|n| plain([n * 8; 3], gif)).collect();
    let delays: Vec<u16> = view(&encode(gif, ALL, &pictures))
        .pictures
        .iter()
        .map(|view| view.delay)
        .collect();
    assert_eq!(delays[..6], [3, 4, 3, 3, 4, 3]);
    assert_eq!(delays.iter().sum::<u16>(), 100);
}

#[test]
fn a_picture_that_stands_still_takes_no_more_than_a_few_bytes() {
    let seen: Vec<Colour> = pictures_of(Content::Noise, SMALL, 1, 1).remove(0);
    let one = encode(SMALL, ALL, &[planes(&seen)]);
    let still = vec![planes(&seen); 300];
    let bytes = encode(SMALL, ALL, &still);
    assert!(
        bytes.len() - one.len() < 300 * 26,
        "{}",
        bytes.len() - one.len()
    );
    let viewed = view(&bytes);
    assert_eq!(viewed.pictures.len(), 300);
    assert!(viewed.pictures[1..].iter().all(|view| view.drawn == (1, 1)));
}

#[test]
fn only_what_changes_is_drawn() {
    let mut colours = vec![[40; 3]; 32 * 18];
    let first = planes(&colours);
    colours[5 * 32 + 7] = [200; 3];
    colours[6 * 32 + 9] = [200; 3];
    let viewed = view(&encode(SMALL, ALL, &[first, planes(&colours)]));
    assert_eq!(viewed.pictures[1].drawn, (3, 2));
    assert_eq!(viewed.pictures[1].colours, colours);
}

#[test]
fn one_and_two_colours_are_shown_as_they_are() {
    let one = view(&encode(SMALL, ALL, &[plain([1, 2, 3], SMALL)]));
    assert!(
        one.pictures[0]
            .colours
            .iter()
            .all(|colour| *colour == [1, 2, 3])
    );
    let two = [plain([255; 3], SMALL), plain([0; 3], SMALL)];
    let two = view(&encode(SMALL, ALL, &two));
    assert_eq!(two.pictures[1].colours[0], [0; 3]);
}

#[test]
fn a_scene_in_other_colours_gets_a_palette_of_its_own_when_the_first_is_written() {
    let ramp = |channel: usize| -> Vec<Colour> {
        let level = |place: usize| (place * 255 / (32 * 18)) as u8;
        (0..32 * 18)
            .map(|place| {
                let mut colour = [level(place) / 8; 3];
                colour[channel] = level(place);
                colour
            })
            .collect()
    };
    let (red, blue) = (ramp(0), ramp(2));
    let bytes = 3 * red.len();
    let pictures = [planes(&red), planes(&blue), planes(&blue)];
    let viewed = view(&encode(SMALL, bytes, &pictures));
    assert_ne!(viewed.pictures[0].palette, viewed.pictures[1].palette);
    for (shown, wanted) in viewed.pictures[2].colours.iter().zip(&blue) {
        assert!(distance(*shown, *wanted) < 8.0, "{shown:?} for {wanted:?}");
    }
}

#[test]
fn the_dictionary_may_fill_up_many_times() {
    let gif = Gif {
        width: 1280,
        height: 40,
        ..SMALL
    };
    for content in [Content::Noise, Content::Drifting] {
        let sources = pictures_of(content, gif, 3, 7);
        check(
            content,
            Gif {
                dither: Dither::None,
                ..gif
            },
            ALL,
            &sources,
        )
        .unwrap();
    }
}

#[test]
fn a_picture_of_another_size_and_none_at_all_are_errors() {
    let mut encoder = Encoder::new(Vec::new(), SMALL);
    let message = encoder.push(&[0; 9]).unwrap_err().to_string();
    assert_eq!(message, "a picture has 9 bytes, not 1728");
    assert_eq!(
        encoder.finish().unwrap_err().to_string(),
        "a GIF needs a picture"
    );
}

#[test]
fn what_stands_still_keeps_its_colours_however_long_the_rest_moves() {
    let gif = Gif {
        width: 64,
        height: 36,
        ..SMALL
    };
    let mut random = fastrand::Rng::with_seed(5);
    let mut colours: Vec<Colour> = (0..64 * 36)
        .map(|_| [random.u8(100..110); 3].map(|level| level + random.u8(..10)))
        .collect();
    let pictures: Vec<Planes> = (0..200)
        .map(|_| {
            for colour in colours.iter_mut().step_by(2) {
                *colour = [random.u8(100..110); 3].map(|level| level + random.u8(..10));
            }
            planes(&colours)
        })
        .collect();
    let viewed = view(&encode(gif, ALL, &pictures));
    let still =
        |view: &View| -> Vec<Colour> { view.colours.iter().skip(1).step_by(2).copied().collect() };
    assert_eq!(still(&viewed.pictures[199]), still(&viewed.pictures[0]));
}
