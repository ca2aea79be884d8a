use gifgen_probe::PictureKind;

use super::*;

/// Ten pictures a second from `from`: `I` and `P` and `B`, in lower case if marked, `x` if a packet was
/// refused before a `P`.
fn film(from: f64, kinds: &str) -> Vec<LoggedPicture> {
    let picture = |(n, kind): (usize, char)| LoggedPicture {
        time: Some(from + n as f64 / 10.0),
        kind: match kind.to_ascii_uppercase() {
            'I' => PictureKind::Intra,
            'B' => PictureKind::Between,
            _ => PictureKind::Predicted,
        },
        is_keyframe: matches!(kind, 'I' | 'i' | 'r'),
        is_marked: kind.is_lowercase() && kind != 'x',
        is_after_refusal: kind == 'x',
        is_after_unreadable: false,
        is_after_passing_over: false,
        is_after_skip: false,
        lacks_reference: false,
        may_be_repeated: false,
    };
    kinds.chars().enumerate().map(picture).collect()
}

fn verdict(from: f64, kinds: &str) -> Verdict {
    let seconds = kinds.len() as f64 / 10.0 + from;
    judge(&film(from, kinds), 0.0, seconds, true, false)
}

fn dropped(pictures: Range<usize>, time: f64) -> Retiming {
    Retiming {
        pictures,
        time: Some(time),
    }
}

#[test]
fn pictures_without_marks_are_right() {
    assert_eq!(verdict(0.0, "IBPBPIBPBP"), Verdict::Good(vec![]));
}

#[test]
fn after_a_marked_picture_all_are_left_out_until_the_next_keyframe() {
    assert_eq!(
        verdict(0.0, "IPPpPPPIPP"),
        Verdict::Good(vec![dropped(3..7, 0.7)])
    );
}

#[test]
fn pictures_between_others_that_refer_to_a_marked_one_are_left_out_too() {
    assert_eq!(
        verdict(0.0, "IPBBpPIPPP"),
        Verdict::Good(vec![dropped(2..6, 0.6)])
    );
}

#[test]
fn wrong_pictures_for_more_than_a_second_are_damage() {
    let Verdict::Damaged(range) = verdict(0.0, "IPPPPpPPPPPPPPPPPPIPPP") else {
        panic!("it is not damaged");
    };
    assert!((range.start - 0.5).abs() < 1e-9 && (range.end - 1.8).abs() < 1e-9);
    assert!(matches!(
        verdict(0.0, "IPPPPpPPPPPPPPPIPPP"),
        Verdict::Good(_)
    ));
}

#[test]
fn a_slice_that_starts_without_a_keyframe_starts_further_back_or_is_damaged() {
    let false_keyframe = "PPPPPPPPPPPPPPPIPP";
    assert_eq!(verdict(-0.1, false_keyframe), Verdict::StartsTooLate);
    assert_eq!(verdict(0.1, "IPPP"), Verdict::StartsTooLate);
    let film = film(0.0, false_keyframe);
    assert_eq!(
        judge(&film, 0.0, 1.8, false, false),
        Verdict::Damaged(0.0..1.5)
    );
}

#[test]
fn a_video_without_any_keyframe_is_right_from_its_beginning() {
    assert_eq!(
        judge(&film(0.0, "PPPPPPPPPP"), 0.0, 1.0, false, false),
        Verdict::Good(vec![])
    );
    assert_eq!(verdict(-0.1, "PPPPPPPPPP"), Verdict::StartsTooLate);
}

#[test]
fn damage_that_began_before_the_slice_is_not_sought_further_back() {
    let Verdict::Damaged(range) = verdict(-1.0, "IPPpPPPPPPPPPPPIPPPP") else {
        panic!("it is not damaged");
    };
    assert!(range.start == 0.0 && (range.end - 0.5).abs() < 1e-9);
}

#[test]
fn a_recovery_point_without_an_intra_picture_is_a_start() {
    // Its decoder marks the pictures until the recovery.
    assert_eq!(
        verdict(-0.5, "rpppPPPPPP"),
        Verdict::Good(vec![]),
        "all marked ones are before the slice"
    );
}

#[test]
fn a_refused_packet_counts_only_if_a_picture_is_missing() {
    assert_eq!(verdict(0.0, "IPPPxPPPPI"), Verdict::Good(vec![]));
    let mut film = film(0.0, "IPPPPxPPPI");
    film.remove(4);
    assert_eq!(
        judge(&film, 0.0, 1.0, true, false),
        Verdict::Good(vec![dropped(4..8, 0.9)])
    );
}

