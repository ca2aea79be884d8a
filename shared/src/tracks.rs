//! The formats of tracks: what players show while a viewer scrubs.

use serde::{Deserialize, Serialize};

/// Which tracks a run gets, each at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<TrackFormat>", into = "Vec<TrackFormat>")]
pub struct Tracks(u8);

/// A format of tracks. The setting takes the same names as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TrackFormat {
    /// WebVTT with the place of each tile in its sheet.
    Vtt,
    /// The storyboard JSON of Mux's players.
    Json,
    /// HLS image playlists.
    Hls,
    /// A DASH thumbnail adaptation set.
    Dash,
    /// Roku's archive of JPGs.
    Bif,
    /// Jellyfin's trickplay folders.
    Jellyfin,
}

impl TrackFormat {
    /// All formats.
    pub const ALL: [Self; 6] = [
        Self::Vtt,
        Self::Json,
        Self::Hls,
        Self::Dash,
        Self::Bif,
        Self::Jellyfin,
    ];

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Tracks {
    /// No track.
    pub const NONE: Self = Self(0);

    /// Whether `format` is among them.
    pub fn has(self, format: TrackFormat) -> bool {
        self.0 & format.bit() != 0
    }

    /// The formats, in order.
    pub fn formats(self) -> impl Iterator<Item = TrackFormat> {
        let all = TrackFormat::ALL.into_iter();
        all.filter(move |format| self.has(*format))
    }
}

impl Default for Tracks {
    fn default() -> Self {
        [TrackFormat::Vtt, TrackFormat::Json].into_iter().collect()
    }
}

impl FromIterator<TrackFormat> for Tracks {
    fn from_iter<T: IntoIterator<Item = TrackFormat>>(formats: T) -> Self {
        Self(
            formats
                .into_iter()
                .fold(0, |bits, format| bits | format.bit()),
        )
    }
}

impl From<Vec<TrackFormat>> for Tracks {
    fn from(formats: Vec<TrackFormat>) -> Self {
        formats.into_iter().collect()
    }
}

impl From<Tracks> for Vec<TrackFormat> {
    fn from(tracks: Tracks) -> Self {
        tracks.formats().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_are_a_list_of_names_in_json() {
        let text = serde_json::to_string(&Tracks::default()).unwrap();
        assert_eq!(text, r#"["vtt","json"]"#);
        let read: Tracks = serde_json::from_str(r#"["bif","vtt","bif"]"#).unwrap();
        let formats: Vec<TrackFormat> = read.formats().collect();
        assert_eq!(formats, [TrackFormat::Vtt, TrackFormat::Bif]);
        assert_eq!(serde_json::from_str::<Tracks>("[]").unwrap(), Tracks::NONE);
    }
}
