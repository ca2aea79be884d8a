//! A film in each codec and container that can be made here. Each second of it has its own colour, so
//! that a picture from another second shows.

use std::{path::Path, process::Command};

use gifgen_testkit::test_env::settings;

use crate::support::{ffmpeg, names, run};

/// Red, green and blue, a second each.
const COLOURS: &str = "color=red:size=176x144:rate=10:duration=1[r];\
                       color=lime:size=176x144:rate=10:duration=1[g];\
                       color=blue:size=176x144:rate=10:duration=1[b];[r][g][b]concat=n=3";

/// FFmpeg's name of the decoder, its arguments for the codec, and the extension of the container.
const FILMS: [(&str, &str, &str); 39] = [
    ("png", "-c:v png", "mov"),
    ("jpeg2000", "-c:v jpeg2000", "mov"),
    ("jpeg2000", "-c:v jpeg2000 -r 25", "mxf"),
    ("qtrle", "-c:v qtrle", "mov"),
    ("rpza", "-c:v rpza", "mov"),
    ("smc", "-c:v smc", "mov"),
    ("v210", "-c:v v210", "mov"),
    ("v410", "-c:v v410", "mov"),
    ("r210", "-c:v r210", "mov"),
    ("r10k", "-c:v r10k", "mov"),
    ("magicyuv", "-c:v magicyuv", "avi"),
    ("hap", "-c:v hap", "mov"),
    ("zmbv", "-c:v zmbv", "avi"),
    ("flashsv", "-c:v flashsv", "flv"),
    ("flashsv2", "-c:v flashsv2", "flv"),
    ("msvideo1", "-c:v msvideo1", "avi"),
    // At its rate the colours would change a little behind the second.
    ("h261", "-c:v h261 -r 30000/1001 -ss 0.05", "avi"),
    ("dirac", "-c:v vc2 -pix_fmt yuv420p -strict -1", "mov"),
    ("utvideo", "-c:v utvideo", "avi"),
    ("ffv1", "-c:v ffv1", "mkv"),
    ("huffyuv", "-c:v huffyuv", "avi"),
    ("ffvhuff", "-c:v ffvhuff", "avi"),
    ("cfhd", "-c:v cfhd -pix_fmt yuv422p10", "mov"),
    ("prores", "-c:v prores", "mov"),
    (
        "dnxhd",
        "-c:v dnxhd -s 256x144 -profile:v dnxhr_sq -pix_fmt yuv422p",
        "mov",
    ),
    ("svq1", "-c:v svq1", "mov"),
    ("cinepak", "-c:v cinepak", "avi"),
    ("theora", "-c:v libtheora", "ogv"),
    ("mpeg2video", "-c:v mpeg2video -r 25", "mpg"),
    ("mpeg4", "-c:v mpeg4", "avi"),
    ("wmv2", "-c:v wmv2", "wmv"),
    ("rv20", "-c:v rv20", "rm"),
    ("flv", "-c:v flv", "flv"),
    ("vp8", "-c:v libvpx", "ivf"),
    ("vp9", "-c:v libvpx-vp9 -deadline realtime", "ivf"),
    ("rawvideo", "-pix_fmt yuv420p", "y4m"),
    ("mpeg2video", "-c:v mpeg2video -r 25", "wtv"),
    (
        "mpeg2video",
        "-c:v mpeg2video -s 720x576 -r 25 -g 12",
        "gxf",
    ),
    ("h264", "-c:v libx264 -g 5", "nut"),
];

/// What the FFmpeg that is tested lists: `-decoders` or `-demuxers`.
fn listed(what: &str) -> String {
    let output = Command::new(settings(&[]).ffmpeg)
        .args(["-hide_banner", what])
        .output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

fn names_of(list: &str) -> Vec<&str> {
    list.lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .flat_map(|names| names.split(','))
        .collect()
}

#[test]
fn a_film_in_each_codec_gives_the_right_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let (decoders, demuxers) = (listed("-decoders"), listed("-demuxers"));
    let (decoders, demuxers) = (names_of(&decoders), names_of(&demuxers));
    let mut missing = Vec::new();
    for (decoder, args, extension) in FILMS {
        let demuxer = match extension {
            "y4m" => "yuv4mpegpipe",
            other => other,
        };
        let is_new = ["y4m", "ivf", "wtv", "gxf"].contains(&extension);
        if !decoders.contains(&decoder) || is_new && !demuxers.contains(&demuxer) {
            missing.push(format!("{decoder} in {extension}"));
            continue;
        }
        check(folder.path(), decoder, args, extension);
    }
    // Debian's FFmpeg has all of them; a layer that was built before them has not.
    println!("this FFmpeg has not: {missing:?}");
    assert!(missing.len() < FILMS.len() / 2, "{missing:?}");
}

fn check(folder: &Path, decoder: &str, args: &str, extension: &str) {
    let name = format!("{decoder}.{extension}");
    let film = folder.join(&name);
    let mut made = vec!["-filter_complex", COLOURS];
    made.extend(args.split_whitespace());
    made.push(film.to_str().unwrap());
    ffmpeg(made);
    let out = folder.join("out");
    let flags = ["--slice-seconds", "1"];
    let (code, summary, stderr) = run(std::slice::from_ref(&film), &out, &flags);
    assert_eq!(code, Some(0), "{name}: {stderr} {summary}");
    let frames = out.join(&name).join("frames");
    let stills = names(&frames);
    assert_eq!(stills.len(), 3, "{name}: {stills:?}");
    for (still, brightest) in stills.iter().zip([0, 1, 2]) {
        let picture = image::open(frames.join(still)).unwrap().into_rgb8();
        let middle = picture
            .get_pixel(picture.width() / 2, picture.height() / 2)
            .0;
        for (channel, value) in middle.into_iter().enumerate() {
            let is_right = if channel == brightest {
                value > 180
            } else {
                value < 90
            };
            assert!(is_right, "{name}: {still} shows {middle:?}");
        }
    }
}
