//! Colours come back as they were put in, whatever the video says of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use image::RgbImage;
use tempfile::TempDir;

use crate::support::{ffmpeg, names, pictures, run};

type Rgb = [u8; 3];

const PATCHES: [Rgb; 6] = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [198, 134, 66],
    [0, 128, 128],
    [128, 128, 128],
];

/// Most by which a channel may differ.
const TOLERANCE: u8 = 3;

/// Two seconds of patches side by side, as raw RGB.
fn raw(size: (u32, u32), patches: &[Rgb], folder: &Path) -> PathBuf {
    let path = folder.join("patches.rgb");
    let width = size.0 / patches.len() as u32;
    let picture = RgbImage::from_fn(size.0, size.1, |x, _| {
        let index = (x / width).min(patches.len() as u32 - 1);
        image::Rgb(patches[index as usize])
    });
    fs::write(&path, picture.as_raw().repeat(2)).unwrap();
    path
}

/// A video of patches, coded by the filters `coding` and the encoder's arguments.
fn video(
    size: (u32, u32),
    patches: &[Rgb],
    (coding, encoder): (&str, &str),
    file: &str,
    folder: &Path,
) -> PathBuf {
    let raw = raw(size, patches, folder);
    let video = folder.join(file);
    let size = format!("{}x{}", size.0, size.1);
    let input = [
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-r", "1", "-s", &size,
    ];
    let mut args: Vec<&str> = input.to_vec();
    args.extend(["-i", raw.to_str().unwrap(), "-vf", coding]);
    args.extend(encoder.split_whitespace());
    args.push(video.to_str().unwrap());
    ffmpeg(args);
    video
}

/// The middles of the patches in a picture.
fn middles(picture: &RgbImage, patches: u32) -> Vec<Rgb> {
    let at = |index: u32| (2 * index + 1) * picture.width() / (2 * patches);
    let middle = picture.height() / 2;
    (0..patches)
        .map(|index| picture.get_pixel(at(index), middle).0)
        .collect()
}

/// All pictures that `gifgen run` makes of a video: stills, tiles of the first sheet, and the GIF's.
fn previews(video: &Path) -> Vec<(String, RgbImage)> {
    let out = TempDir::new().unwrap();
    let mut found = Vec::new();
    for (frames, flags) in [
        ("each", &["--frames", "each"][..]),
        // In small tiles JPG mixes the colours of neighbours.
        (
            "storyboard",
            &["--frames", "storyboard", "--frame-width", "320"],
        ),
    ] {
        let out = out.path().join(frames);
        let (code, _, stderr) = run(&[video.to_owned()], &out, flags);
        assert_eq!(code, Some(0), "{}: {stderr}", video.display());
        let folder = out.join(video.file_name().unwrap());
        let stills = folder.join("frames");
        for name in names(&stills) {
            let still = image::open(stills.join(&name)).unwrap().to_rgb8();
            found.push((format!("still {name}"), still));
        }
        let sheets = folder.join("storyboards");
        for name in names(&sheets) {
            let sheet = image::open(sheets.join(&name)).unwrap().to_rgb8();
            // Two seconds are two tiles in one row.
            for tile in 0..2 {
                let (width, height) = (sheet.width() / 2, sheet.height());
                let tile = image::imageops::crop_imm(&sheet, tile * width, 0, width, height);
                found.push((format!("sheet {name}"), tile.to_image()));
            }
        }
        for (picture, _) in pictures(&folder.join("gifs/000000.gif")) {
            let picture = image::DynamicImage::from(picture).to_rgb8();
            found.push((format!("GIF beside {frames}"), picture));
        }
    }
    found
}

/// The patches in the previews that are not as they should be.
fn wrong(video: &Path, wanted: &[Rgb]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, picture) in previews(video) {
        let found = middles(&picture, wanted.len() as u32);
        let off = |(a, b): (&Rgb, &Rgb)| (0..3).any(|c| a[c].abs_diff(b[c]) > TOLERANCE);
        if found.iter().zip(wanted).any(off) {
            wrong.push(format!("{}: {name} is {found:?}", video.display()));
        }
    }
    wrong.dedup();
    wrong
}

const X264: &str = "-c:v libx264 -qp 0";
const UNTAGGED: &str = "-c:v libx264 -qp 0 -bsf:v h264_metadata=matrix_coefficients=2";

