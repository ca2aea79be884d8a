//! Plain files of all makes.

use crate::support::{check, film, make};

async fn all_have_excerpts(file: &std::path::Path) {
    let (made, missing) = check(file, 0).await.unwrap();
    assert!(made > 3 && missing == 0, "{made} {missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_moov_may_stand_in_front_or_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let end = film(folder.path(), "end.mp4", &[]);
    all_have_excerpts(&end).await;
    let end = end.to_str().unwrap();
    let copy = ["-i", end, "-map", "0", "-c", "copy"];
    let front = make(
        folder.path(),
        "front.mp4",
        &[&copy[..], &["-movflags", "+faststart"]].concat(),
    );
    all_have_excerpts(&front).await;
    let quicktime = make(folder.path(), "quicktime.mov", &copy);
    all_have_excerpts(&quicktime).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edit_lists_and_negative_offsets_keep_their_times() {
    let folder = tempfile::tempdir().unwrap();
    let film = film(folder.path(), "film.mp4", &[]);
    let film = film.to_str().unwrap();
    // Starts later than its sound: an empty edit.
    let late = ["-itsoffset", "2.34", "-i", film, "-i", film];
    let late = [&late[..], &["-map", "0:v", "-map", "1:a", "-c", "copy"]].concat();
    all_have_excerpts(&make(folder.path(), "late.mp4", &late)).await;
    // Cut where no keyframe is: pictures before the edit.
    let cut = ["-ss", "2.5", "-i", film, "-map", "0", "-c", "copy"];
    all_have_excerpts(&make(folder.path(), "cut.mp4", &cut)).await;
    let negative = [
        "-i",
        film,
        "-c",
        "copy",
        "-movflags",
        "+negative_cts_offsets",
    ];
    all_have_excerpts(&make(folder.path(), "negative.mp4", &negative)).await;
    let without = ["-i", film, "-c", "copy", "-use_editlist", "0"];
    all_have_excerpts(&make(folder.path(), "without.mp4", &without)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_and_the_shape_of_pixels_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let film = film(folder.path(), "film.mp4", &["-vf", "setsar=4/3"]);
    let film = film.to_str().unwrap();
    let turned = ["-i", film, "-c", "copy", "-metadata:s:v:0", "rotate=90"];
    all_have_excerpts(&make(folder.path(), "turned.mp4", &turned)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_groups_of_pictures_start_with_their_keyframe() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["-x264-params", "open-gop=1:b-pyramid=normal:keyint=24"];
    all_have_excerpts(&film(folder.path(), "open.mp4", &args)).await;
}
