//! What a file is, which of its streams is the film, and when that starts.

use std::collections::BTreeSet;

use gifgen_shared::{Header, Reason, Rejection, VideoStream, video_stream::FROM_BEGINNING};

use super::Probe;
use crate::{
    choice::{Choice, choose, is_ambiguous, misses_a_better_one},
    colour::FIELDS,
    error::ProbeError,
    ffprobe_output::{FfprobeOutput, Format, Unanswered, unreadable},
    file_signature::is_still_brand,
    format_words::still_image,
    look::{Look, Reach},
    stream::{Stream, reports_too_many_pixels},
};

/// First analysis of the streams, in microseconds. Without it FFmpeg analyzes five to seven seconds
/// of formats without a header, but one second shows everything in nearly all files.
const SHORT_ANALYSIS: [&str; 2] = ["-analyzeduration", "1000000"];

/// The longest analysis: half an hour, or 64 MiB, whichever is reached first. Recordings may start with
/// minutes of sound alone.
const FAR_ANALYSIS: [&str; 4] = ["-analyzeduration", "1800000000", "-probesize", "67108864"];

/// Keeps FFmpeg from applying the edit list of an MP4 file.
const IGNORE_EDITS: [&str; 2] = ["-ignore_editlist", "1"];

/// Seconds of the file's middle in which packets are looked for.
const MIDDLE_SECONDS: u32 = 5;

/// Containers in which FFmpeg seeks to guessed byte positions, between keyframes; and how many
/// seconds earlier to seek. 10 s is the longest keyframe distance that HLS packagers use.
const BLIND_SEEK: [(&str, u32); 2] = [("mpegts", 10), ("mpeg", 10)];

/// Codecs whose decoders do not say how a picture is coded, or call each one a keyframe.
const HIDDEN_KEYFRAMES: [&str; 13] = [
    "flashsv", "flashsv2", "indeo3", "indeo4", "indeo5", "msrle", "msvideo1", "qtrle", "rpza",
    "smc", "svq1", "tscc", "tscc2",
];

/// A codec of which FFmpeg's encoder calls each packet a keyframe, while its decoder does not say which are.
const WITHOUT_KEYFRAMES: &str = "rpza";

/// What was found of a file's video.
#[derive(Debug)]
pub enum Found {
    /// A video that can be rendered.
    Video(Header),
    /// The file names a video, but the analysis did not reach its pictures. If a longer one does not
    /// either, this is why the file is rejected.
    OutOfReach(Rejection),
}

/// How far to analyze a file for the sizes of its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Analysis {
    /// As far as FFmpeg does by itself, at most.
    Usual,
    /// Much further.
    Far,
}