/// Codings of pictures of a size, and their files.
fn codings(size: (u32, u32)) -> Vec<(String, String, &'static str)> {
    let own = if size.0 >= 1280 { "bt709" } else { "bt601" };
    let mut all = Vec::new();
    let mut add = |coding: String, encoder: &str, file| all.push((coding, encoder.into(), file));
    for (matrix, tag) in [
        ("bt601", "smpte170m"),
        ("bt709", "bt709"),
        ("bt2020", "bt2020nc"),
    ] {
        for range in ["tv", "pc"] {
            let formats = ["yuv420p", "yuv444p", "yuv420p10"];
            // The size only matters where nothing is named.
            let wanted = if size.0 >= 1280 { 3 } else { 1 };
            for format in &formats[..wanted] {
                let encoder = format!("{X264} -colorspace {tag} -color_range {range}");
                let coding = format!("scale=out_color_matrix={matrix}:out_range={range}");
                add(format!("{coding},format={format}"), &encoder, "tagged.mp4");
            }
        }
    }
    let untagged = format!("scale=out_color_matrix={own}");
    add(
        format!("{untagged},format=yuv420p"),
        UNTAGGED,
        "untagged.mp4",
    );
    add(
        format!("{untagged},format=yuv422p10"),
        "-c:v prores_ks",
        "prores.mov",
    );
    add(
        format!("{untagged},format=yuv444p"),
        "-c:v ffv1",
        "ffv1.mkv",
    );
    add("format=gbrp".into(), "-c:v libx264rgb -qp 0", "rgb.mp4");
    add("format=bgr0".into(), "-c:v ffv1", "rgb.mkv");
    all
}

fn patches_come_back(size: (u32, u32)) {
    let mut all_wrong = Vec::new();
    for (coding, encoder, file) in codings(size) {
        let folder = TempDir::new().unwrap();
        let video = video(size, &PATCHES, (&coding, &encoder), file, folder.path());
        let wrong = wrong(&video, &PATCHES);
        all_wrong.extend(wrong.iter().map(|wrong| format!("{coding} {wrong}")));
    }
    assert!(all_wrong.is_empty(), "{}", all_wrong.join("\n"));
}

#[test]
fn patches_of_high_definition_keep_their_colours() {
    patches_come_back((1280, 720));
}

#[test]
fn patches_of_standard_definition_keep_their_colours() {
    patches_come_back((640, 360));
}

#[test]
fn patches_of_odd_sizes_keep_their_colours() {
    for (size, more) in [
        ((853, 479), "format=yuv444p"),
        // Shown as 641 pixels wide.
        ((640, 360), "format=yuv420p,setsar=641/640"),
    ] {
        let folder = TempDir::new().unwrap();
        let coding = format!("scale=out_color_matrix=bt709:out_range=tv,{more}");
        let encoder = format!("{X264} -colorspace bt709 -color_range tv");
        let video = video(
            size,
            &PATCHES,
            (&coding, &encoder),
            "odd.mp4",
            folder.path(),
        );
        assert_eq!(wrong(&video, &PATCHES), Vec::<String>::new());
    }
}

#[test]
fn grey_keeps_its_brightness_in_both_ranges() {
    let greys = [[0; 3], [64; 3], [128; 3], [200; 3], [255; 3]];
    for (range, encoder, file) in [
        ("tv", "-c:v libx264 -qp 0 -color_range tv", "limited.mp4"),
        ("pc", "-c:v libx264 -qp 0 -color_range pc", "full.mp4"),
        ("tv", X264, "untagged.mp4"),
        ("pc", "-c:v ffv1", "ffv1.mkv"),
    ] {
        let folder = TempDir::new().unwrap();
        let coding = format!("scale=out_range={range},format=gray");
        let video = video((640, 360), &greys, (&coding, encoder), file, folder.path());
        assert_eq!(
            wrong(&video, &greys),
            Vec::<String>::new(),
            "{range} {encoder}"
        );
    }
}

