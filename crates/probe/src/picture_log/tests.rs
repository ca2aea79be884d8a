use super::*;

fn read(log: &str) -> Vec<LoggedPicture> {
    let mark = LogMark::unguessable();
    let log = format!("{SECOND_INPUT}{}':\n{log}", mark.name());
    read_picture_log(log.as_bytes(), &mark, |_| false).unwrap()
}

const GOOD: LoggedPicture = LoggedPicture {
    time: Some(10.0),
    kind: PictureKind::Intra,
    is_keyframe: true,
    is_marked: false,
    is_after_refusal: false,
    is_after_unreadable: false,
    is_after_passing_over: false,
    is_after_skip: false,
    lacks_reference: false,
    may_be_repeated: false,
};

#[test]
fn ffmpeg_5_marks_a_picture_in_the_line_before_it() {
    let pictures = read(
        "[warning] a.mp4: corrupt decoded frame in stream 0\n\
         [info] demuxer -> ist_index:0 type:video pkt_pts:1 pkt_pts_time:9\n\
         [info] decoder -> ist_index:0 type:video frame_pts:2000000 frame_pts_time:10 best_effort_ts:2000000 best_effort_ts_time:10 keyframe:1 frame_type:1 time_base:1/200000\n\
         [info] decoder -> ist_index:0 type:video frame_pts:2020000 frame_pts_time:10.1 best_effort_ts:2020000 best_effort_ts_time:10.1 keyframe:0 frame_type:3 time_base:1/200000\n",
    );
    let marked = LoggedPicture {
        is_marked: true,
        ..GOOD
    };
    let after = LoggedPicture {
        time: Some(10.1),
        kind: PictureKind::Between,
        is_keyframe: false,
        ..GOOD
    };
    assert_eq!(pictures, [marked, after]);
}

#[test]
fn ffmpeg_8_does_so_too_and_names_who_speaks() {
    let by = "[vist#0:0/h264 @ 0x5] [dec:h264 @ 0x6]";
    let picture = "pts:100 pts_time:10 pkt_dts:99 pkt_dts_time:9.9 duration:1 duration_time:0.1 keyframe:1 frame_type:1 time_base:1/10";
    let pictures = read(&format!(
        "{by} [warning] corrupt decoded frame\n{by} [info] decoder -> {picture}\n\
         {by} [error] Error submitting packet to decoder: Invalid data\n{by} [info] decoder -> {picture}\n"
    ));
    assert!(pictures[0].is_marked && !pictures[0].is_after_refusal);
    assert!(!pictures[1].is_marked && pictures[1].is_after_refusal);
}

#[test]
fn times_of_long_films_are_exact_though_ffmpeg_rounds_them_to_six_digits() {
    let pictures = read(
        "[info] decoder -> ist_index:0 type:video frame_pts:1800108000 frame_pts_time:20001.2 keyframe:1 frame_type:1 time_base:1/90000\n\
         [info] decoder -> ist_index:0 type:video frame_pts:1800111003 frame_pts_time:20001.2 keyframe:0 frame_type:2 time_base:1/90000\n\
         [info] decoder -> ist_index:0 type:video frame_pts:NOPTS frame_pts_time:NOPTS keyframe:0 frame_type:2 time_base:1/90000\n",
    );
    let times: Vec<_> = pictures.iter().map(|picture| picture.time).collect();
    assert_eq!(
        times,
        [Some(20_001.2), Some(1_800_111_003.0 / 90_000.0), None]
    );
}

