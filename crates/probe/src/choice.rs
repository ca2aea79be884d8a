//! Chooses the video stream that is rendered, by what the streams hold.

use gifgen_shared::{NotChosen, OtherStream, Reason, Rejection};

use crate::{
    ffprobe_output::unreadable,
    look::{Beginning, Look},
    scrambling::encrypted,
    stream::Stream,
};

/// A stream with fewer pictures than this is a still, or a few, beside a film that has ten times as many.
const FEW_PICTURES: u64 = 4;
const FILM_TIMES: u64 = 10;

/// A stream shorter than this part of the longest one is not the film.
const SHORT_PART: f64 = 0.5;

/// The stream to render, and the others.
#[derive(Debug)]
pub(crate) struct Choice<'a> {
    pub stream: &'a Stream,
    pub beginning: &'a Beginning,
    pub others: Vec<OtherStream>,
}

/// Which streams are rendered first: the first one that is marked as the default, or else the largest,
/// or else the first. Files mark several, because MOV calls each track the default that is enabled.
fn rank(stream: &Stream) -> (bool, u64, u32) {
    let area = if stream.is_default() {
        0
    } else {
        stream.area()
    };
    (!stream.is_default(), u64::MAX - area, stream.index)
}

/// Chooses among `streams` by what `look` found of them. `reaches_middle` tells of a stream whether it
/// has packets in the middle of the file; `None` if that is unknown.
///
/// # Errors
/// If none can be rendered.
pub(crate) fn choose<'a>(
    streams: &'a [Stream],
    look: &'a Look,
    reaches_middle: impl Fn(u32) -> Option<bool>,
) -> Result<Choice<'a>, Rejection> {
    let mut candidates: Vec<&Stream> = Vec::new();
    let mut others: Vec<OtherStream> = Vec::new();
    for stream in streams {
        match defect(stream, look) {
            None => candidates.push(stream),
            Some(why) => others.push(other(stream, why)),
        }
    }
    candidates.sort_by_key(|stream| rank(stream));
    let best = candidates
        .iter()
        .position(|stream| beside_a_film(stream, &candidates, &reaches_middle).is_none())
        .or((!candidates.is_empty()).then_some(0));
    let Some(best) = best else {
        return Err(why_none(streams, look, &others));
    };
    for (place, stream) in candidates.iter().enumerate() {
        if place != best {
            let why = beside_a_film(stream, &candidates, &reaches_middle);
            others.push(other(stream, why.unwrap_or(NotChosen::OtherPreferred)));
        }
    }
    others.sort_by_key(|other| other.index);
    let stream = candidates[best];
    // Every candidate has a beginning.
    let beginning = look
        .beginning(stream.index)
        .ok_or_else(|| unreadable("the video stream has no pictures"))?;
    Ok(Choice {
        stream,
        beginning,
        others,
    })
}

/// Whether more than one of `streams` can be rendered, so that their lengths decide.
pub(crate) fn is_ambiguous(streams: &[Stream], look: &Look) -> bool {
    let candidates = streams
        .iter()
        .filter(|stream| defect(stream, look).is_none());
    candidates.count() > 1
}

/// Whether a stream that would be preferred was not met by the look.
pub(crate) fn misses_a_better_one(streams: &[Stream], look: &Look) -> bool {
    let rank_of_best = streams
        .iter()
        .filter(|stream| defect(stream, look).is_none())
        .map(rank)
        .min();
    streams.iter().any(|stream| {
        let is_better = rank_of_best.is_none_or(|best| rank(stream) < best);
        is_better && may_hold_pictures(stream) && look.beginning(stream.index).is_none()
    })
}

/// Whether the container lets hope for pictures that can be rendered.
fn may_hold_pictures(stream: &Stream) -> bool {
    !stream.is_cover()
        && !stream.is_encrypted()
        && stream.is_supported()
        && stream.has_size()
        && stream.pictures() != Some(0)
}

