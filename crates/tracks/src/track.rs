//! The files of each format: their names, and what is in them.

use gifgen_shared::TrackFormat;

use crate::{
    bif::bif,
    check::check,
    cut::Cutter,
    dash::dash,
    error::TrackError,
    grid::{Grid, TILES},
    hls, jellyfin,
    json::{json, picked},
    storyboard::{Storyboard, Tile},
    webvtt::webvtt,
};

const JPG: &str = "image/jpeg";

/// The way from a format's folder to the video's.
const UP: &str = "../..";

/// A file of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackFile {
    /// Its name, relative to the video's folder, e.g. `tracks/hls/overview.m3u8`.
    pub name: String,
    /// Its media type.
    pub content_type: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The folder that has all files of `format` and no others, relative to the video's folder. So what is left of an
/// earlier run can be found. The WebVTT track has none: it is `overview.vtt`, beside the sheets' folder.
pub fn folder(format: TrackFormat) -> Option<&'static str> {
    match format {
        TrackFormat::Vtt => None,
        TrackFormat::Json => Some("tracks/json"),
        TrackFormat::Hls => Some("tracks/hls"),
        TrackFormat::Dash => Some("tracks/dash"),
        TrackFormat::Bif => Some("tracks/bif"),
        TrackFormat::Jellyfin => Some("tracks/jellyfin"),
    }
}

/// Whether sheets are read for the files of `format`.
pub fn needs_images(format: TrackFormat, storyboard: &Storyboard) -> bool {
    match format {
        TrackFormat::Vtt => false,
        TrackFormat::Json => !has_one_picture(storyboard),
        TrackFormat::Hls | TrackFormat::Dash | TrackFormat::Bif | TrackFormat::Jellyfin => true,
    }
}

/// The files of `format`. `read` gives the bytes of a sheet by its address relative to the video's folder, e.g.
/// `overview/0003.jpg`. It is asked for sheets in order, for most of them once.
pub fn track_files<E: std::error::Error + 'static>(
    format: TrackFormat,
    storyboard: &Storyboard,
    read: impl FnMut(&str) -> Result<Vec<u8>, E>,
) -> Result<Vec<TrackFile>, TrackError<E>> {
    check(storyboard)?;
    let cutter = Cutter::new(storyboard.tile_size(), read);
    match format {
        TrackFormat::Vtt => {
            let text = webvtt(storyboard.tile_size(), storyboard.tiles());
            Ok(vec![file("overview.vtt", "text/vtt", text)])
        }
        TrackFormat::Json => json_files(storyboard, cutter),
        TrackFormat::Hls => hls_files(storyboard, cutter),
        TrackFormat::Dash => dash_files(storyboard, cutter),
        TrackFormat::Bif => bif_files(storyboard, cutter),
        TrackFormat::Jellyfin => jellyfin_files(storyboard, cutter),
    }
}

/// One picture: the sheet, if there is one only, or else one of tiles that are picked evenly.
fn json_files<'a, E: std::error::Error + 'static>(
    storyboard: &'a Storyboard,
    mut cutter: Cutter<'a, impl FnMut(&str) -> Result<Vec<u8>, E>>,
) -> Result<Vec<TrackFile>, TrackError<E>> {
    const NAME: &str = "tracks/json/overview.json";
    const TYPE: &str = "application/json";
    let size = storyboard.tile_size();
    let mut tiles: Vec<Tile<'_>> = storyboard.tiles().collect();
    if let ([sheet], true) = (&*storyboard.sheets, has_one_picture(storyboard)) {
        let places = tiles.into_iter().map(|tile| (tile, tile.corner(size)));
        let url = format!("{UP}/{}", sheet.url);
        return Ok(vec![file(NAME, TYPE, json(storyboard, &url, places))]);
    }
    tiles = picked(&tiles);
    // A grid with a slot for each tile.
    let grid = Grid::fitting(1, tiles.len() as f64);
    let picture = "tracks/json/overview.jpg";
    let jpg = cutter.sheet(&grid, &tiles, picture)?;
    let corner = |place: u32| (place % grid.columns * size.0, place / grid.columns * size.1);
    let places = tiles.into_iter().zip((0..).map(corner));
    let text = json(storyboard, "overview.jpg", places);
    Ok(vec![file(NAME, TYPE, text), file(picture, JPG, jpg)])
}

