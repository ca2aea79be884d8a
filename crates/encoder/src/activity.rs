//! Activity: how busy a picture is around each pixel. The eye, and the metrics that model it,
//! tolerate errors in busy parts and notice them in smooth ones.

use crate::planes::Planes;

/// For each pixel, the largest difference from its four neighbours in any channel.
pub(crate) fn activity(picture: &Planes, width: usize) -> Vec<u8> {
    let mut most = vec![0; picture.pixels()];
    let mut down = vec![0; picture.pixels()];
    let mut across = vec![0; picture.pixels()];
    for plane in picture.split() {
        add_differences(&mut down, plane, width);
        add_differences(&mut across, plane, 1);
    }
    // The last pixel of a row and the first of the next row are not neighbours.
    for last in across.iter_mut().skip(width - 1).step_by(width) {
        *last = 0;
    }
    for (differences, step) in [(&down, width), (&across, 1)] {
        raise(&mut most, differences);
        raise(&mut most[step..], differences);
    }
    most
}

/// Raises each of `differences` to the difference between a pixel and the one `step` further on.
fn add_differences(differences: &mut [u8], plane: &[u8], step: usize) {
    let pairs = plane.iter().zip(&plane[step.min(plane.len())..]);
    for (difference, (one, other)) in differences.iter_mut().zip(pairs) {
        *difference = (*difference).max(one.abs_diff(*other));
    }
}

fn raise(values: &mut [u8], least: &[u8]) {
    for (value, least) in values.iter_mut().zip(least) {
        *value = (*value).max(*least);
    }
}

/// Number of activity classes.
pub(crate) const CLASSES: usize = 4;

/// 0 is smooth, 3 very busy.
#[inline]
pub(crate) fn class(activity: u8) -> usize {
    match activity {
        0..4 => 0,
        4..9 => 1,
        9..18 => 2,
        18.. => 3,
    }
}

/// A representative activity of the class.
pub(crate) fn of_class(class: usize) -> f32 {
    [0.0, 6.0, 12.0, 24.0][class]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_is_compared_with_its_four_neighbours_and_no_others() {
        let lone = |place: usize| {
            let mut bytes = vec![10; 27];
            bytes[place] = 30;
            activity(&Planes::new(bytes), 3)
        };
        assert_eq!(lone(4), [0, 20, 0, 20, 20, 20, 0, 20, 0]);
        assert_eq!(lone(2), [0, 20, 20, 0, 0, 20, 0, 0, 0]);
        assert_eq!(lone(18 + 3), [20, 0, 0, 20, 20, 0, 20, 0, 0]);
    }

    #[test]
    fn one_pixel_has_no_neighbours() {
        assert_eq!(activity(&Planes::new(vec![1, 2, 3]), 1), [0]);
    }
}
