//! The object names of the outputs. No other module knows the layout.

use crate::{job::JobId, source_key::SourceKey};

/// Builds the names of a source's outputs. They start with the source's whole key: two sources never
/// share an object, whatever dots or slashes their keys hold.
#[derive(Clone, Copy, Debug)]
pub struct OutputKeys<'a>(&'a SourceKey);

impl<'a> OutputKeys<'a> {
    /// Names the outputs of `source`.
    pub fn of(source: &'a SourceKey) -> Self {
        Self(source)
    }

    /// Key of the GIF of the slice that starts at second `start`.
    pub fn gif(self, start: u32) -> String {
        format!("{}{start:06}.gif", self.gifs())
    }

    /// Prefix of the GIFs.
    pub fn gifs(self) -> String {
        format!("{}/gifs/", self.0)
    }

    /// Prefix of a folder of previews; see [`PREVIEW_FOLDERS`].
    pub fn folder(self, name: &str) -> String {
        format!("{}/{name}/", self.0)
    }

    /// Key of the still of second `second`.
    pub fn frame(self, second: u32) -> String {
        format!("{}{second:06}.jpg", self.frames())
    }

    /// Prefix of the stills.
    pub fn frames(self) -> String {
        format!("{}/frames/", self.0)
    }

    /// Key of the sprite sheet of the slice that starts at second `start`.
    pub fn storyboard(self, start: u32) -> String {
        format!("{}{start:06}.jpg", self.storyboards())
    }

    /// Prefix of the sprite sheets.
    pub fn storyboards(self) -> String {
        format!("{}/storyboards/", self.0)
    }

    /// Key of the WebVTT track over the slices' pictures.
    pub fn track(self) -> String {
        format!("{}/storyboard.vtt", self.0)
    }

    /// Key of sheet number `index` of the overview.
    pub fn sheet(self, index: u32) -> String {
        format!("{}{index:04}.jpg", self.sheets())
    }

    /// Prefix of the overview's sheets.
    pub fn sheets(self) -> String {
        format!("{}/overview/", self.0)
    }

    /// Key of the WebVTT track over the overview.
    pub fn overview_track(self) -> String {
        format!("{}/overview.vtt", self.0)
    }

    /// Prefix of the other tracks.
    pub fn tracks(self) -> String {
        format!("{}/tracks/", self.0)
    }

    /// Key of `run.json`.
    pub fn run(self) -> String {
        format!("{}/run.json", self.0)
    }

    /// Key of `manifest.json`.
    pub fn manifest(self) -> String {
        format!("{}/manifest.json", self.0)
    }

    /// Key of the receipt of `job`, in run number `run`.
    pub fn receipt(self, run: u32, job: JobId) -> String {
        let folder = self.receipts(run);
        match job {
            JobId::Slice(start) => format!("{folder}{start:06}.json"),
            JobId::Overview(index) => format!("{folder}overview-{index:04}.json"),
        }
    }

    /// Key of the receipt of the whole overview, in run number `run`.
    pub fn overview_receipt(self, run: u32) -> String {
        format!("{}overview.json", self.receipts(run))
    }

    /// Key of the object that holds the excerpts of run number `run` that are too large for events.
    pub fn index(self, run: u32) -> String {
        format!("{}index", self.receipts(run))
    }

    /// Prefix of the receipts of run number `run`.
    pub fn receipts(self, run: u32) -> String {
        format!("{}/receipts/{run}/", self.0)
    }
}

/// Folders of the previews, below the source's key.
pub const PREVIEW_FOLDERS: [&str; 5] = ["gifs", "frames", "storyboards", "overview", "tracks"];

/// Folder of the tracks that have folders of their own, below the source's key.
pub const TRACKS_FOLDER: &str = "tracks";

/// Folder below the source's key that has one folder of receipts for each run.
pub const RECEIPTS_FOLDER: &str = "receipts";

/// Whether `file` is the name of a preview in this `folder`, one of [`PREVIEW_FOLDERS`].
pub fn is_preview(folder: &str, file: &str) -> bool {
    let (stem, extension) = file.split_once('.').unwrap_or((file, ""));
    let has_digits =
        |digits: usize| stem.len() == digits && stem.bytes().all(|byte| byte.is_ascii_digit());
    match (folder, extension) {
        ("gifs", "gif") | ("frames" | "storyboards", "jpg") => has_digits(6),
        ("overview", "jpg") => has_digits(4),
        ("tracks", _) => is_track(file),
        _ => false,
    }
}

/// Whether `file` is the name of a track, or of a picture of one, in the folder of tracks.
fn is_track(file: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_picture = |name: &str| name.strip_suffix(".jpg").is_some_and(is_number);
    // Such as `160 - 10x10`: width of a tile, columns and rows.
    let is_grid = |name: &str| {
        let grid = name
            .split_once(" - ")
            .and_then(|(width, grid)| Some((width, grid.split_once('x')?)));
        grid.is_some_and(|(width, (columns, rows))| {
            [width, columns, rows].into_iter().all(is_number)
        })
    };
    match file.split('/').collect::<Vec<_>>()[..] {
        ["json", "overview.json" | "overview.jpg"]
        | ["hls", "overview.m3u8" | "image-stream.m3u8"]
        | ["dash", "overview.mpd"]
        | ["bif", "overview.bif"] => true,
        ["hls" | "dash", name] => is_picture(name),
        ["jellyfin", grid, name] => is_grid(grid) && is_picture(name),
        _ => false,
    }
}