#[test]
fn a_loss_counts_from_its_hole_on_even_if_a_keyframe_is_in_between() {
    let mut film = film(0.0, "IPPPIPPPPPIPP");
    film[3].lacks_reference = true;
    assert_eq!(
        judge(&film, 0.0, 1.3, true, false),
        Verdict::Good(vec![dropped(3..4, 0.4)]),
        "nothing is missing"
    );
    film.remove(6);
    assert_eq!(
        judge(&film, 0.0, 1.3, true, false),
        Verdict::Good(vec![dropped(6..9, 1.0)])
    );
    film[3].lacks_reference = false;
    film[3].is_after_refusal = true;
    assert_eq!(
        judge(&film, 0.0, 1.3, true, false),
        Verdict::Good(vec![dropped(6..9, 1.0)])
    );
}

#[test]
fn after_a_loss_a_decoder_that_hides_its_keyframes_is_not_trusted() {
    let mut film = film(0.0, "IIIIIIIIIIIIIIIIIIII");
    film.remove(5);
    film[5].is_after_refusal = true;
    let of = |hidden| judge(&film, 0.0, 2.0, true, hidden);
    assert_eq!(of(false), Verdict::Good(vec![]));
    assert!(matches!(of(true), Verdict::Damaged(_)));
}

#[test]
fn all_holes_behind_unreadable_bytes_are_losses() {
    let mut film = film(0.0, "IPPPPPPPIPPPPPPPPPPPIPPP");
    film.drain(15..17);
    film.remove(3);
    let of = |film: &[LoggedPicture]| judge(film, 0.0, 2.4, true, false);
    assert_eq!(of(&film), Verdict::Good(vec![]));
    for picture in &mut film {
        picture.is_after_unreadable = true;
    }
    let lost = [dropped(3..7, 0.8), dropped(14..17, 2.0)];
    assert_eq!(of(&film), Verdict::Good(lost.to_vec()));
}

#[test]
fn the_time_of_lost_pictures_counts_as_wrong() {
    let mut film = film(0.0, "IPPPPPPPPPPPPPPPPPIP");
    film[3].is_after_skip = true;
    film.drain(4..16);
    let Verdict::Damaged(range) = judge(&film, 0.0, 2.0, true, false) else {
        panic!("it is not damaged");
    };
    assert!((range.start - 0.4).abs() < 1e-9 && (range.end - 1.8).abs() < 1e-9);
}

#[test]
fn the_time_of_lost_pictures_counts_as_wrong_up_to_a_keyframe() {
    let of = |lost: Range<usize>| {
        let mut film = film(0.0, "IPPPPPPPPPPPPPPPPPIP");
        film[3].is_after_skip = true;
        film.drain(lost);
        judge(&film, 0.0, 2.0, true, false)
    };
    let Verdict::Damaged(range) = of(4..18) else {
        panic!("it is not damaged");
    };
    assert!((range.start - 0.4).abs() < 1e-9 && (range.end - 1.8).abs() < 1e-9);
    assert_eq!(of(9..18), Verdict::Good(vec![]));
}

/// The picture before them is as old at the slice's start as in the middle of a slice.
#[test]
fn the_time_of_lost_pictures_counts_from_before_the_slice() {
    let mut film = film(-0.7, "IPPPPPPPPPPPPPPPPPIP");
    film[3].is_after_skip = true;
    film.drain(4..18);
    let Verdict::Damaged(range) = judge(&film, 0.0, 1.3, true, false) else {
        panic!("it is not damaged");
    };
    assert!(range.start == 0.0 && (range.end - 1.1).abs() < 1e-9);
    let before = judge(&film, 1.15, 0.15, true, false);
    assert_eq!(before, Verdict::Good(vec![]));
}

#[test]
fn the_time_of_a_refused_picture_counts_as_wrong() {
    let of = |kinds: &str| {
        let mut film = film(0.0, kinds);
        film.remove(5);
        film[5].is_after_refusal = true;
        judge(&film, 0.0, kinds.len() as f64 / 10.0, true, false)
    };
    assert!(matches!(of("IPPPPPPPPPPPPPPIPPPP"), Verdict::Good(_)));
    assert!(matches!(of("IPPPPPPPPPPPPPPPIPPP"), Verdict::Damaged(_)));
}

