//! Which decoded pictures are keyframes that prove right.

use gifgen_probe::{LoggedPicture, PictureKind};

/// Two times this close, in seconds, are the same. Timestamps of Matroska and FLV are whole milliseconds.
const SAME_SECONDS: f64 = 0.000_9;

/// Whether a decoded picture needs no other one and shows no damage. What containers call a keyframe may be another
/// picture. After a refused packet or a missing reference, the decoder may show anything.
pub(super) fn is_right(picture: &LoggedPicture) -> bool {
    let needs_no_other =
        picture.is_keyframe && matches!(picture.kind, PictureKind::Intra | PictureKind::Unknown);
    let is_doubtful = picture.is_marked
        || picture.is_after_refusal
        || picture.is_after_unreadable
        || picture.is_after_passing_over
        || picture.lacks_reference
        || picture.may_be_repeated;
    needs_no_other && !is_doubtful
}

/// Whether `logged` and the raw pictures with the `decoded` times are the same ones, in the same order. Both are in
/// seconds on one clock. The log may have more at its end: those that the filters did not need.
pub(super) fn are_the_same(logged: &[LoggedPicture], decoded: &[f64]) -> bool {
    let pairs = logged.iter().zip(decoded);
    logged.len() >= decoded.len()
        && pairs
            .into_iter()
            .all(|(picture, time)| picture.time.is_some_and(|logged| is_same(logged, *time)))
}

/// The place of the picture at `pts` among `logged`, if exactly one is there and it is right.
pub(super) fn right_at(logged: &[LoggedPicture], pts: f64) -> Option<usize> {
    let is_there = |picture: &LoggedPicture| picture.time.is_some_and(|time| is_same(time, pts));
    let mut places = (0..logged.len()).filter(|place| is_there(&logged[*place]));
    let place = places.next().filter(|_| places.next().is_none())?;
    is_right(&logged[place]).then_some(place)
}

fn is_same(time: f64, other: f64) -> bool {
    (time - other).abs() < SAME_SECONDS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keyframe(time: f64) -> LoggedPicture {
        LoggedPicture {
            time: Some(time),
            kind: PictureKind::Intra,
            is_keyframe: true,
            is_marked: false,
            is_after_refusal: false,
            is_after_unreadable: false,
            is_after_passing_over: false,
            is_after_skip: false,
            lacks_reference: false,
            may_be_repeated: false,
        }
    }

    #[test]
    fn a_picture_that_refers_to_others_is_no_keyframe_whatever_its_flag_says() {
        let predicted = LoggedPicture {
            kind: PictureKind::Predicted,
            ..keyframe(0.0)
        };
        assert!(!is_right(&predicted) && is_right(&keyframe(0.0)));
        // VP9's intra-only pictures need tables of earlier ones.
        let intra_only = LoggedPicture {
            is_keyframe: false,
            ..keyframe(0.0)
        };
        assert!(!is_right(&intra_only));
    }

    #[test]
    fn a_damaged_picture_is_not_right() {
        let marked = LoggedPicture {
            is_marked: true,
            ..keyframe(0.0)
        };
        let behind_refusal = LoggedPicture {
            is_after_refusal: true,
            ..keyframe(0.0)
        };
        assert!(!is_right(&marked) && !is_right(&behind_refusal));
    }

    #[test]
    fn two_pictures_at_one_time_prove_nothing() {
        let logged = [keyframe(1.0), keyframe(2.0), keyframe(2.0)];
        assert_eq!(right_at(&logged, 1.000_4), Some(0));
        assert_eq!(right_at(&logged, 2.0), None);
        assert_eq!(right_at(&logged, 3.0), None);
    }

    proptest! {
        #[test]
        fn raw_pictures_are_those_of_the_log_only_if_none_is_missing(
            times in prop::collection::btree_set(0u32..10_000, 1..50),
            lost in 0usize..50)
        {
            let times: Vec<f64> = times.into_iter().map(|tenth| f64::from(tenth) / 10.0).collect();
            let logged: Vec<LoggedPicture> = times.iter().copied().map(keyframe).collect();
            prop_assert!(are_the_same(&logged, &times));
            prop_assert!(are_the_same(&logged, &times[..times.len() - 1]));
            let lost = lost % times.len();
            let mut fewer = logged;
            fewer.remove(lost);
            prop_assert!(!are_the_same(&fewer, &times));
        }
    }
}
