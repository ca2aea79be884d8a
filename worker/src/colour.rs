//! The filters that convert colours: to RGB for the GIF, and to BT.601 of full range for JPGs, which
//! is what a JPG is by definition.
//!
//! Both sides of each conversion are stated, because FFmpeg's defaults differ by version and by pixel
//! format. Where the pictures name their matrix, FFmpeg takes it from each of them (`auto`), since it
//! may change in mid-stream.

use gifgen_shared::{
    VideoStream,
    colour::{Alpha, Colour, Matrix, Model, Range},
};

use crate::{
    scaling::Scaling,
    tone_map::{LUT_FILE, ToneMap},
};

/// Makes FFmpeg write JPGs of BT.601 and full range from pixels of `yuv420p`. Otherwise it takes only
/// the obsolete `yuvj420p`, and copies each picture once more.
pub(crate) const JPG_ENCODER: [&str; 4] = ["-strict", "unofficial", "-color_range", "pc"];

/// The format in which HDR is tone-mapped: 8 bits would show bands. With 10 or 12 bits, `lut3d` of
/// FFmpeg 5.1 has no SIMD code and takes five times as long.
const DEEP_RGB: &str = "gbrp16le";

/// The conversions of one stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conversion {
    colour: Colour,
    matrix: Matrix,
}

impl Conversion {
    /// The conversions of `video`.
    pub(crate) fn of(video: &VideoStream) -> Self {
        let mut conversion = Self {
            colour: video.colour,
            matrix: video.matrix(),
        };
        if video.colour.model != Model::Yuv {
            // Only for the way to a JPG.
            conversion.matrix = Matrix::Bt601;
        }
        conversion
    }

    /// The filters from the stream's pictures to scaled RGB in `gbrp`.
    pub(crate) fn to_rgb(self, scaling: Scaling) -> String {
        let (before, conversion) = self.opaque();
        let scaled = scaling.filters(&format!("{}:out_range=pc", conversion.input()));
        match self.tone_map() {
            None => format!("{before}{scaled},format=gbrp"),
            Some(mapped) => format!("{before}{scaled},{mapped},format=gbrp"),
        }
    }

    /// The filters from the stream's pictures to scaled ones for a JPG, in `yuv420p`.
    pub(crate) fn to_jpg(self, scaling: Scaling) -> String {
        let (before, conversion) = self.opaque();
        let input = conversion.input();
        // `colorspace` refuses odd sizes.
        let in_rgb = self
            .tone_map()
            .or((!scaling.is_even()).then(|| "format=gbrp".into()));
        if let Some(in_rgb) = in_rgb {
            let scaled = scaling.filters(&format!("{input}:out_range=pc"));
            let last = "scale=out_color_matrix=bt601:out_range=pc,format=yuv420p";
            return format!("{before}{scaled},{in_rgb},{last}");
        }
        // The filter `colorspace` is exact and cheap. With `scale` from one matrix to another, one
        // colour in ten is wrong by more than 3 of 255, and a picture costs twice as much.
        let (matrix, range) = (conversion.matrix, conversion.range());
        let is_jpg = (matrix, range) == (Matrix::Bt601, Range::Full);
        let (matrix_name, range) = (scale_name(matrix), range_name(range));
        let scaled = if conversion.names_none() && !is_jpg {
            scaling.filters("")
        } else {
            // `colorspace` fails at pictures that name no matrix, so each gets the same one first.
            scaling.filters(&format!(
                "{input}:out_color_matrix={matrix_name}:out_range={range}"
            ))
        };
        if is_jpg {
            return format!("{before}{scaled},format=yuv420p");
        }
        format!(
            "{before}{scaled},colorspace=ispace={}:irange={range}:iprimaries=bt709:itrc=bt709:\
             space=bt470bg:range=pc:primaries=bt709:trc=bt709:fast=1:format=yuv420p",
            colorspace_name(matrix)
        )
    }

    /// The filters that put transparent pictures on black, and the conversion of what they give. In
    /// RGB, because in YUV of limited range FFmpeg's black would darken what is half transparent.
    fn opaque(self) -> (String, Self) {
        if self.colour.alpha == Alpha::None {
            return (String::new(), self);
        }
        let (clear, opaque) = if self.is_hdr() {
            ("gbrap16le", DEEP_RGB)
        } else {
            ("gbrap", "gbrp")
        };
        let filters = format!(
            "scale=flags=bicubic{}:out_range=pc,format={clear},\
             scale=alphablend=uniform_color,format={opaque},",
            self.input()
        );
        let colour = Colour {
            model: Model::Rgb,
            alpha: Alpha::None,
            range: Some(Range::Full),
            names_matrix: true,
            ..self.colour
        };
        let matrix = Matrix::Bt601;
        (filters, Self { colour, matrix })
    }

    /// Options of the filter `scale` that say what its input is.
    fn input(self) -> String {
        let by_model = match self.colour.model {
            Model::Rgb => return ":in_range=pc".into(),
            Model::Grey | Model::Yuv if self.colour.names_matrix => "auto",
            Model::Grey | Model::Yuv => scale_name(self.matrix),
        };
        let range = match (self.colour.model, self.colour.range) {
            // FFmpeg takes grey without a range for full.
            (Model::Grey, Some(_)) => format!(":in_range={}", range_name(self.range())),
            // Each picture's own.
            _ => String::new(),
        };
        format!(":in_color_matrix={by_model}{range}")
    }

