use gifgen_shared::{Colour, PreviewSettings, Slice, VideoStream};

use super::*;

#[test]
fn a_function_decodes_with_as_many_threads_as_it_has_cpus() {
    for (memory, threads) in [
        (0, 1),
        (512, 1),
        (1769, 1),
        (3008, 2),
        (3538, 2),
        (10_240, 6),
    ] {
        assert_eq!(threads_of_function(memory).get(), threads, "{memory}");
    }
}

pub(crate) fn spec(frames: &str, slice: Slice) -> SliceSpec {
    SliceSpec {
        slice,
        video: VideoStream {
            index: 2,
            start_time: 1.525,
            width: 1920,
            height: 1080,
            interlaced: false,
            seek_margin: 10,
            colour: Colour::default(),
            crop: None,
            turn: None,
            hidden_keyframes: false,
        },
        settings: PreviewSettings {
            frames: serde_json::from_value(frames.into()).unwrap(),
            ..PreviewSettings::default()
        },
    }
}

fn rendering(spec: &SliceSpec) -> Rendering<'_> {
    Rendering {
        input: Input::Pipe { demuxer: "mov" },
        stream: 2,
        seek_margin: Some(10),
        threads: NonZero::<u32>::MIN,
        codec: "h264",
        spec,
        product: Product::Previews,
        repairs: &NO_REPAIRS,
    }
}

static NO_REPAIRS: Repairs = Repairs {
    fits: false,
    retimings: Vec::new(),
};

pub(crate) const SLICE: Slice = Slice {
    index: 1,
    start: 30,
    end: 60.0,
};

#[test]
fn the_source_is_sought_before_it_is_opened_and_decoded_once() {
    let args = rendering(&spec("each", SLICE)).args();
    let place = |name: &str| args.iter().position(|arg| arg == name).unwrap();
    assert_eq!(args[place("-ss") + 1], "21.525000");
    assert!(place("-ss") < place("-i"));
    assert!(place("-an") < place("-i"));
    assert_eq!(args.iter().filter(|arg| *arg == "-i").count(), 1);
    let graph = args[place("-filter_complex") + 1].to_str().unwrap();
    assert!(graph.starts_with("[0:2]settb=1/1000000,setpts='PTS-(31526000)',"));
}

#[test]
fn the_first_slice_is_read_from_the_beginning() {
    let first = Slice {
        index: 0,
        start: 0,
        end: 30.0,
    };
    let args = rendering(&spec("each", first)).args();
    assert!(!args.contains(&"-ss".into()));
}

#[test]
fn an_excerpt_is_not_sought() {
    let spec = spec("each", SLICE);
    let rendering = Rendering {
        seek_margin: None,
        ..rendering(&spec)
    };
    assert!(!rendering.args().contains(&"-ss".into()));
}

#[test]
fn only_fast_decoding_leaves_pictures_out() {
    let mut spec = spec("each", SLICE);
    assert!(!rendering(&spec).args().contains(&"-skip_frame".into()));
    spec.settings.decode = Decode::Fast;
    assert!(rendering(&spec).args().contains(&"-skip_frame".into()));
}

#[test]
fn of_an_excerpt_all_bytes_are_copied_and_else_up_to_an_end_that_ffmpeg_takes() {
    let slice = |start: u32| Slice {
        index: 1,
        start,
        end: f64::from(start) + 30.0,
    };
    let end = |seek_margin, start_time| {
        let mut spec = spec("each", slice(30));
        spec.video.start_time = start_time;
        let rendering = Rendering {
            seek_margin,
            ..rendering(&spec)
        };
        let args = rendering.byte_stream_args(32.0);
        let option = args.iter().position(|arg| arg == "-to")?;
        args[option + 1].to_str().map(str::to_owned)
    };
    assert_eq!(end(None, 1.5), None);
    assert_eq!(end(Some(10), 1.5).as_deref(), Some("63.501000"));
    assert_eq!(end(Some(10), -95.0).as_deref(), Some("1.000000"));
}