#[test]
fn holes_are_losses_up_to_the_next_keyframe_and_another_rate_is_none() {
    let of = |film: &mut Vec<LoggedPicture>| {
        mark_holes(film);
        judge(film, 0.0, 3.0, true, false)
    };
    let kinds = "IPPPPPPPPPPPPPPPPPPPPPPPIPPPPP";
    let mut holed = film(0.0, kinds);
    holed.drain(10..13);
    assert!(matches!(of(&mut holed), Verdict::Damaged(_)));
    let mut close = film(0.0, kinds);
    close.drain(20..22);
    assert!(matches!(of(&mut close), Verdict::Good(_)));
    // Half the rate up to second 1.9, and all from there on.
    let mut slower = film(0.0, kinds);
    let mut n = 0;
    slower.retain(|_| {
        n += 1;
        n > 20 || n % 2 == 1
    });
    assert_eq!(of(&mut slower), Verdict::Good(vec![]));
}

#[test]
fn a_marked_keyframe_is_a_recovery_point_only_if_it_refers_to_others() {
    let mut film = film(0.0, "IPiPPPPPPPPPPPPPPIPP");
    for picture in &mut film {
        picture.kind = PictureKind::Unknown;
    }
    let verdict = judge(&film, 0.0, 2.0, true, false);
    assert!(matches!(verdict, Verdict::Damaged(_)), "{verdict:?}");
}

#[test]
fn pictures_between_two_refusals_are_wrong_unless_each_stands_alone() {
    let refused = |kinds: &str, holes: [usize; 2]| {
        let mut film = film(0.0, kinds);
        for hole in holes {
            film.remove(hole);
            film[hole].is_after_refusal = true;
        }
        match judge(&film, 0.0, kinds.len() as f64 / 10.0, true, false) {
            Verdict::Good(retimings) => retimings,
            verdict => panic!("{verdict:?}"),
        }
    };
    // The keyframe in the middle decodes to noise.
    let [dropped] = &refused("IPPPPIPPIPPP", [4, 6])[..] else {
        panic!("it is one run");
    };
    assert_eq!(dropped.pictures, 4..6);
    assert_eq!(refused("IIIIIIIIIIII", [4, 6]), []);
}

#[test]
fn the_time_of_lost_pictures_counts_though_the_wrong_one_behind_them_is_not_shown() {
    let mut film = film(0.0, "IPPPPPPPPPPPPPPPPPPIIP");
    film[3].is_after_skip = true;
    film[18].time = film[19].time;
    film.drain(4..18);
    let verdict = judge(&film, 0.0, 2.2, true, false);
    assert!(matches!(verdict, Verdict::Damaged(_)), "{verdict:?}");
}

#[test]
fn a_picture_that_stands_alone_among_many_refused_ones_is_wrong() {
    let mut film = film(0.0, "IIIIIIIIIIIIIIIIIIII");
    film.drain(9..15);
    film.drain(4..8);
    film[4].is_after_refusal = true;
    film[5].is_after_refusal = true;
    let verdict = judge(&film, 0.0, 2.0, true, false);
    let Verdict::Damaged(range) = verdict else {
        panic!("it is not damaged");
    };
    assert!((range.start - 0.4).abs() < 1e-9 && (range.end - 1.5).abs() < 1e-9);
    // All behind it are refused up to the end.
    film.truncate(5);
    let verdict = judge(&film, 0.0, 2.0, true, false);
    assert!(matches!(verdict, Verdict::Damaged(_)), "{verdict:?}");
}

#[test]
fn a_wild_time_of_a_wrong_picture_before_the_slice_is_replaced_too() {
    let mut film = film(-0.5, "IppIPPPPPP");
    film[1].time = Some(9.0);
    let Verdict::Good(retimings) = judge(&film, 0.0, 0.5, true, false) else {
        panic!("it is not good");
    };
    assert_eq!(retimings.len(), 1);
    assert!((retimings[0].time.unwrap() + 0.4).abs() < 1e-9);
}

#[test]
fn a_wild_time_is_replaced_by_one_between_its_neighbours() {
    let mut film = film(0.0, "IPPPPPPPPP");
    film[4].time = Some(20.0);
    let Verdict::Good(retimings) = judge(&film, 0.0, 1.0, true, false) else {
        panic!("it is not good");
    };
    assert_eq!(retimings.len(), 1);
    assert_eq!(retimings[0].pictures, 4..5);
    assert!((retimings[0].time.unwrap() - 0.4).abs() < 1e-9);
}