    /// Whether the pictures are in YUV and name no matrix.
    fn names_none(self) -> bool {
        self.colour.model == Model::Yuv && !self.colour.names_matrix
    }

    /// The range that pictures have before the last step to a JPG.
    fn range(self) -> Range {
        match (self.colour.model, self.colour.range) {
            (Model::Yuv | Model::Grey, Some(range)) => range,
            (Model::Yuv, None) => Range::Limited,
            (Model::Rgb, _) | (Model::Grey, None) => Range::Full,
        }
    }

    fn is_hdr(self) -> bool {
        self.tone_map().is_some()
    }

    /// The filters that tone-map RGB; `None` for SDR.
    fn tone_map(self) -> Option<String> {
        ToneMap::of(&self.colour)
            .map(|_| format!("format={DEEP_RGB},lut3d=file={LUT_FILE}:interp=tetrahedral"))
    }
}

/// The name of a matrix in the options of `scale`.
fn scale_name(matrix: Matrix) -> &'static str {
    match matrix {
        Matrix::Bt601 => "bt601",
        Matrix::Bt709 => "bt709",
        Matrix::Bt2020 => "bt2020",
        Matrix::Smpte240m => "smpte240m",
        Matrix::Fcc => "fcc",
    }
}

/// FFmpeg's name of a range.
fn range_name(range: Range) -> &'static str {
    match range {
        Range::Limited => "tv",
        Range::Full => "pc",
    }
}

/// The name of a matrix in the options of `colorspace`.
fn colorspace_name(matrix: Matrix) -> &'static str {
    match matrix {
        Matrix::Bt601 => "bt470bg",
        Matrix::Bt709 => "bt709",
        Matrix::Bt2020 => "bt2020nc",
        Matrix::Smpte240m => "smpte240m",
        Matrix::Fcc => "fcc",
    }
}

#[cfg(test)]
mod tests {
    use gifgen_shared::colour::Transfer;

    use super::*;
    use crate::scaling::By;

    const SCALING: Scaling = Scaling {
        from: 1280,
        to: (640, 360),
        by: By::Bicubic,
    };

    fn conversion(colour: Colour) -> Conversion {
        let matrix = colour.matrix.unwrap_or(Matrix::Bt709);
        Conversion { colour, matrix }
    }

    #[test]
    fn pictures_that_name_a_matrix_keep_it_and_others_get_that_of_the_stream() {
        let named = Colour {
            matrix: Some(Matrix::Bt2020),
            names_matrix: true,
            ..Colour::default()
        };
        let jpg = conversion(named).to_jpg(SCALING);
        assert!(jpg.contains(":in_color_matrix=auto:out_color_matrix=bt2020:out_range=tv,"));
        assert!(jpg.contains("colorspace=ispace=bt2020nc:irange=tv:"));
        let silent = conversion(Colour::default());
        assert!(silent.to_rgb(SCALING).contains(":in_color_matrix=bt709:"));
        assert!(silent.to_jpg(SCALING).contains("colorspace=ispace=bt709:"));
    }

    #[test]
    fn what_is_as_in_a_jpg_is_only_scaled() {
        let colour = Colour {
            matrix: Some(Matrix::Bt601),
            range: Some(Range::Full),
            ..Colour::default()
        };
        assert!(!conversion(colour).to_jpg(SCALING).contains("colorspace"));
    }

    #[test]
    fn pictures_of_odd_sizes_are_converted_in_rgb() {
        let odd = |to| conversion(Colour::default()).to_jpg(Scaling { to, ..SCALING });
        assert!(odd((641, 360)).contains(",format=gbrp,scale=out_color_matrix=bt601:"));
        assert!(odd((640, 361)).contains("format=gbrp") && !odd((640, 360)).contains("gbrp"));
    }

    #[test]
    fn hdr_is_tone_mapped_after_scaling_and_sdr_never() {
        let hdr = conversion(Colour {
            transfer: Transfer::Pq,
            ..Colour::default()
        });
        for filters in [hdr.to_rgb(SCALING), hdr.to_jpg(SCALING)] {
            assert!(filters.starts_with("scale=640:360:"));
            assert!(filters.contains(",lut3d=file=hdr.cube:"));
        }
        let sdr = conversion(Colour::default());
        assert!(!sdr.to_rgb(SCALING).contains("lut3d") && !sdr.to_jpg(SCALING).contains("lut3d"));
    }

    #[test]
    fn transparent_pictures_are_put_on_black_before_all_else() {
        let clear = conversion(Colour {
            alpha: Alpha::Pixels,
            ..Colour::default()
        });
        for filters in [clear.to_rgb(SCALING), clear.to_jpg(SCALING)] {
            let (first, rest) = filters.split_once("alphablend=uniform_color").unwrap();
            assert!(!first.contains("640") && rest.contains("scale=640:360:"));
        }
    }
}