impl Probe<'_> {
    /// Reads the container's header and the first pictures, and chooses the stream to render: one whose
    /// first picture decodes, and that is no cover, no still beside a film and not much shorter than
    /// another; of several the first default one, else the largest, else the first.
    ///
    /// # Errors
    /// [`ProbeError::Rejected`] if the source is not a video that can be rendered. The other errors are
    /// transient.
    pub async fn header(&self, analysis: Analysis) -> Result<Found, ProbeError> {
        match self.header_by_ffprobe(analysis).await {
            Ok(found) => Ok(found),
            Err(Unanswered::Probe(error)) => Err(error),
            Err(Unanswered::DecoderNotOpened) => Ok(Found::Video(self.header_by_ffmpeg().await?)),
        }
    }

    async fn header_by_ffprobe(&self, analysis: Analysis) -> Result<Found, Unanswered> {
        let output = self.analyzed(analysis).await?;
        let format = output.format()?;
        let streams = &output.streams;
        refuse_without_look(format, streams)?;
        let hopeful = hopeful(streams);
        if let Some(rejection) = no_size(&hopeful, &output.stderr) {
            let is_unknown = !hopeful.iter().any(|stream| stream.has_size());
            let is_late = is_unknown && !reports_too_many_pixels(&output.stderr);
            return if is_late && analysis == Analysis::Usual {
                Ok(Found::OutOfReach(rejection))
            } else {
                Err(rejection.into())
            };
        }
        // If packets have no pts, FFmpeg guesses them from what it analyzed.
        let analyzed = match analysis {
            Analysis::Far => &FAR_ANALYSIS[..],
            Analysis::Usual if format.format_name == "mpegts" => &SHORT_ANALYSIS[..],
            Analysis::Usual => &[],
        };
        let mut look = self
            .looked(format, streams, hopeful.len(), analyzed)
            .await?;
        if format.is_mov() && !look.shows_packets() {
            // FFmpeg takes an edit that lasts to the end for one that shows nothing.
            let unedited = [analyzed, &IGNORE_EDITS].concat();
            let again = self
                .looked(format, streams, hopeful.len(), &unedited)
                .await?;
            look = look.or(again);
        }
        let in_middle = if is_ambiguous(streams, &look) {
            self.streams_in_middle(format, &look).await?
        } else {
            None
        };
        let reaches_middle = |index| Some(in_middle.as_ref()?.contains(&index));
        let choice = choose(streams, &look, reaches_middle)?;
        Ok(Found::Video(header_of(format, choice, &output.stderr)?))
    }

    /// The container and its video streams, analyzed as far as they need it.
    async fn analyzed(&self, analysis: Analysis) -> Result<FfprobeOutput, Unanswered> {
        if analysis == Analysis::Far {
            return self.streams(&FAR_ANALYSIS).await;
        }
        let output = self.streams(&SHORT_ANALYSIS).await?;
        let hopeful = hopeful(&output.streams);
        if !hopeful.is_empty() && hopeful.iter().all(|stream| stream.has_size()) {
            return Ok(output);
        }
        self.streams(&[]).await
    }

    /// The first pictures of `streams`, of which `hopeful` may have some. If there are none at the
    /// beginning, pictures in the middle show that the file is damaged only there.
    async fn looked(
        &self,
        format: &Format,
        streams: &[Stream],
        hopeful: usize,
        analysis: &[&str],
    ) -> Result<Look, Unanswered> {
        let mut look = self.look(hopeful, Reach::Few, "", analysis).await?;
        let is_answered = |look: &Look| look.has_picture() || look.has_encrypted();
        if !is_answered(&look) || misses_a_better_one(streams, &look) {
            look = look.or(self.look(hopeful, Reach::Many, "", analysis).await?);
        }
        if !is_answered(&look)
            && let Some(middle) = middle(format, &look)
        {
            let from = format!("{middle:.3}");
            let there = self.look(hopeful, Reach::Few, &from, analysis).await?;
            look.believe(&there);
        }
        Ok(look)
    }

    /// The streams that have packets in the middle of the file; `None` if that is not known.
    async fn streams_in_middle(
        &self,
        format: &Format,
        look: &Look,
    ) -> Result<Option<BTreeSet<u32>>, Unanswered> {
        match middle(format, look) {
            Some(middle) => Ok(Some(self.streams_from(middle, MIDDLE_SECONDS).await?)),
            None => Ok(None),
        }
    }

    /// Reads the container, its video streams, and the first packets. `analysis` are FFmpeg's
    /// arguments for how much to analyze.
    async fn streams(&self, analysis: &[&str]) -> Result<FfprobeOutput, Unanswered> {
        let entries = format!(
            "format=format_name,nb_streams,start_time,duration:format_tags=major_brand:\
             stream=index,codec_name,codec_tag_string,width,height,sample_aspect_ratio,field_order,\
             duration,nb_frames,{FIELDS}:\
             stream_disposition=default,attached_pic,timed_thumbnails:stream_tags=enc_key_id,alpha_mode,DURATION,DURATION-eng:\
             stream_side_data=rotation,max_luminance,dv_profile,dv_bl_signal_compatibility_id"
        );
        let questions = ["-select_streams", "v", "-show_entries", &entries];
        self.ask(&[analysis, &questions].concat()).await
    }
}

