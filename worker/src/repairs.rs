//! What a second run of FFmpeg does differently, after the first has shown that it is necessary.

use gifgen_shared::VideoStream;

use crate::judge::Retiming;

/// Behind the end of every slice, in microseconds from that end.
const BEHIND_US: i64 = 1_000_000;

/// Changes to FFmpeg's filters.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Repairs {
    /// Pictures change their shape, so each is fitted into that of the video.
    pub fits: bool,
    /// Pictures that get another time.
    pub retimings: Vec<Retiming>,
}

impl Repairs {
    /// Whether nothing is to be changed.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The filters that fit each picture into the shape of `video`. Interlaced pictures are scaled field
    /// by field. The deinterlacer and the encoders then always get the same size. `rotate` by nothing puts
    /// a picture into the middle of a black one: it takes any size at any time, and FFmpeg always has it.
    pub(crate) fn fit(&self, video: &VideoStream) -> String {
        if !self.fits {
            return String::new();
        }
        let (width, height) = (video.width, video.height);
        // Without an aspect ratio, pixels are square.
        let ratio = "iw/ih*if(sar,sar,1)";
        format!(
            "scale=w='max(2,2*round(min({width},{height}*{ratio})/2))':\
             h='max(2,2*round(min({height},{width}/({ratio}))/2))':eval=frame:interl=-1,\
             rotate=angle=0:out_w={width}:out_h={height}:fillcolor=black,setsar=1,"
        )
    }

    /// The filter that moves pts, in microseconds, so that the slice starts at zero. `N` is the number of a
    /// picture.
    pub(crate) fn setpts(&self, zero_us: i64, end_us: i64) -> String {
        let mut time = format!("PTS-({zero_us})");
        for Retiming { pictures, time: to } in &self.retimings {
            let (first, last) = (pictures.start, pictures.end.saturating_sub(1));
            let to = to.map_or(end_us + BEHIND_US, |to| (to * 1e6).round() as i64);
            time += &format!("+between(N,{first},{last})*({to}-PTS+({zero_us}))");
        }
        format!("setpts='{time}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_get_another_time_by_their_number() {
        let repairs = Repairs {
            fits: false,
            retimings: vec![
                Retiming {
                    pictures: 3..5,
                    time: Some(1.5),
                },
                Retiming {
                    pictures: 9..10,
                    time: None,
                },
            ],
        };
        assert_eq!(
            repairs.setpts(700, 30_000_000),
            "setpts='PTS-(700)+between(N,3,4)*(1500000-PTS+(700))+between(N,9,9)*(31000000-PTS+(700))'"
        );
        assert!(!repairs.is_empty() && Repairs::default().is_empty());
    }
}