#[test]
fn a_matrix_that_changes_in_mid_stream_is_taken_from_each_picture() {
    let folder = TempDir::new().unwrap();
    let part = |matrix: &str, tag: &str, start: &str| {
        let encoder = format!(
            "{X264} -g 1 -colorspace {tag} -color_range tv -muxdelay 0 -output_ts_offset {start}"
        );
        let coding = format!("scale=out_color_matrix={matrix}:out_range=tv,format=yuv420p");
        let file = format!("{matrix}.ts");
        video(
            (640, 360),
            &PATCHES,
            (&coding, &encoder),
            &file,
            folder.path(),
        )
    };
    let parts = [part("bt601", "smpte170m", "1"), part("bt709", "bt709", "3")];
    let joined = folder.path().join("joined.ts");
    fs::write(&joined, parts.map(|part| fs::read(part).unwrap()).concat()).unwrap();
    let wrong: Vec<String> = previews(&joined)
        .into_iter()
        .filter(|(name, _)| !name.starts_with("sheet"))
        .map(|(name, picture)| (name, middles(&picture, 6)))
        .filter(|(_, found)| {
            // Pictures with another matrix than the first are converted twice. Taken for that of the
            // first, they would differ by 40.
            let off = |(a, b): (&Rgb, &Rgb)| (0..3).any(|c| a[c].abs_diff(b[c]) > 2 * TOLERANCE);
            found.iter().zip(&PATCHES).any(off)
        })
        .map(|(name, found)| format!("{name} is {found:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn transparent_pictures_are_shown_on_black() {
    for (format, encoder, file) in [
        (
            "yuva444p10",
            "-c:v prores_ks -profile:v 4444 -alpha_bits 16",
            "prores.mov",
        ),
        ("yuva420p", "-c:v ffv1", "yuv.mkv"),
        ("bgra", "-c:v ffv1", "rgb.mkv"),
        (
            "yuva420p",
            "-c:v libvpx -b:v 4M -auto-alt-ref 0",
            "vp8.webm",
        ),
        ("yuva420p", "-c:v libvpx-vp9 -crf 4 -b:v 0", "vp9.webm"),
    ] {
        let folder = TempDir::new().unwrap();
        // Hidden red, half transparent white, and green.
        let alpha = "geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':\
                     a='if(lt(X,W/3),0,if(lt(X,2*W/3),128,255))'";
        let coding = format!("format=rgba,{alpha},scale=out_color_matrix=bt601,format={format}");
        let colours = [[255, 0, 0], [255; 3], [0, 200, 0]];
        let video = video((192, 96), &colours, (&coding, encoder), file, folder.path());
        let shown = [[0; 3], [128; 3], [0, 200, 0]];
        assert_eq!(wrong(&video, &shown), Vec::<String>::new(), "{encoder}");
    }
}

#[test]
fn hdr_is_shown_as_sdr() {
    // SDR's white, 203 cd/m², is 0.58 in PQ and 0.75 in HLG. Untreated, both look grey.
    for (transfer, grey, least) in [("smpte2084", 148, 160), ("arib-std-b67", 191, 200)] {
        let folder = TempDir::new().unwrap();
        let coding = "scale=out_color_matrix=bt2020,format=yuv420p10";
        let encoder = format!(
            "-c:v libx265 -x265-params lossless=1:log-level=error -color_primaries bt2020 \
             -colorspace bt2020nc -color_range tv -color_trc {transfer}"
        );
        let greys = [[0; 3], [grey; 3], [255; 3]];
        let video = video(
            (384, 216),
            &greys,
            (coding, &encoder),
            "hdr.mp4",
            folder.path(),
        );
        for (name, picture) in previews(&video) {
            let found = middles(&picture, 3);
            for [r, g, b] in &found {
                assert!(
                    r.abs_diff(*g) <= TOLERANCE && g.abs_diff(*b) <= TOLERANCE,
                    "{name} {found:?}"
                );
            }
            assert!(found[0][0] <= 2 && found[2][0] >= 253, "{name} {found:?}");
            assert!(found[1][0] >= least, "{transfer} {name} {found:?}");
        }
    }
}

#[test]
fn a_clean_aperture_is_all_that_is_shown() {
    let folder = TempDir::new().unwrap();
    // Only the patch in the middle is shown: 64 pixels of 192.
    let coding = "scale=out_color_matrix=bt601,format=yuv420p";
    let patches = [[255, 0, 0], [0, 200, 0], [0, 0, 255]];
    let film = video(
        (192, 96),
        &patches,
        (coding, X264),
        "film.mp4",
        folder.path(),
    );
    let bytes = with_clean_aperture(fs::read(film).unwrap(), [60, 1, 80, 1, 0, 1, 0, 1]);
    let cropped = folder.path().join("cropped.mp4");
    fs::write(&cropped, bytes).unwrap();
    for (name, picture) in previews(&cropped) {
        if name.starts_with("still") {
            assert_eq!(picture.dimensions(), (60, 80));
        }
        for (x, y) in [(1, 1), (picture.width() - 2, picture.height() - 2)] {
            let [r, g, b] = picture.get_pixel(x, y).0;
            assert!(r < 40 && g > 150 && b < 40, "{name} {:?}", [r, g, b]);
        }
    }
}

/// The MP4 with a box `clap` at the end of its only sample entry. Its `moov` must be at its end.
fn with_clean_aperture(mut file: Vec<u8>, clap: [u32; 8]) -> Vec<u8> {
    let numbers = clap.iter().flat_map(|number| number.to_be_bytes());
    let mut added = 40_u32.to_be_bytes().to_vec();
    added.extend(b"clap");
    added.extend(numbers);
    let mut end = 0;
    let mut from = 0;
    for kind in ["moov", "trak", "mdia", "minf", "stbl", "stsd", "avc1"] {
        let name = kind.as_bytes();
        let at = from
            + file[from..]
                .windows(4)
                .position(|four| four == name)
                .unwrap()
            - 4;
        let size = u32::from_be_bytes(*file[at..].first_chunk().unwrap());
        file[at..at + 4].copy_from_slice(&(size + added.len() as u32).to_be_bytes());
        end = at + size as usize;
        from = at + 8;
    }
    file.splice(end..end, added);
    file
}
