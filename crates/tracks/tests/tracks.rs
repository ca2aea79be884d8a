//! The files of each format, and which pictures are in them.

use std::{cell::RefCell, collections::HashMap, io};

use gifgen_shared::TrackFormat;
use gifgen_tracks::{Sheet, Storyboard, TrackError, TrackFile, folder, needs_images, track_files};
use image::{ImageReader, Rgb, RgbImage, codecs::jpeg::JpegEncoder};
use proptest::prelude::*;

const SIZE: (u32, u32) = (32, 16);

/// A film, and its sheets by their addresses.
struct Film {
    storyboard: Storyboard,
    jpgs: HashMap<String, Vec<u8>>,
    reads: RefCell<Vec<String>>,
}

impl Film {
    /// A film with these tiles in each sheet: the start, and which picture of the sheet it shows.
    fn new(length: f64, sheets: &[Vec<(f64, u32)>]) -> Self {
        let mut jpgs = HashMap::new();
        let mut first = 0;
        let mut sheet = |(number, tiles): (usize, &Vec<(f64, u32)>)| {
            let url = format!("overview/{number:04}.jpg");
            let count = tiles.iter().map(|(_, place)| place + 1).max().unwrap_or(0);
            jpgs.insert(url.clone(), sheet_of(first, count));
            first += count;
            Sheet {
                url,
                columns: 10,
                tiles: tiles.clone(),
            }
        };
        let sheets = sheets.iter().enumerate().map(&mut sheet).collect();
        let storyboard = Storyboard {
            width: SIZE.0,
            height: SIZE.1,
            length,
            interval: 10,
            sheets,
            lost: Vec::new(),
        };
        Self {
            storyboard,
            jpgs,
            reads: RefCell::default(),
        }
    }

    fn files(&self, format: TrackFormat) -> Result<Vec<TrackFile>, TrackError<io::Error>> {
        track_files(format, &self.storyboard, |url| {
            self.reads.borrow_mut().push(url.to_owned());
            let jpg = self.jpgs.get(url).cloned();
            jpg.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        })
    }

    fn names(&self, format: TrackFormat) -> Vec<String> {
        let files = self.files(format).unwrap();
        files.into_iter().map(|file| file.name).collect()
    }
}

/// Tiles of these numbers, row by row, ten in a row.
fn sheet_of(first: u32, count: u32) -> Vec<u8> {
    let pixel = |x: u32, y: u32| {
        let number = first + y / SIZE.1 * 10 + x / SIZE.0;
        Rgb([number as u8; 3])
    };
    let picture = RgbImage::from_fn(10 * SIZE.0, count.div_ceil(10) * SIZE.1, pixel);
    let mut jpg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpg, 95);
    picture.write_with_encoder(encoder).unwrap();
    jpg
}

/// The numbers of the tiles of a JPG, row by row.
fn numbers(jpg: &[u8]) -> Vec<u8> {
    let reader = ImageReader::new(io::Cursor::new(jpg)).with_guessed_format();
    let picture = reader.unwrap().decode().unwrap().to_luma8();
    let places = (0..picture.height() / SIZE.1)
        .flat_map(|y| (0..picture.width() / SIZE.0).map(move |x| (x, y)));
    let at = |(x, y)| {
        picture
            .get_pixel(x * SIZE.0 + SIZE.0 / 2, y * SIZE.1 + SIZE.1 / 2)
            .0[0]
    };
    places.map(at).collect()
}

fn file<'a>(files: &'a [TrackFile], name: &str) -> &'a TrackFile {
    files.iter().find(|file| file.name == name).unwrap()
}

fn text(file: &TrackFile) -> &str {
    std::str::from_utf8(&file.bytes).unwrap()
}

/// 120 slots. The first sheet has a tile in each; in the second there are gaps, and two tiles share a picture.
fn film() -> Film {
    let first = (0..100)
        .map(|slot| (f64::from(slot) * 10.0, slot))
        .collect();
    let second = vec![(1000.0, 0), (1038.0, 1), (1050.0, 1), (1100.0, 2)];
    Film::new(1195.5, &[first, second])
}

/// What the slots of the second sheet show.
fn second_sheet() -> Vec<u8> {
    let mut shown = vec![100; 4];
    shown.extend([101; 6]);
    shown.extend([102; 10]);
    shown
}

#[test]
fn each_file_is_in_the_folder_of_its_format() {
    let film = film();
    for format in TrackFormat::ALL {
        for name in film.names(format) {
            let folder = folder(format).unwrap_or("");
            assert!(name.starts_with(folder) || name == "overview.vtt", "{name}");
        }
    }
    let dash = [
        "tracks/dash/0000.jpg",
        "tracks/dash/0001.jpg",
        "tracks/dash/overview.mpd",
    ];
    assert_eq!(film.names(TrackFormat::Dash), dash);
    let jellyfin = [
        "tracks/jellyfin/32 - 10x10/0.jpg",
        "tracks/jellyfin/32 - 10x10/1.jpg",
    ];
    assert_eq!(film.names(TrackFormat::Jellyfin), jellyfin);
}

