//! Tests of the encoder against a third party's decoder.

mod dithering;
mod properties;
mod viewed;

use std::num::NonZero;

use self::{
    properties::{Content, check, pictures_of},
    viewed::{View, distance, encode, planes, view},
};
use crate::{
    dither::Dither,
    encoder::{Encoder, Gif},
    planes::{Colour, Planes},
};

const SMALL: Gif = Gif {
    width: NonZero::new(32).unwrap(),
    height: NonZero::new(18).unwrap(),
    fps: NonZero::new(10).unwrap(),
    dither: Dither::Ordered,
};

const ALL: usize = usize::MAX;

fn plain(colour: Colour, gif: Gif) -> Planes {
    planes(&vec![colour; gif.pixels()])
}

#[test]
fn thirty_pictures_a_second_take_just_a_second() {
    let gif = Gif {
        fps: NonZero::new(30).unwrap(),
        ..SMALL
    };
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
fn few_colours_are_shown_as_they_are_even_where_the_palette_before_has_near_ones() {
    let many: Vec<Colour> = (0..32 * 18)
        .map(|place| [place % 8, place / 8 % 8, place / 64].map(|level| 100 + level as u8))
        .collect();
    let few: Vec<Colour> = (0..32 * 18)
        .map(|place| [100 + (place % 4) as u8; 3])
        .collect();
    let pictures = [planes(&many), planes(&few)];
    let viewed = view(&encode(SMALL, 3 * many.len(), &pictures));
    assert_ne!(viewed.pictures[0].palette, viewed.pictures[1].palette);
    assert_eq!(viewed.pictures[1].colours, few);
}

#[test]
fn the_dictionary_may_fill_up_many_times() {
    let gif = Gif {
        width: NonZero::new(1280).unwrap(),
        height: NonZero::new(40).unwrap(),
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
        width: NonZero::new(64).unwrap(),
        height: NonZero::new(36).unwrap(),
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