/// A playlist, the line for the film's own playlist, and those sheets that are not the overview's.
fn hls_files<'a, E: std::error::Error + 'static>(
    storyboard: &'a Storyboard,
    mut cutter: Cutter<'a, impl FnMut(&str) -> Result<Vec<u8>, E>>,
) -> Result<Vec<TrackFile>, TrackError<E>> {
    const TYPE: &str = "application/vnd.apple.mpegurl";
    const PLAYLIST: &str = "overview.m3u8";
    let grid = Grid::fitting(storyboard.interval, storyboard.length);
    let shown = grid.shown(storyboard);
    let (mut images, mut sheets) = (Vec::new(), Vec::new());
    let tiles = shown.chunks(grid.tiles_per_sheet() as usize);
    for ((number, tiles), seconds) in (0..).zip(tiles).zip(grid.durations(storyboard.length)) {
        let (url, bytes) = match cutter.as_rendered(&grid, tiles)? {
            Some((sheet, bytes)) => (format!("{UP}/{}", sheet.url), bytes),
            None => {
                let name = format!("tracks/hls/{}", number_name(number));
                let jpg = cutter.sheet(&grid, tiles, &name)?;
                let bytes = jpg.len() as u64;
                sheets.push(file(&name, JPG, jpg));
                (number_name(number), bytes)
            }
        };
        images.push(hls::Image {
            url,
            seconds,
            bytes,
        });
    }
    let size = storyboard.tile_size();
    let playlist = hls::playlist(&grid, size, &images);
    let stream = hls::stream(size, &images, PLAYLIST);
    sheets.push(file(&format!("tracks/hls/{PLAYLIST}"), TYPE, playlist));
    sheets.push(file("tracks/hls/image-stream.m3u8", TYPE, stream));
    Ok(sheets)
}

/// A presentation and its sheets.
fn dash_files<'a, E: std::error::Error + 'static>(
    storyboard: &'a Storyboard,
    mut cutter: Cutter<'a, impl FnMut(&str) -> Result<Vec<u8>, E>>,
) -> Result<Vec<TrackFile>, TrackError<E>> {
    let grid = Grid::fitting(storyboard.interval, storyboard.length);
    let mut files = cut_all(storyboard, &mut cutter, &grid, "tracks/dash", number_name)?;
    let bytes = files.iter().map(|sheet| sheet.bytes.len() as u64);
    let bandwidth = hls::bandwidth(bytes.zip(grid.durations(storyboard.length)));
    let text = dash(
        &grid,
        storyboard.length,
        storyboard.tile_size(),
        bandwidth,
        "$Number%04d$.jpg",
    );
    files.push(file(
        "tracks/dash/overview.mpd",
        "application/dash+xml",
        text,
    ));
    Ok(files)
}

/// An archive of single JPGs.
fn bif_files<'a, E: std::error::Error + 'static>(
    storyboard: &'a Storyboard,
    mut cutter: Cutter<'a, impl FnMut(&str) -> Result<Vec<u8>, E>>,
) -> Result<Vec<TrackFile>, TrackError<E>> {
    const NAME: &str = "tracks/bif/overview.bif";
    let grid = Grid::whole(storyboard.interval);
    let jpgs = cutter.jpgs(&grid.shown(storyboard), NAME)?;
    // At most a day.
    let interval_ms = grid.interval * 1000;
    let bytes = bif(&jpgs, interval_ms).ok_or(TrackError::TooLong)?;
    Ok(vec![file(NAME, "application/octet-stream", bytes)])
}

/// A folder of sheets.
fn jellyfin_files<'a, E: std::error::Error + 'static>(
    storyboard: &'a Storyboard,
    mut cutter: Cutter<'a, impl FnMut(&str) -> Result<Vec<u8>, E>>,
) -> Result<Vec<TrackFile>, TrackError<E>> {
    let folder = format!("tracks/jellyfin/{}", jellyfin::folder(storyboard));
    let name = |number| format!("{number}.jpg");
    cut_all(storyboard, &mut cutter, &jellyfin::GRID, &folder, name)
}

/// All sheets of `grid`.
fn cut_all<'a, E: std::error::Error + 'static>(
    storyboard: &'a Storyboard,
    cutter: &mut Cutter<'a, impl FnMut(&str) -> Result<Vec<u8>, E>>,
    grid: &Grid,
    folder: &str,
    name: impl Fn(u32) -> String,
) -> Result<Vec<TrackFile>, TrackError<E>> {
    let shown = grid.shown(storyboard);
    let tiles = shown.chunks(grid.tiles_per_sheet() as usize);
    let sheet = |(number, tiles): (u32, &[Tile<'a>])| {
        let name = format!("{folder}/{}", name(number));
        let jpg = cutter.sheet(grid, tiles, &name)?;
        Ok(file(&name, JPG, jpg))
    };
    (0..).zip(tiles).map(sheet).collect()
}

/// Whether all tiles are in one picture that Mux's players take.
fn has_one_picture(storyboard: &Storyboard) -> bool {
    storyboard.sheets.len() == 1 && storyboard.tiles().count() <= TILES as usize
}

/// The name of a sheet, as `$Number%04d$` means it.
fn number_name(number: u32) -> String {
    format!("{number:04}.jpg")
}

fn file(name: &str, content_type: &'static str, bytes: impl Into<Vec<u8>>) -> TrackFile {
    TrackFile {
        name: name.to_owned(),
        content_type,
        bytes: bytes.into(),
    }
}