#[test]
fn what_needs_no_images_reads_none() {
    let one_sheet = Film::new(100.0, &[vec![(0.0, 0), (50.0, 1)]]);
    for film in [film(), one_sheet] {
        for format in TrackFormat::ALL {
            film.reads.borrow_mut().clear();
            film.files(format).unwrap();
            let has_read = !film.reads.borrow().is_empty();
            assert_eq!(
                has_read,
                needs_images(format, &film.storyboard),
                "{format:?}"
            );
        }
    }
}

#[test]
fn slots_show_the_latest_tile_and_repeat_it() {
    let film = film();
    let files = film.files(TrackFormat::Dash).unwrap();
    let first: Vec<u8> = (0..100).collect();
    let close = |shown: &[u8], wanted: &[u8]| {
        shown
            .iter()
            .zip(wanted)
            .all(|(one, other)| one.abs_diff(*other) <= 1)
    };
    let shown = numbers(&file(&files, "tracks/dash/0000.jpg").bytes);
    assert!(close(&shown, &first), "{shown:?}");
    let shown = numbers(&file(&files, "tracks/dash/0001.jpg").bytes);
    assert_eq!(shown.len(), 100);
    assert!(close(&shown, &second_sheet()), "{shown:?}");
    assert!(shown[20..].iter().all(|black| *black <= 1), "{shown:?}");
}

#[test]
fn where_a_tile_is_lost_webvtt_has_a_gap_and_a_grid_repeats_the_tile_before() {
    let mut film = Film::new(60.0, &[vec![(0.0, 0), (10.0, 1), (40.0, 2)]]);
    film.storyboard.lost = vec![20, 30, 50];
    let files = film.files(TrackFormat::Vtt).unwrap();
    let times = text(&files[0]).lines().filter(|line| line.contains("-->"));
    let times: Vec<&str> = times.collect();
    let wanted = [
        "00:00:00.000 --> 00:00:10.000",
        "00:00:10.000 --> 00:00:20.000",
        "00:00:40.000 --> 00:00:50.000",
    ];
    assert_eq!(times, wanted);
    let files = film.files(TrackFormat::Dash).unwrap();
    let shown = numbers(&file(&files, "tracks/dash/0000.jpg").bytes);
    for (shown, wanted) in shown.iter().zip([0u8, 1, 1, 1, 2, 2]) {
        assert!(shown.abs_diff(wanted) <= 1, "{shown} {wanted}");
    }
}

#[test]
fn hls_takes_sheets_as_they_are_if_each_slot_has_its_tile() {
    let film = film();
    let files = film.files(TrackFormat::Hls).unwrap();
    let playlist = text(file(&files, "tracks/hls/overview.m3u8"));
    assert!(playlist.contains("\n../../overview/0000.jpg\n") && playlist.contains("\n0001.jpg\n"));
    assert_eq!(files.len(), 3);
    // A tile is missing: the sheet does not fit any more.
    let mut gap = film.storyboard.clone();
    gap.sheets[0].tiles.remove(50);
    let gap = Film {
        storyboard: gap,
        ..film
    };
    assert_eq!(gap.files(TrackFormat::Hls).unwrap().len(), 4);
}

#[test]
fn a_film_with_several_sheets_gets_one_picture_for_json() {
    let film = film();
    let files = film.files(TrackFormat::Json).unwrap();
    let board: serde_json::Value = serde_json::from_slice(&files[0].bytes).unwrap();
    assert_eq!(board["url"], "overview.jpg");
    let tiles = board["tiles"].as_array().unwrap();
    assert_eq!(tiles.len(), 100);
    let shown = numbers(&file(&files, "tracks/json/overview.jpg").bytes);
    for (place, tile) in tiles.iter().enumerate() {
        let start = tile["start"].as_f64().unwrap();
        let (x, y) = (tile["x"].as_u64().unwrap(), tile["y"].as_u64().unwrap());
        assert_eq!((x, y), (place as u64 % 10 * 32, place as u64 / 10 * 16));
        if start < 1000.0 {
            assert!(shown[place].abs_diff((start / 10.0) as u8) <= 1);
        }
    }
}

#[test]
fn a_film_with_one_sheet_names_that_one_in_json() {
    let film = Film::new(100.0, &[vec![(0.0, 0), (42.5, 1)]]);
    let files = film.files(TrackFormat::Json).unwrap();
    let json = r#"{"url":"../../overview/0000.jpg","tile_width":32,"tile_height":16,"duration":100.0,"tiles":[{"start":0.0,"x":0,"y":0},{"start":42.5,"x":32,"y":0}]}"#;
    assert_eq!((files.len(), text(&files[0])), (1, json));
}