#[test]
fn an_error_counts_only_if_its_decoder_marks_no_picture_itself() {
    let picture = "[info] decoder -> ist_index:0 type:video frame_pts:100 frame_pts_time:10 keyframe:1 frame_type:1 time_base:1/10\n";
    let of = |line: &str| read(&format!("{line}\n{picture}"))[0];
    assert!(of("[hevc @ 0x55] [error] Could not find ref with POC 71").lacks_reference);
    assert!(of("[cinepak @ 0x55] [error] cinepak_decode failed").is_marked);
    assert_eq!(
        of("[h264 @ 0x55] [error] SEI type 5 size 1600 truncated at 336"),
        GOOD
    );
    assert_eq!(
        of("[mov @ 0x55] [error] Could not find ref with POC 71"),
        GOOD
    );
    assert!(of("[warning] a.ts: corrupt input packet in stream 0").is_after_refusal);
    let refused = of("[vp9 @ 0x55] [error] Invalid frame marker");
    assert!(refused.may_be_repeated && !refused.is_after_refusal);
    let passed_over = of("[libdav1d @ 0x55] [error] Unknown OBU type 9 of size 163");
    assert!(passed_over.may_be_repeated && passed_over.is_after_passing_over);
    let metadata = |kind: u32| {
        of(&format!(
            "[libdav1d @ 0x55] [error] Unknown Metadata OBU type {kind}"
        ))
    };
    assert!(metadata(6060).is_after_passing_over && !metadata(31).is_after_passing_over);
    let unreadable = "[matroska,webm @ 0x55] [error] 0x00 at pos 0 (0x0) invalid as first byte of an EBML number";
    assert!(of(unreadable).is_after_unreadable);
    let missing = "[mxf @ 0x55] [warning] edit unit sync lost on stream 0, jumping from 143 to 160";
    assert!(of(missing).is_after_unreadable);
}

#[test]
fn numbers_of_h264_skip_but_for_those_of_the_picture_with_which_it_starts() {
    let picture = "[info] decoder -> ist_index:0 type:video frame_pts:100 frame_pts_time:10 keyframe:1 frame_type:1 time_base:1/10\n";
    let skip = |number: u32| format!("[h264 @ 0x55] [debug] Frame num gap {number} 7\n");
    let unit =
        |kind: &str| format!("[h264 @ 0x55] [debug] nal_unit_type: {kind}, nal_ref_idc: 3\n");
    let (idr, other) = (unit("5(IDR)"), unit("1(Coded slice of a non-IDR picture)"));
    let skips = |log: &[&str]| {
        let pictures = read(&log.concat());
        pictures.last().unwrap().is_after_skip
    };
    assert!(!skips(&[&other, &skip(9), &skip(9), picture]));
    assert!(skips(&[
        &other,
        &skip(9),
        &skip(9),
        &other,
        &skip(12),
        picture
    ]));
    assert!(skips(&[&idr, &other, &skip(9), picture]));
    assert!(skips(&[
        &other,
        &skip(9),
        picture,
        &other,
        &skip(9),
        picture
    ]));
    assert!(!skips(&[&other, &skip(9), picture, &other, picture]));
    assert!(!skips(&[&idr, picture]));
}

#[test]
fn what_looks_like_a_picture_before_the_mark_is_none() {
    let mark = LogMark::unguessable();
    let other = LogMark::unguessable();
    let picture = "[info] decoder -> pts:1 keyframe:1 frame_type:1 time_base:1/1\n";
    let log = |mark: &LogMark| format!("{picture}{SECOND_INPUT}{}':\n{picture}", mark.name());
    let pictures = |log: String| read_picture_log(log.as_bytes(), &mark, |_| false).unwrap();
    assert_eq!(pictures(log(&mark)).len(), 1);
    assert_eq!(pictures(log(&other)).len(), 0);
    let unreadable = "[flv @ 0x5] [warning] Packet mismatch 1 2 3\n";
    assert!(pictures(format!("{unreadable}{}", log(&mark)))[0].is_after_unreadable);
}

#[test]
fn metadata_that_looks_like_a_picture_is_none() {
    let spoof = "[info]     title : decoder -> pts:1 keyframe:1 frame_type:1 time_base:1/1\n\
                 [info]           : x\n                : [info] decoder -> pts:1 keyframe:1 frame_type:1 time_base:1/1\n";
    assert!(read(spoof).is_empty());
}

#[test]
fn reading_ends_where_it_is_enough() {
    let line = "[info] decoder -> pts:1 keyframe:1 frame_type:1 time_base:1/1\n";
    let mark = LogMark::unguessable();
    let log = format!("{SECOND_INPUT}{}':\n{}", mark.name(), line.repeat(9));
    let pictures = read_picture_log(log.as_bytes(), &mark, |read| read.len() == 4);
    assert_eq!(pictures.unwrap().len(), 4);
}
