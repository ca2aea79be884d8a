//! The filter graph of a run, and where it ends.

use gifgen_shared::{Frames, Gifs, crop::Crop, video_stream::Turn};

use super::{LAST_PICTURE_COPIES, Rendering, SAY_SHAPE};
use crate::{
    colour::Conversion,
    decoded,
    product::{Choice, Product, RawPictures},
    scaling::{By, Scaling},
};

/// An end of the graph.
pub(super) struct Output {
    /// What is written.
    pub kind: OutputKind,
    /// Its name in the graph.
    pub name: &'static str,
    /// The pictures that it gets, if not all.
    sampling: Option<Sampling>,
    /// The filters that scale and convert each picture.
    conversion: String,
    /// The filters behind them.
    layout: String,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputKind {
    /// Raw pictures on standard output.
    Raw,
    /// One JPG for each picture.
    Stills,
    /// One JPG of all pictures.
    Sheet,
}

/// Exactly `count` pictures, `pictures` each `seconds`.
struct Sampling {
    pictures: u32,
    seconds: u32,
    count: u32,
}

impl Rendering<'_> {
    /// What the run writes.
    pub(super) fn outputs(&self) -> Vec<Output> {
        let settings = &self.spec.settings;
        let (stills, sheet) = match (self.product, settings.frames) {
            (Product::Raw(raw), _) => return vec![self.raw(raw)],
            (Product::Previews, Frames::None) => (None, None),
            (Product::Previews, Frames::Each) => (Some(self.stills()), None),
            (Product::Previews, Frames::Storyboard) => (None, Some(self.sheet())),
            (Product::Previews, Frames::Both) => (Some(self.stills()), Some(self.sheet())),
        };
        let gif = (settings.gifs == Gifs::Each).then(|| self.gif());
        [gif, stills, sheet].into_iter().flatten().collect()
    }

    /// The graph with these ends.
    pub(super) fn filter_graph(&self, outputs: &[Output]) -> String {
        let zero_us = (self.spec.zero() * 1e6).round() as i64;
        let end_us = (self.spec.slice.seconds() * 1e6).round() as i64;
        let deinterlace = if self.spec.video.interlaced {
            "yadif=mode=send_frame:deint=interlaced,"
        } else {
            ""
        };
        let turn = match self.spec.video.turn {
            None => "",
            Some(Turn::Clockwise) => "transpose=clock,",
            Some(Turn::Counterclockwise) => "transpose=cclock,",
            Some(Turn::Half) => "hflip,vflip,",
        };
        let until = if self.takes_all() {
            String::new()
        } else {
            format!(",tpad=stop={LAST_PICTURE_COPIES}:stop_mode=clone,trim=end_pts={end_us}")
        };
        let input = format!(
            "[{}]{turn}{}{deinterlace}settb=1/1000000,{},{}{until}",
            self.input_stream(),
            self.repairs.fit(&self.spec.video),
            self.repairs.setpts(zero_us, end_us),
            decoded::filters(),
        );
        let crop = self.crop();
        let end = |(n, output): (usize, &Output)| {
            // The first one tells for all.
            let say_shape = if n == 0 { SAY_SHAPE } else { "" };
            let converted = format!("{crop}{say_shape}{}", output.conversion);
            let sampled = match &output.sampling {
                Some(sampling) => sampling.filters(&converted),
                None => format!("{converted},setsar=1"),
            };
            format!("{sampled}{}[{}]", output.layout, output.name)
        };
        let ends: Vec<String> = outputs.iter().enumerate().map(end).collect();
        if let [end] = &ends[..] {
            return format!("{input},{end}");
        }
        let labels = (0..ends.len()).map(|n| format!("[{n}]"));
        let split = format!("split={}{}", ends.len(), labels.collect::<String>());
        let ends = ends.iter().enumerate();
        let ends: String = ends.map(|(n, end)| format!(";[{n}]{end}")).collect();
        format!("{input},{split}{ends}")
    }

    /// Whether each decoded picture becomes a raw one.
    fn takes_all(&self) -> bool {
        let Product::Raw(raw) = self.product else {
            return false;
        };
        matches!(raw.choice, Choice::All { .. })
    }

    fn gif(&self) -> Output {
        let scaling = self.scaling(self.spec.gif_size(), By::AreaAndLanczos);
        Output {
            kind: OutputKind::Raw,
            name: "gif",
            sampling: Some(Sampling {
                pictures: self.spec.settings.gif_fps,
                seconds: 1,
                count: self.spec.gif_frames(),
            }),
            conversion: Conversion::of(&self.spec.video).to_rgb(scaling),
            layout: String::new(),
        }
    }

    fn raw(&self, raw: RawPictures) -> Output {
        let sampling = match raw.choice {
            Choice::All { .. } => None,
            Choice::Each { interval, count } | Choice::EachOfKeyframes { interval, count } => {
                Some(Sampling {
                    pictures: 1,
                    seconds: interval,
                    count,
                })
            }
        };
        let scaling = self.scaling(raw.size, By::AreaAndLanczos);
        Output {
            kind: OutputKind::Raw,
            name: "raw",
            sampling,
            conversion: Conversion::of(&self.spec.video).to_rgb(scaling),
            layout: String::new(),
        }
    }

    fn stills(&self) -> Output {
        let scaling = self.scaling(self.spec.still_size(), By::Bicubic);
        Output {
            kind: OutputKind::Stills,
            name: "stills",
            sampling: Some(self.each_second()),
            conversion: Conversion::of(&self.spec.video).to_jpg(scaling),
            layout: String::new(),
        }
    }

    fn sheet(&self) -> Output {
        let tiles = self.spec.tiles();
        let scaling = self.scaling((tiles.width, tiles.height), By::AreaAndLanczos);
        Output {
            kind: OutputKind::Sheet,
            name: "sheet",
            sampling: Some(self.each_second()),
            conversion: Conversion::of(&self.spec.video).to_jpg(scaling),
            layout: format!(",tile={}x{}", tiles.columns, tiles.rows),
        }
    }

    fn each_second(&self) -> Sampling {
        Sampling {
            pictures: 1,
            seconds: 1,
            count: self.spec.slice.still_count(),
        }
    }

    /// The filters that cut off what the container says.
    fn crop(&self) -> String {
        let Some(crop) = self.spec.video.crop else {
            return String::new();
        };
        let Crop {
            left,
            top,
            width,
            height,
        } = crop;
        // Newer FFmpegs crop by themselves: then nothing is left to cut. `crop` reads outside of
        // pictures that become smaller in mid-stream, so `scale` keeps their size.
        format!(
            "scale,crop=w='min(iw,{width})':h='min(ih,{height})':\
             x='if(gt(iw,{width}),{left},0)':y='if(gt(ih,{height}),{top},0)',"
        )
    }

    fn scaling(&self, to: (u32, u32), by: By) -> Scaling {
        let from = self.spec.video.width;
        Scaling { from, to, by }
    }
}

impl Sampling {
    /// The filters that choose the pictures, with the filters `converted` for each of them.
    fn filters(&self, converted: &str) -> String {
        let Self {
            pictures,
            seconds,
            count,
        } = self;
        let rate = match seconds {
            1 => pictures.to_string(),
            seconds => format!("{pictures}/{seconds}"),
        };
        format!(
            "fps={rate}:start_time=0:round=up,{converted},setsar=1,\
             tpad=stop=-1:stop_mode=clone,trim=end_frame={count}"
        )
    }
}
