//! The right result of each case, in the order of `cases.tsv`.

use gifgen_testkit::media;

use super::{
    looks,
    want::{Case, Pictures, Refusal, Truth, Want},
};
use crate::{film::Film, number::Area};

/// Ten pictures a second that count from 0.
fn tenths(length: f64) -> Film {
    Film::in_tenths(length, tenth)
}

/// The number of the picture at a time of such a film.
fn tenth(time: f64) -> u32 {
    (time * 10.0).round() as u32
}

/// All cases.
pub fn all() -> Vec<Case> {
    let mut cases = from_reports();
    cases.extend(real_files());
    cases.extend(from_the_search());
    cases
}

fn from_reports() -> Vec<Case> {
    // The pictures after the hole refer to lost ones until the keyframe at 20 s.
    let with_hole = || tenths(40.0).hit(11.9, 20.0);
    // The picture at 11.8 s is lost, too, and FFmpeg takes those around it for damaged.
    let with_early_hole = tenths(40.0).hit(11.7, 20.0);
    let scrambled = || tenths(40.0).hit(12.0, 18.0);
    vec![
        Case::film("25-png-cover/png-cover.mkv", tenths(10.0)),
        Case::film("32-ts-scrambled/scrambled.ts", scrambled()),
        Case::film("32-ts-scrambled/lost.ts", scrambled()),
        Case::film("33-holes/hole-mpeg4.avi", with_hole()),
        incomplete("33-holes/hole-h264-frag.mp4", with_early_hole),
        Case::film("33-holes/hole-h264.mkv", with_hole()),
        Case::film("38-wild-time/wild.ts", with_odd_pictures()),
        Case::decoded("37-static-screen/s.mp4", 177.1),
        incomplete("06-webm-concat/joined.webm", tenths(35.0)),
        incomplete("06-webm-concat/joined.flv", tenths(35.0)),
        Case::decoded("10-lowfps-benign/badsei.mp4", 90.0),
        Case::decoded("10-lowfps-benign/clean.mp4", 90.0),
        Case::decoded("11-interlaced-resize/down.ts", 19.96),
        Case::new("01-jpg709/bars709.mp4", Want::Film(Truth::Length(3.0)))
            .with_look(looks::bars)
            .with_sheets(looks::bars_of_sheets),
        // Pictures behind those that are not coded are garbled, because the file was made so.
        Case::pictures("21-nvop/nvop.avi", "0:v:0", 40.0),
        Case::refused("08-cenc/cbcs.mp4", "encrypted"),
        Case::film("31-flv-second-header/append-pps.flv", tenths(70.0)),
        Case::film("05-dynsize/turned.webm", turned()),
        incomplete("19-pid-change/pid.ts", tenths(40.0)),
        Case::film("39-false-keyflags/allkey-mpeg4.mp4", tenths(65.0)),
        animation("14-codecs/qtrle.mov", 3.0),
        Case::decoded_or_named("14-codecs/x.gxf", 1.2, None, &["GXF"]),
        Case::decoded_or_named(
            "14-codecs/zmbv.avi",
            3.0,
            Some("unsupportedCodec"),
            &["ZMBV", "Zip Motion", "DOSBox"],
        ),
        Case::decoded_or_named("14-codecs/camera.h264", 3.0, None, &["raw"]),
        Case::new("29-tile-bleed/film.mp4", Want::Film(Truth::Length(30.0)))
            .with_sheets(looks::flat_tiles),
        Case::film(
            "24-multi-edit/cut.mp4",
            Film::in_tenths(39.5, |time| tenth(time) + if time < 9.95 { 0 } else { 105 }),
        ),
        turned_by_sei("02-sei-rotate/sei90.mp4"),
    ]
}

fn real_files() -> Vec<Case> {
    let damaged = Pictures {
        of: media::video("d44"),
        stream: "0:v:0",
        length: 139.4,
        odd: 0,
        turn: None,
        damaged: 10.0..15.0,
    };
    let named = |names| Refusal::new("unsupportedCodec", names);
    let vvc = Want::FilmOrRefused(Truth::Length(2.0), named(&["VVC"]));
    let dolby = Want::FilmOrRefused(Truth::Length(3.966), named(&["Dolby", "dav1"]));
    let aletrek = "real/aletrek-rle.mov";
    let aletrek_film = Truth::pictures(aletrek, "0:v:0", 10.0 / 3.0);
    vec![
        Case::refused("real/cbcs.mp4", "encrypted"),
        Case::refused("real/subsample_encrypted.webm", "encrypted"),
        Case::refused("real/rot0mir0.avif", "notAVideo"),
        Case::pictures("real/xheaac_h264.mp4", "0:v:0", 4.64),
        Case::pictures("real/testASF.asf", "0:v:0", 14.116),
        Case::pictures("real/testASF_x3.asf", "0:v:0", 42.3),
        Case::new("real/vvc_400kbps_2s.mp4", vvc),
        Case::new("real/video_dovi_3840x2160_30fps_dav1_10.mp4", dolby),
        Case::refused("real/projection_float_overflow.webm", "unreadable"),
        Case::new(
            "real/damaged_h264_5s.mp4",
            Want::Film(Truth::Pictures(damaged)),
        ),
        Case::pictures("real/freeMXF-mxf1a.mxf", "0:v:0", 10.64),
        Case::new(aletrek, Want::FilmOrRefused(aletrek_film, named(ANIMATION))),
    ]
}