/// Whether `key` looks like the name of an output. If source and destination share a bucket, this keeps
/// outputs from being split as new sources.
pub fn is_output(key: &str) -> bool {
    let mut parts = key.rsplit('/');
    let (name, folder, above) = (parts.next().unwrap_or(key), parts.next(), parts.next());
    if matches!(
        name,
        "run.json" | "manifest.json" | "storyboard.vtt" | "overview.vtt"
    ) {
        return folder.is_some();
    }
    if let Some((_, file)) = key.rsplit_once("/tracks/")
        && is_track(file)
    {
        return true;
    }
    if matches!(name, "index" | "overview.json") {
        return above == Some(RECEIPTS_FOLDER);
    }
    let Some((stem, extension)) = name.split_once('.') else {
        return false;
    };
    if extension != "json" {
        return folder.is_some_and(|folder| is_preview(folder, name));
    }
    let is_number =
        |text: &str, digits| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    let sheet = stem.strip_prefix("overview-");
    let is_of_a_job = is_number(stem, 6) || sheet.is_some_and(|sheet| is_number(sheet, 4));
    is_of_a_job && above == Some(RECEIPTS_FOLDER)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_those_of_the_contract() {
        let key = SourceKey::plain("films/a.b/long.mp4").unwrap();
        let keys = OutputKeys::of(&key);
        assert_eq!(keys.gif(30), "films/a.b/long.mp4/gifs/000030.gif");
        assert_eq!(keys.frame(3599), "films/a.b/long.mp4/frames/003599.jpg");
        assert_eq!(
            keys.storyboard(0),
            "films/a.b/long.mp4/storyboards/000000.jpg"
        );
        assert_eq!(
            keys.receipt(2, JobId::Slice(30)),
            "films/a.b/long.mp4/receipts/2/000030.json"
        );
        assert_eq!(
            keys.receipt(2, JobId::Overview(3)),
            "films/a.b/long.mp4/receipts/2/overview-0003.json"
        );
        assert_eq!(keys.sheet(3), "films/a.b/long.mp4/overview/0003.jpg");
        assert_eq!(keys.overview_track(), "films/a.b/long.mp4/overview.vtt");
        assert_eq!(keys.track(), "films/a.b/long.mp4/storyboard.vtt");
        assert_eq!(keys.manifest(), "films/a.b/long.mp4/manifest.json");
    }

    #[test]
    fn outputs_are_known_by_their_names() {
        assert!(is_output("a.mp4/gifs/000030.gif"));
        assert!(is_output("a.mp4/frames/000031.jpg"));
        assert!(is_output("a.mp4/receipts/2/000030.json"));
        assert!(is_output("a.mp4/receipts/2/index"));
        assert!(is_output("a.mp4/manifest.json"));
        assert!(is_output("a.mp4/overview.vtt"));
        assert!(is_output("a.mp4/tracks/json/overview.json"));
        assert!(is_output("a.mp4/tracks/jellyfin/160 - 10x10/0.jpg"));
        assert!(!is_output("a.mp4/tracks/jellyfin/160 - 10x10/0.mp4"));
        assert!(is_output("a.mp4/overview/0010.jpg"));
        assert!(is_output("a.mp4/receipts/2/overview-0010.json"));
        assert!(is_output("a.mp4/receipts/2/overview.json"));
        for track in [
            "json/overview.json",
            "json/overview.jpg",
            "hls/overview.m3u8",
            "hls/0.jpg",
            "dash/overview.mpd",
            "dash/12.jpg",
            "bif/overview.bif",
            "jellyfin/160 - 10x10/0.jpg",
        ] {
            assert!(is_output(&format!("a.mp4/tracks/{track}")), "{track}");
            assert!(is_preview("tracks", track), "{track}");
            assert!(!is_output(&format!("a.mp4/{track}")), "{track}");
        }
        assert!(!is_output("a.mp4/tracks/hls/film.mp4"));
        assert!(!is_preview("tracks", "jellyfin/frames/000000.jpg"));
        assert!(!is_preview("tracks", "jellyfin/160/0.jpg"));
        assert!(!is_output("a.mp4/overview/overview-0010.jpg"));
        assert!(!is_output("a.mp4/receipts/2/0010.json"));
        assert!(!is_output("a.mp4/index"));
        assert!(!is_output("a.mp4/2/000030.json"));
        assert!(!is_output("a.mp4/gifs/cat.gif"));
        assert!(!is_output("gifs.mp4"));
        assert!(!is_output("000030.gif"));
    }

    proptest! {
        #[test]
        fn outputs_fit_into_s3_names(key in "[a-z/]{1,980}", second in 0u32..=999_999) {
            let key = SourceKey::plain(key).unwrap();
            let keys = OutputKeys::of(&key);
            for name in [keys.gif(second), keys.frame(second), keys.storyboard(second),
                keys.receipt(99, JobId::Slice(second)), keys.sheet(second)] {
                prop_assert!(name.len() <= 1024);
            }
        }

        #[test]
        fn two_sources_never_share_an_object(a in "[a-c./]{1,6}", b in "[a-c./]{1,6}", second in 0u32..100) {
            prop_assume!(a != b);
            let (a, b) = (SourceKey::plain(a).unwrap(), SourceKey::plain(b).unwrap());
            prop_assert_ne!(OutputKeys::of(&a).frame(second), OutputKeys::of(&b).frame(second));
            prop_assert_ne!(OutputKeys::of(&a).gif(second), OutputKeys::of(&b).gif(second));
        }
    }
}