#[test]
fn a_bif_has_a_jpg_for_each_slot() {
    let film = film();
    let bif = &film.files(TrackFormat::Bif).unwrap()[0].bytes;
    let number = |at: usize| u32::from_le_bytes(*bif[at..].first_chunk().unwrap()) as usize;
    assert_eq!((number(12), number(16)), (120, 10_000));
    let shown = (0..120).map(|slot| {
        let (from, to) = (number(64 + slot * 8 + 4), number(64 + slot * 8 + 12));
        numbers(&bif[from..to])[0]
    });
    let wanted = (0..100).chain(second_sheet());
    assert!(
        shown
            .zip(wanted)
            .all(|(one, other)| one.abs_diff(other) <= 1)
    );
}

#[test]
fn jellyfin_gets_a_tile_each_ten_seconds_whatever_the_film_has() {
    let mut film = Film::new(60.0, &[vec![(0.0, 0), (3.0, 1), (30.0, 2)]]);
    film.storyboard.interval = 1;
    let files = film.files(TrackFormat::Jellyfin).unwrap();
    let shown = numbers(&files[0].bytes);
    assert_eq!(shown.len(), 100);
    for (shown, wanted) in shown.iter().zip([0u8, 1, 1, 2, 2, 2]) {
        assert!(shown.abs_diff(wanted) <= 1, "{shown} {wanted}");
    }
}

#[test]
fn each_sheet_is_read_once() {
    for format in [
        TrackFormat::Dash,
        TrackFormat::Bif,
        TrackFormat::Jellyfin,
        TrackFormat::Json,
    ] {
        let film = film();
        film.files(format).unwrap();
        let reads = film.reads.into_inner();
        assert_eq!(reads, ["overview/0000.jpg", "overview/0001.jpg"]);
    }
}

#[test]
fn a_sheet_that_is_missing_or_of_another_size_fails_the_track() {
    let mut film = film();
    film.jpgs.remove("overview/0001.jpg");
    let error = film.files(TrackFormat::Bif).unwrap_err();
    assert_eq!(error.to_string(), "failed to read overview/0001.jpg");
    for jpg in [
        b"<Error/>".to_vec(),
        vec![],
        sheet_of(0, 100)[..2_000].to_vec(),
    ] {
        film.jpgs.insert("overview/0001.jpg".to_owned(), jpg);
        let error = film.files(TrackFormat::Dash).unwrap_err();
        assert_eq!(
            error.to_string(),
            "overview/0001.jpg is no sheet of the storyboard"
        );
    }
    film.storyboard.width = 33;
    let error = film.files(TrackFormat::Json).unwrap_err();
    assert!(matches!(error, TrackError::Sheet { .. }), "{error}");
}

#[test]
fn an_invalid_storyboard_is_refused_before_anything_is_read() {
    let mut film = film();
    film.storyboard.sheets[0].url = "../../other/0000.jpg".to_owned();
    for format in TrackFormat::ALL {
        let error = film.files(format).unwrap_err();
        assert!(matches!(error, TrackError::Storyboard(_)), "{error}");
    }
    assert!(film.reads.borrow().is_empty());
}

/// Numbers that break arithmetic, and ordinary ones.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(2),
        Just(10),
        Just(16),
        Just(32),
        Just(100),
        Just(u32::MAX),
        0u32..5_000
    ]
}

fn seconds() -> impl Strategy<Value = f64> {
    let special = [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e-9, 1e7, f64::MAX];
    prop_oneof![prop::sample::select(special.to_vec()), 0.0..5_000.0]
}

proptest! {
    #[test]
    fn no_storyboard_panics(
        (width, height, interval) in (number(), number(), number()),
        length in seconds(),
        mut starts in prop::collection::vec(0.0..5_000.0, 1..30),
        odd in prop::option::weighted(0.1, seconds()),
        (columns, place) in (number(), number()),
        lost in prop::collection::vec(number(), 0..3),
        jpg in prop_oneof![Just(sheet_of(0, 30)), prop::collection::vec(any::<u8>(), 0..200)],
    ) {
        starts.sort_by(f64::total_cmp);
        starts.extend(odd);
        let tiles = starts.into_iter().map(|start| (start, place)).collect();
        let sheet = Sheet { url: "overview/0000.jpg".to_owned(), columns, tiles };
        let storyboard = Storyboard { width, height, length, interval, sheets: vec![sheet], lost };
        for format in TrackFormat::ALL {
            let read = |_: &str| Ok::<_, io::Error>(jpg.clone());
            if let Ok(files) = track_files(format, &storyboard, read) {
                prop_assert!(!files.is_empty());
            }
        }
    }
}