/// Why a stream cannot be rendered.
fn defect(stream: &Stream, look: &Look) -> Option<NotChosen> {
    if stream.is_cover() {
        return Some(NotChosen::Cover);
    }
    let beginning = look.beginning(stream.index);
    if stream.is_encrypted() || beginning.is_some_and(|found| found.is_encrypted) {
        return Some(NotChosen::Encrypted);
    }
    match beginning {
        Some(found) if found.has_picture() && stream.has_size() => None,
        _ if !stream.is_supported() => Some(NotChosen::UnsupportedCodec),
        Some(found) if found.packets > 0 => Some(NotChosen::Undecodable),
        _ => Some(NotChosen::Empty),
    }
}

/// Why a stream that could be rendered is not the film, if one of `all` is.
fn beside_a_film(
    stream: &Stream,
    all: &[&Stream],
    reaches_middle: impl Fn(u32) -> Option<bool>,
) -> Option<NotChosen> {
    let most = all.iter().filter_map(|other| other.pictures()).max();
    if let (Some(pictures), Some(most)) = (stream.pictures(), most)
        && pictures < FEW_PICTURES
        && pictures.saturating_mul(FILM_TIMES) <= most
    {
        return Some(NotChosen::FewPictures);
    }
    let longest = all
        .iter()
        .filter_map(|other| other.counted_seconds())
        .reduce(f64::max);
    if let (Some(seconds), Some(longest)) = (stream.counted_seconds(), longest)
        && seconds < longest * SHORT_PART
    {
        return Some(NotChosen::Short);
    }
    let another_does = all
        .iter()
        .any(|other| reaches_middle(other.index) == Some(true));
    (another_does && reaches_middle(stream.index) == Some(false)).then_some(NotChosen::Short)
}

fn other(stream: &Stream, why: NotChosen) -> OtherStream {
    OtherStream {
        index: stream.index,
        codec: stream.codec(),
        why,
    }
}