fn from_the_search() -> Vec<Case> {
    vec![
        Case::film("s01-stream-choice/poster.mkv", tenths(40.0)),
        Case::film("s01-stream-choice/short-first.mp4", tenths(40.0)),
        Case::film("s01-stream-choice/ts-absent.ts", tenths(40.0)),
        Case::film("s01-stream-choice/v-emptyfirst.mp4", tenths(40.0)),
        Case::film(
            "s02-edit-lists/m-emptymid.mp4",
            Film::in_tenths(45.0, |time| match tenth(time) {
                before @ 0..200 => before,
                200..250 => 199,
                after => after - 50,
            }),
        ),
        Case::film("s02-edit-lists/e-dur0.mp4", tenths(40.0)),
        Case::film(
            "s02-edit-lists/e-rate2.mp4",
            Film::in_tenths(20.0, |time| 2 * tenth(time)),
        ),
        Case::film("s03-ts-sparse-pts/g100-ptsonlykey.ts", tenths(40.0)),
        Case::film("s04-clock-leaps/ts-jump20h.ts", tenths(40.0)),
        Case::film("s05-hls-reset/hls-reset.ts", tenths(40.0)),
        Case::film("s06-fragments-lost/fr-gap.mp4", tenths(40.0).hit(9.0, 15.0)),
        Case::film("s07-container-crop/p-clap.mp4", cropped()).with_look(looks::clean_aperture),
        Case::new("s08-alpha/al-prores.mov", Want::Film(Truth::Length(12.0)))
            .with_look(looks::transparent_left),
        Case::film("s09-ts-duplicates/tdup.ts", tenths(40.0)),
        Case::film("s10-late-picture/audiofirst.ts", tenths(40.0)),
        Case::new(
            "s12-words/p-1-1000.mp4",
            Want::Refused(Refusal {
                reason: None,
                names: &["shape"],
            }),
        ),
    ]
}

/// All pictures are turned, though FFmpeg 5.1 turns only the first one. It also builds its filters again at the second
/// one, and so loses the first.
fn turned_by_sei(file: &'static str) -> Case {
    let pictures = Pictures {
        of: super::folder().join(file),
        stream: "0:v:0",
        length: 4.0,
        odd: 1,
        turn: Some("transpose=cclock"),
        damaged: 0.0..0.0,
    };
    Case::new(file, Want::Film(Truth::Pictures(pictures))).with_look(looks::upright)
}

/// People's names of the codec.
const ANIMATION: &[&str] = &["QuickTime Animation"];

fn animation(file: &'static str, length: f64) -> Case {
    Case::decoded_or_named(file, length, Some("unsupportedCodec"), ANIMATION)
}

/// The film, or anything that is not called complete and shows nothing else.
fn incomplete(file: &'static str, film: Film) -> Case {
    Case::new(file, Want::FilmOrIncomplete(Truth::Numbers(film)))
}

/// The pictures that claim other times may be missing or shown.
fn with_odd_pictures() -> Film {
    tenths(60.0).hit(5.0, 5.1).hit(45.0, 45.1)
}

/// A film whose pictures are portrait from 4 to 8 s. They are fitted into the landscape.
fn turned() -> Film {
    let mut film = tenths(12.0);
    film.area = |time| {
        let width = (180.0 / 320.0) * (180.0 / 320.0);
        match (40..80).contains(&((time * 10.0).round() as u32)) {
            true => Area {
                x: (1.0 - width) / 2.0,
                width,
                ..Area::WHOLE
            },
            false => Area::WHOLE,
        }
    };
    film
}

/// Pictures of 160 × 96 of which the middle 100 × 60 are to be seen: the columns of the bits 3 to 12.
fn cropped() -> Film {
    let mut film = tenths(40.0);
    film.mask = 0b1_1111_1111_1000;
    film.area = |_| Area {
        x: -0.3,
        y: -0.3,
        width: 1.6,
        height: 1.6,
    };
    film
}
