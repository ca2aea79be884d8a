//! What ffprobe says of a stream's colours, crop and layers.

use gifgen_shared::{
    Colour, Reason, Rejection,
    colour::{Alpha, Matrix, Model, PQ_PEAK, Range, Transfer},
};
use serde::Deserialize;

/// Fields of a stream or frame to ask ffprobe for.
pub(super) const FIELDS: &str = "pix_fmt,color_range,color_space,color_transfer";

/// Profiles of Dolby Vision that can come without a base layer that other decoders understand:
/// HEVC, AV1, and HEVC for two eyes.
const MAYBE_DOLBY_ONLY: [u32; 3] = [5, 10, 20];

/// Value of `dv_bl_signal_compatibility_id`: the base layer is for Dolby Vision only.
const NO_BASE: u32 = 0;

/// Colour tags, as ffprobe prints them for streams and for frames.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct Tags {
    pub pix_fmt: Option<String>,
    pub color_range: Option<String>,
    pub color_space: Option<String>,
    pub color_transfer: Option<String>,
}

/// Side data of a stream or frame.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct ColourData {
    /// Peak of the mastering display in cd/m², as a fraction.
    pub max_luminance: Option<String>,
    pub dv_profile: Option<u32>,
    pub dv_bl_signal_compatibility_id: Option<u32>,
}

/// How the pictures' numbers stand for colours. `frame` is what the first picture says: that counts
/// more than what the `stream` says. The pictures are coded in `size`.
///
/// # Errors
/// If the colours cannot be converted.
pub(super) fn colour<'a>(
    stream: &Tags,
    frame: &Tags,
    codec: &str,
    size: (u32, u32),
    data: impl Iterator<Item = &'a ColourData> + Clone,
) -> Result<Colour, Rejection> {
    if data.clone().any(is_dolby_only) {
        return Err(unsupported(
            "the video is Dolby Vision without a base layer for other players",
        ));
    }
    let said = |field: fn(&Tags) -> &Option<String>| {
        let known = |tags| field(tags).as_deref().filter(|text| is_said(text));
        known(frame).or(known(stream)).unwrap_or_default()
    };
    let format = said(|tags| &tags.pix_fmt);
    let model = model(format);
    let named = match model {
        Model::Yuv => matrix(said(|tags| &tags.color_space))?,
        Model::Rgb | Model::Grey => None,
    };
    let range = match said(|tags| &tags.color_range) {
        "pc" | "jpeg" | "full" => Some(Range::Full),
        "tv" | "mpeg" | "limited" => Some(Range::Limited),
        // FFmpeg takes grey of unknown range for full. H.264 says that it is limited then.
        _ if model == Model::Grey && codec == "h264" => Some(Range::Limited),
        _ => None,
    };
    Ok(Colour {
        matrix: Some(named.unwrap_or_else(|| Matrix::of_size(size.0, size.1))),
        names_matrix: named.is_some(),
        range,
        model,
        transfer: match said(|tags| &tags.color_transfer) {
            "smpte2084" => Transfer::Pq,
            "arib-std-b67" => Transfer::Hlg,
            _ => Transfer::Sdr,
        },
        peak: data.filter_map(peak).next(),
        alpha: alpha(format),
    })
}

fn is_said(text: &str) -> bool {
    !matches!(text, "" | "unknown" | "unspecified" | "reserved")
}

/// The matrix of one of FFmpeg's names; `None` if the name is of none.
fn matrix(name: &str) -> Result<Option<Matrix>, Rejection> {
    Ok(Some(match name {
        "bt709" => Matrix::Bt709,
        "smpte170m" | "bt470bg" => Matrix::Bt601,
        "bt2020nc" => Matrix::Bt2020,
        "smpte240m" => Matrix::Smpte240m,
        "fcc" => Matrix::Fcc,
        // Pictures in YUV cannot have the matrix of RGB: a wrong tag.
        "" | "gbr" => return Ok(None),
        // FFmpeg's scaler has no other matrix.
        _ => {
            return Err(unsupported(&format!(
                "the video codes its colours as {name}"
            )));
        }
    }))
}

/// The model of one of FFmpeg's pixel formats.
fn model(format: &str) -> Model {
    const RGB: [&str; 9] = [
        "rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "pal8", "x2",
    ];
    const GREY: [&str; 3] = ["gray", "mono", "ya"];
    let is = |names: &[&str]| names.iter().any(|name| format.starts_with(name));
    if is(&RGB) {
        Model::Rgb
    } else if is(&GREY) {
        Model::Grey
    } else {
        Model::Yuv
    }
}

/// The transparency of one of FFmpeg's pixel formats.
fn alpha(format: &str) -> Alpha {
    const WITH: [&str; 10] = [
        "yuva", "gbrap", "rgba", "bgra", "argb", "abgr", "ya8", "ya16", "ayuv", "vuya",
    ];
    if format == "pal8" {
        Alpha::Palette
    } else if WITH.iter().any(|name| format.starts_with(name)) {
        Alpha::Pixels
    } else {
        Alpha::None
    }
}