/// The streams that may turn out to hold a film.
pub(crate) fn hopeful(streams: &[Stream]) -> Vec<&Stream> {
    let is_hopeful =
        |stream: &&Stream| !stream.is_cover() && stream.is_supported() && !stream.is_encrypted();
    streams.iter().filter(is_hopeful).collect()
}

/// Rejects what needs no decoded picture to be rejected.
pub(crate) fn refuse_without_look(format: &Format, streams: &[Stream]) -> Result<(), Rejection> {
    if format.nb_streams == 0 {
        return Err(unreadable("the file holds no streams"));
    }
    let is_still = |stream: &Stream| stream.pictures() == Some(1);
    if is_of_still_brand(format) && !streams.is_empty() && streams.iter().all(is_still) {
        return Err(still_image());
    }
    if hopeful(streams).is_empty() {
        // Nothing to choose from: this tells why.
        choose(streams, &Look::default(), |_| None)?;
    }
    Ok(())
}

/// Why no picture of `hopeful` streams can be shown for its size; `None` if one can.
fn no_size(hopeful: &[&Stream], stderr: &str) -> Option<Rejection> {
    let sizes = hopeful
        .iter()
        .map(|stream| stream.displayed_size(None, stderr));
    let errors: Option<Vec<Rejection>> = sizes.map(Result::err).collect();
    errors?.into_iter().next()
}

/// The time of the middle of the file on its clock, in seconds.
fn middle(format: &Format, look: &Look) -> Option<f64> {
    let claimed = format.claimed_seconds()?;
    let start = look.streams.values().map(|found| found.first_packet);
    let start = start.fold(f64::INFINITY, f64::min);
    start.is_finite().then_some(start + claimed / 2.0)
}

fn is_of_still_brand(format: &Format) -> bool {
    format.is_mov() && is_still_brand(&format.tags.major_brand)
}

fn seek_margin(format: &Format, codec: &str) -> u32 {
    if codec == WITHOUT_KEYFRAMES {
        return FROM_BEGINNING;
    }
    let blind = BLIND_SEEK
        .iter()
        .find(|(name, _)| *name == format.format_name);
    blind.map_or(0, |(_, margin)| *margin)
}

/// The header of the file with the stream that was chosen.
pub(crate) fn header_of(
    format: &Format,
    choice: Choice<'_>,
    stderr: &str,
) -> Result<Header, Rejection> {
    let Choice {
        stream,
        beginning,
        others,
    } = choice;
    let (width, height) = stream.displayed_size(beginning.rotation, stderr)?;
    if beginning.packets == 1 && (format.format_name == "gif" || is_of_still_brand(format)) {
        return Err(still_image());
    }
    if beginning.first_packet.is_infinite() {
        return Err(Rejection::new(
            Reason::EmptyVideo,
            "the video stream holds no packets with a time",
        ));
    }
    let codec = stream.codec();
    let video = VideoStream {
        index: stream.index,
        start_time: beginning.first_picture,
        width,
        height,
        interlaced: stream.is_interlaced(),
        seek_margin: seek_margin(format, &codec),
        colour: stream.colour(beginning)?,
        crop: None,
        turn: stream.turn_by_picture(beginning),
        hidden_keyframes: HIDDEN_KEYFRAMES.contains(&codec.as_str()),
    };
    if !video.is_plausible() {
        let start = video.start_time;
        return Err(unreadable(&format!(
            "the video is said to start at {start} s, which cannot be"
        )));
    }
    let claimed_seconds = format.claimed_after(video.start_time);
    Ok(Header {
        video,
        not_chosen: others,
        codec,
        container: format.format_name.clone(),
        claimed_seconds,
        clock_offset: beginning.clock_offset(),
        coded: stream.coded(beginning.rotation),
    })
}
