//! Summary of `gifgen run`.

use std::{fmt, path::PathBuf};

use gifgen_shared::JobId;
use indicatif::HumanBytes;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    export::Exported,
    printable::in_line,
    status::{LostTiles, lacks},
};

/// Results of a run, for people (`Display`) and programs (`Serialize`).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Folder of the previews.
    pub out: PathBuf,
    /// The videos, in the order of the command line.
    pub videos: Vec<Video>,
    /// What was written there.
    #[serde(flatten)]
    pub exported: Exported,
    /// Wall time of the whole run, in seconds.
    pub wall_seconds: f64,
    pub interrupted: bool,
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Video {
    /// The video's file name.
    pub key: String,
    /// Length of the video stream in seconds; 0 if it was not split.
    pub length: f64,
    /// Number of slices; `None` before the split.
    pub slices: Option<u32>,
    /// Number of slices whose previews are there.
    pub done: u32,
    /// Number of sheets of the overview.
    pub sheets: u32,
    /// Number of sheets that are there.
    pub sheets_done: u32,
    /// Number of slices and sheets that were rendered now. The others are of an earlier run.
    pub sent: u32,
    /// Slices and sheets that failed permanently.
    pub failed: Vec<FailedJob>,
    /// Sheets of the overview that are there and lack tiles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<LostTiles>,
    /// Why there are no previews at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[derive(Clone, Debug)]
pub struct FailedJob {
    pub job: JobId,
    pub message: String,
}

impl Serialize for FailedJob {
    /// A slice has its `start`, a sheet of the overview its number, `sheet`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(Some(2))?;
        match self.job {
            JobId::Slice(start) => fields.serialize_entry("start", &start)?,
            JobId::Overview(index) => fields.serialize_entry("sheet", &index)?,
        }
        fields.serialize_entry("message", &self.message)?;
        fields.end()
    }
}

impl Video {
    /// Whether no more events are expected for the video.
    pub fn is_finished(&self) -> bool {
        let finished = self.done + self.sheets_done + self.failed.len() as u32;
        self.error.is_some() || (self.slices.is_some() && self.sent == finished)
    }

    /// Counts what is of an earlier run as done, once all else is finished.
    pub fn count_taken_over(&mut self) {
        let Some(slices) = self.slices else { return };
        let failed = |is_slice: fn(&JobId) -> bool| {
            let jobs = self.failed.iter().map(|failed| &failed.job);
            jobs.filter(|job| is_slice(job)).count() as u32
        };
        self.done = slices - failed(|job| matches!(job, JobId::Slice(_)));
        self.sheets_done = self.sheets - failed(|job| matches!(job, JobId::Overview(_)));
    }

    /// Number of rendered jobs of the kind of `job`.
    pub fn done_of(&mut self, job: JobId) -> &mut u32 {
        match job {
            JobId::Slice(_) => &mut self.done,
            JobId::Overview(_) => &mut self.sheets_done,
        }
    }

    fn is_whole(&self) -> bool {
        let are_done = self.slices == Some(self.done) && self.sheets == self.sheets_done;
        self.error.is_none() && self.lost.is_empty() && are_done
    }
}

impl Summary {
    /// Exit code: 0 if everything succeeded, 3 if a part did, 1 if nothing did.
    pub fn exit_code(&self) -> u8 {
        if self.videos.iter().all(Video::is_whole) {
            0
        } else if self
            .videos
            .iter()
            .any(|video| video.done + video.sheets_done > 0)
        {
            3
        } else {
            1
        }
    }

    /// The failures, one sentence each.
    pub fn problems(&self) -> impl Iterator<Item = String> {
        self.videos.iter().flat_map(|video| {
            let rejected = video
                .error
                .iter()
                .map(|error| format!("{}: {error}", in_line(&video.key)));
            let failed = video.failed.iter().map(|FailedJob { job, message }| {
                format!("{}: {job} failed: {message}", in_line(&video.key))
            });
            let lost = video.lost.iter().map(|LostTiles { index, tiles }| {
                let (key, what) = (in_line(&video.key), lacks(tiles));
                format!("{key}: sheet {index} of the overview lacks its {what}")
            });
            rejected.chain(failed).chain(lost).collect::<Vec<_>>()
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for video in &self.videos {
            match video.slices {
                None => writeln!(f, "{}: no previews", in_line(&video.key))?,
                Some(slices) => {
                    write!(f, "{}: {} s", in_line(&video.key), video.length)?;
                    if slices > 0 {
                        write!(f, ", {} of {slices} slices", video.done)?;
                    }
                    if video.sheets > 0 {
                        let (done, sheets) = (video.sheets_done, video.sheets);
                        write!(f, ", {done} of {sheets} sheets of the overview")?;
                    }
                    writeln!(f)?;
                }
            }
        }
        write!(
            f,
            "{}{} files, {}, in {:.1} s: {}",
            if self.interrupted {
                "interrupted: "
            } else {
                ""
            },
            self.exported.files,
            HumanBytes(self.exported.bytes),
            self.wall_seconds,
            in_line(&self.out.to_string_lossy())
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(slices: Option<u32>, done: u32, failed: usize, error: Option<&str>) -> Video {
        let slice = FailedJob {
            job: JobId::Slice(30),
            message: "why".into(),
        };
        Video {
            slices,
            sent: slices.unwrap_or_default(),
            done,
            failed: vec![slice; failed],
            error: error.map(str::to_owned),
            ..Video::default()
        }
    }

    fn exit_code(videos: Vec<Video>) -> u8 {
        let summary = Summary {
            out: PathBuf::new(),
            videos,
            exported: Exported::default(),
            wall_seconds: 0.0,
            interrupted: false,
        };
        summary.exit_code()
    }

    #[test]
    fn only_a_whole_run_exits_with_0() {
        let whole = video(Some(2), 2, 0, None);
        let rejected = video(None, 0, 0, Some("notAVideo"));
        assert_eq!(exit_code(vec![whole.clone()]), 0);
        assert_eq!(exit_code(vec![video(Some(2), 1, 1, None)]), 3);
        assert_eq!(exit_code(vec![video(Some(2), 1, 0, None)]), 3);
        assert_eq!(exit_code(vec![rejected.clone()]), 1);
        assert_eq!(exit_code(vec![whole, rejected]), 3);
        assert_eq!(exit_code(vec![video(None, 0, 0, None)]), 1);
    }

    #[test]
    fn a_video_is_finished_when_each_slice_is_done_or_failed() {
        assert!(!video(None, 0, 0, None).is_finished());
        assert!(!video(Some(2), 1, 0, None).is_finished());
        assert!(video(Some(2), 1, 1, None).is_finished());
        assert!(video(None, 0, 0, Some("rejected")).is_finished());
    }
}