/// The mastering display's peak; `None` if it is impossible. Some phones write it 10,000 times too low.
fn peak(data: &ColourData) -> Option<u32> {
    let (numerator, denominator) = data.max_luminance.as_ref()?.split_once('/')?;
    let nits = numerator.parse::<f64>().ok()? / denominator.parse::<f64>().ok()?;
    let is_possible = (1.0..=f64::from(PQ_PEAK)).contains(&nits);
    is_possible.then_some(nits.round() as u32)
}

fn is_dolby_only(data: &ColourData) -> bool {
    data.dv_profile
        .is_some_and(|profile| MAYBE_DOLBY_ONLY.contains(&profile))
        && data.dv_bl_signal_compatibility_id == Some(NO_BASE)
}

fn unsupported(what: &str) -> Rejection {
    Rejection::new(
        Reason::UnsupportedCodec,
        format!("{what}, which cannot be converted; upload it in another coding"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn judged(stream: Value, frame: Value, data: Value) -> Result<Colour, Rejection> {
        let tags = |value| serde_json::from_value::<Tags>(value).unwrap();
        let data: Vec<ColourData> = serde_json::from_value(data).unwrap();
        let (stream, frame) = (tags(stream), tags(frame));
        colour(&stream, &frame, "h264", (1920, 1080), data.iter())
    }

    fn of_frame(frame: Value) -> Colour {
        judged(json!({}), frame, json!([])).unwrap()
    }

    #[test]
    fn the_first_picture_counts_more_than_the_header() {
        let stream = json!({"color_space": "bt709", "color_transfer": "bt709"});
        let frame = json!({"color_space": "bt2020nc", "color_transfer": "arib-std-b67"});
        let colour = judged(stream.clone(), frame, json!([])).unwrap();
        assert_eq!(
            (colour.matrix, colour.transfer),
            (Some(Matrix::Bt2020), Transfer::Hlg)
        );
        let silent = json!({"color_space": "unknown"});
        let colour = judged(stream, silent, json!([])).unwrap();
        assert!(colour.names_matrix);
        assert_eq!(colour.matrix, Some(Matrix::Bt709));
    }

    #[test]
    fn what_names_no_matrix_gets_that_of_its_size() {
        for frame in [
            json!({}),
            json!({"pix_fmt": "yuv420p", "color_space": "gbr"}),
        ] {
            let colour = of_frame(frame);
            assert!(!colour.names_matrix);
            assert_eq!(colour.matrix, Some(Matrix::Bt709));
        }
    }

    #[test]
    fn pixel_formats_tell_the_model_and_the_transparency() {
        let of = |format: &str| {
            let colour = of_frame(json!({"pix_fmt": format}));
            (colour.model, colour.alpha)
        };
        assert_eq!(of("yuv420p10le"), (Model::Yuv, Alpha::None));
        assert_eq!(of("yuva444p12le"), (Model::Yuv, Alpha::Pixels));
        assert_eq!(of("gbrp"), (Model::Rgb, Alpha::None));
        assert_eq!(of("bgra"), (Model::Rgb, Alpha::Pixels));
        assert_eq!(of("bgr0"), (Model::Rgb, Alpha::None));
        assert_eq!(of("pal8"), (Model::Rgb, Alpha::Palette));
        assert_eq!(of("gray10le"), (Model::Grey, Alpha::None));
        assert_eq!(of("ya8"), (Model::Grey, Alpha::Pixels));
    }

    #[test]
    fn grey_h264_that_names_no_range_is_limited() {
        let grey = json!({"pix_fmt": "gray", "color_range": "unknown"});
        assert_eq!(of_frame(grey).range, Some(Range::Limited));
        let full = json!({"pix_fmt": "gray", "color_range": "pc"});
        assert_eq!(of_frame(full).range, Some(Range::Full));
    }

    #[test]
    fn a_peak_that_cannot_be_is_none() {
        let peak = |text: &str| {
            let data = json!([{}, {"max_luminance": text}]);
            judged(json!({}), json!({}), data).unwrap().peak
        };
        assert_eq!(peak("10000000/10000"), Some(1000));
        assert_eq!(peak("1000/10000"), None);
        assert_eq!(peak("1/0"), None);
        assert_eq!(peak("N/A"), None);
    }

    #[test]
    fn dolby_vision_without_a_base_layer_is_refused_and_with_one_it_is_not() {
        let refused = |profile: u32, base: u32| {
            let data = json!([{"dv_profile": profile, "dv_bl_signal_compatibility_id": base}]);
            judged(json!({}), json!({}), data).err()
        };
        for (profile, base) in [(5, 0), (10, 0), (20, 0)] {
            let reason = refused(profile, base).unwrap().reason;
            assert_eq!(reason, Reason::UnsupportedCodec);
        }
        for (profile, base) in [(7, 6), (8, 1), (8, 4), (9, 2), (10, 1)] {
            assert!(refused(profile, base).is_none(), "{profile} {base}");
        }
    }

    #[test]
    fn colours_that_the_scaler_cannot_convert_are_refused() {
        let frame = json!({"pix_fmt": "yuv420p10le", "color_space": "ictcp"});
        let error = judged(json!({}), frame, json!([])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unsupportedCodec: the video codes its colours as ictcp, which cannot be converted; \
             upload it in another coding"
        );
    }
}
