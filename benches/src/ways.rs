//! The rendering methods that `rendering` compares.

use std::{fmt, num::NonZero, path::Path};

use anyhow::Result;

use crate::{
    clip::Clip, decode_only, gifgen::Gifgen, one_decode, quality::Sampling, rounds::cores,
    sequential,
};

type Render<'a> = Box<dyn Fn(&Clip, &Path) -> Result<()> + 'a>;

/// A method to render a slice.
pub struct Way<'a> {
    /// Name in the table.
    pub name: &'static str,
    /// Which pictures its GIF shows; `None` if it makes none.
    pub sampling: Option<Sampling>,
    render: Render<'a>,
}

impl Way<'_> {
    /// Writes the previews of `clip`, which is one slice, to `out`.
    ///
    /// # Errors
    /// The method fails.
    pub fn render(&self, clip: &Clip, out: &Path) -> Result<()> {
        (self.render)(clip, out)
    }
}

impl fmt::Debug for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// As many workers as cores, although there is one slice: then each decodes with one thread, like a
/// function with one CPU.
fn one_thread_each() -> NonZero<u32> {
    NonZero::new(cores()).unwrap_or(NonZero::<u32>::MIN)
}

/// All methods, in the order of the table's rows: the sample first and decoding alone last, because
/// the others are compared with them.
pub fn ways(gifgen: &Gifgen) -> Vec<Way<'_>> {
    let ours = |name, decode| Way {
        name,
        sampling: Some(Sampling::OnScreen),
        render: Box::new(move |clip, out| {
            gifgen.render_with(&["--decode", decode], clip, one_thread_each(), out)
        }),
    };
    vec![
        Way {
            name: "sample",
            sampling: Some(Sampling::Nearest),
            render: Box::new(sequential::render),
        },
        Way {
            name: "FFmpeg's filters, one decode",
            sampling: Some(Sampling::Nearest),
            render: Box::new(one_decode::render),
        },
        ours("gifgen, exact", "exact"),
        ours("gifgen, fast", "fast"),
        Way {
            name: "decode only, 1 thread",
            sampling: None,
            render: Box::new(|clip, _| decode_only::run(clip)),
        },
    ]
}