/// Why no stream can be rendered: for the reason of the one that came nearest.
fn why_none(streams: &[Stream], look: &Look, defects: &[OtherStream]) -> Rejection {
    let with = |why: NotChosen| {
        let found = defects.iter().find(|other| other.why == why)?;
        streams.iter().find(|stream| stream.index == found.index)
    };
    if look.is_protected || with(NotChosen::Encrypted).is_some() {
        return encrypted();
    }
    if with(NotChosen::Undecodable).is_some() {
        return unreadable("the file is damaged: none of the first pictures of the video decodes");
    }
    if let Some(stream) = with(NotChosen::UnsupportedCodec) {
        return stream.unsupported();
    }
    if with(NotChosen::Empty).is_some() {
        let message = "the video stream holds no pictures";
        return Rejection::new(Reason::EmptyVideo, message);
    }
    if with(NotChosen::Cover).is_some() {
        let message = "the file has no video stream (cover art is none); upload a video";
        return Rejection::new(Reason::NoVideoStream, message);
    }
    Rejection::new(
        Reason::NoVideoStream,
        "the file has no video stream; upload a video",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn streams(streams: Value) -> Vec<Stream> {
        let mut streams = streams;
        for (index, stream) in streams.as_array_mut().unwrap().iter_mut().enumerate() {
            stream["index"] = json!(index);
            for (name, value) in [
                ("codec_name", json!("h264")),
                ("width", json!(64)),
                ("height", json!(64)),
            ] {
                if stream.get(name).is_none() {
                    stream[name] = value;
                }
            }
        }
        serde_json::from_value(streams).unwrap()
    }

    /// A look at as many streams; `holds` says what each holds: `p` a picture, `-` packets alone, `x`
    /// encrypted packets, and a space nothing.
    fn look(holds: &str) -> Look {
        let mut look = Look::default();
        for (index, holds) in (0..).zip(holds.chars()) {
            let beginning = Beginning {
                first_picture: if holds == 'p' { 0.0 } else { f64::INFINITY },
                packets: 3,
                is_encrypted: holds == 'x',
                ..Beginning::default()
            };
            if holds != ' ' {
                look.streams.insert(index, beginning);
            }
        }
        look
    }

    fn chosen(all: Value, holds: &str) -> (u32, Vec<NotChosen>) {
        let (all, look) = (streams(all), look(holds));
        let choice = choose(&all, &look, |_| None).unwrap();
        let others = choice.others.iter().map(|other| other.why).collect();
        (choice.stream.index, others)
    }

    fn rejected(all: Value, holds: &str) -> Reason {
        let (all, look) = (streams(all), look(holds));
        choose(&all, &look, |_| None).unwrap_err().reason
    }

    #[test]
    fn the_first_default_stream_is_chosen_else_the_largest_else_the_first() {
        let default = json!({"disposition": {"default": 1}});
        let large = json!({"width": 128, "disposition": {"default": 1}});
        let preferred = vec![NotChosen::OtherPreferred; 2];
        let (index, others) = chosen(json!([{}, default, large]), "ppp");
        assert_eq!((index, others), (1, preferred.clone()));
        let (index, others) = chosen(json!([{}, {"width": 128}, {}]), "ppp");
        assert_eq!((index, others), (1, preferred.clone()));
        assert_eq!(chosen(json!([{}, {}, {}]), "ppp"), (0, preferred));
    }

    #[test]
    fn a_stream_without_a_picture_is_not_chosen_whatever_its_rank() {
        let default = json!({"disposition": {"default": 1}});
        let odd = json!({"disposition": {"default": 1}, "codec_name": "lagarith"});
        let (index, others) = chosen(json!([default, default, odd, {}]), "- -p");
        let why = [
            NotChosen::Undecodable,
            NotChosen::Empty,
            NotChosen::UnsupportedCodec,
        ];
        assert_eq!((index, others), (3, why.to_vec()));
    }

    #[test]
    fn a_picture_or_a_short_track_beside_a_film_is_not_chosen() {
        let film = json!({"nb_frames": "400", "duration": "40.0"});
        let poster = json!({"nb_frames": "1", "duration": "40.0", "width": 900});
        let short = json!({"nb_frames": "30", "duration": "3.0", "disposition": {"default": 1}});
        let cover = json!({"disposition": {"attached_pic": 1}, "width": 900});
        let (index, others) = chosen(json!([poster, short, film, cover]), "pppp");
        let why = [NotChosen::FewPictures, NotChosen::Short, NotChosen::Cover];
        assert_eq!((index, others), (2, why.to_vec()));
    }

    #[test]
    fn a_track_that_has_ended_by_the_middle_of_the_file_is_not_chosen() {
        let (all, look) = (streams(json!([{"width": 900}, {}])), look("pp"));
        let choice = choose(&all, &look, |index| Some(index == 1)).unwrap();
        assert_eq!(choice.stream.index, 1);
        assert_eq!(choice.others[0].why, NotChosen::Short);
        let neither = choose(&all, &look, |_| Some(false)).unwrap();
        assert_eq!(neither.stream.index, 0);
    }

    #[test]
    fn a_short_matroska_track_is_told_by_what_its_writer_counted() {
        let short = json!({"tags": {"DURATION": "00:00:03.000000000"}, "width": 900});
        let film = json!({"tags": {"DURATION": "00:00:40.000000000"}});
        assert_eq!(
            chosen(json!([short, film]), "pp"),
            (1, vec![NotChosen::Short])
        );
    }

    #[test]
    fn a_single_picture_alone_is_a_video() {
        assert_eq!(chosen(json!([{"nb_frames": "1"}]), "p").0, 0);
    }

    #[test]
    fn a_file_without_a_candidate_is_rejected_for_what_it_lacks() {
        assert_eq!(rejected(json!([{}]), "x"), Reason::Encrypted);
        assert_eq!(
            rejected(json!([{"codec_tag_string": "encv"}]), " "),
            Reason::Encrypted
        );
        assert_eq!(rejected(json!([{}]), "-"), Reason::Unreadable);
        assert_eq!(rejected(json!([{}]), " "), Reason::EmptyVideo);
        let vvc = json!([{"codec_name": "unknown", "codec_tag_string": "vvc1"}]);
        assert_eq!(rejected(vvc, "-"), Reason::UnsupportedCodec);
        let cover = json!([{"disposition": {"attached_pic": 1}}]);
        assert_eq!(rejected(cover, " "), Reason::NoVideoStream);
        assert_eq!(rejected(json!([]), ""), Reason::NoVideoStream);
    }
}
