//! Cuts tiles from sheets and puts them into others. Each sheet is decoded once, because tiles come in the order of the
//! film; one decoded sheet is in memory, and one that is written.

use std::ptr;

use crate::{
    error::TrackError,
    grid::Grid,
    picture::{Area, Picture},
    storyboard::{Sheet, Tile},
};

/// Reads sheets and cuts tiles from them.
pub(crate) struct Cutter<'a, R> {
    tile_size: (u32, u32),
    read: R,
    open: Option<(&'a Sheet, Picture)>,
}

impl<'a, E, R> Cutter<'a, R>
where
    E: std::error::Error + 'static,
    R: FnMut(&str) -> Result<Vec<u8>, E>,
{
    /// `read` gives the bytes of a sheet.
    pub(crate) fn new(tile_size: (u32, u32), read: R) -> Self {
        Self {
            tile_size,
            read,
            open: None,
        }
    }

    /// A sheet of `grid` with these tiles, row by row; what is left of the grid is black.
    pub(crate) fn sheet(
        &mut self,
        grid: &Grid,
        tiles: &[Tile<'a>],
        name: &str,
    ) -> Result<Vec<u8>, TrackError<E>> {
        let (width, height) = self.tile_size;
        let mut sheet = Picture::black(self.sheet_size(grid));
        for (place, tile) in (0u32..).zip(tiles) {
            let corner = (place % grid.columns * width, place / grid.columns * height);
            self.paste(&mut sheet, tile, corner)?;
        }
        encode(&sheet, name)
    }

    /// A JPG for each of these tiles. Repeated ones are compressed once.
    pub(crate) fn jpgs(
        &mut self,
        tiles: &[Tile<'a>],
        name: &str,
    ) -> Result<Vec<Vec<u8>>, TrackError<E>> {
        let mut jpgs: Vec<Vec<u8>> = Vec::with_capacity(tiles.len());
        let mut before = None;
        let mut picture = Picture::black(self.tile_size);
        for tile in tiles {
            let jpg = match jpgs.last() {
                Some(last) if before.is_some_and(|before| same(before, tile)) => last.clone(),
                _ => {
                    self.paste(&mut picture, tile, (0, 0))?;
                    encode(&picture, name)?
                }
            };
            jpgs.push(jpg);
            before = Some(tile);
        }
        Ok(jpgs)
    }

    /// The sheet that has exactly these tiles as `grid` wants them, and its bytes, if there is one. It need not be
    /// compressed again.
    pub(crate) fn as_rendered(
        &mut self,
        grid: &Grid,
        tiles: &[Tile<'a>],
    ) -> Result<Option<(&'a Sheet, u64)>, TrackError<E>> {
        let Some(sheet) = tiles.first().map(|tile| tile.sheet) else {
            return Ok(None);
        };
        let is_in_place =
            |(place, tile): (u32, &Tile<'_>)| place == tile.place && ptr::eq(tile.sheet, sheet);
        if sheet.columns != grid.columns
            || sheet.rows() != grid.rows
            || !(0u32..).zip(tiles).all(is_in_place)
        {
            return Ok(None);
        }
        let jpg = self.read(sheet)?;
        let size = Picture::size_of(&jpg).map_err(|source| not_a_sheet(sheet, source))?;
        Ok((size == self.sheet_size(grid)).then_some((sheet, jpg.len() as u64)))
    }

    fn sheet_size(&self, grid: &Grid) -> (u32, u32) {
        let (width, height) = self.tile_size;
        (width * grid.columns, height * grid.rows)
    }

    fn paste(
        &mut self,
        onto: &mut Picture,
        tile: &Tile<'a>,
        corner: (u32, u32),
    ) -> Result<(), TrackError<E>> {
        let (width, height) = self.tile_size;
        let (x, y) = tile.corner(self.tile_size);
        let area = Area {
            x,
            y,
            width,
            height,
        };
        let sheet = match self.open.take() {
            Some((open, picture)) if ptr::eq(open, tile.sheet) => picture,
            _ => self.decode(tile.sheet)?,
        };
        onto.paste(&sheet, area, corner);
        self.open = Some((tile.sheet, sheet));
        Ok(())
    }

    fn decode(&mut self, sheet: &Sheet) -> Result<Picture, TrackError<E>> {
        let (width, height) = self.tile_size;
        let size = (width * sheet.columns, height * sheet.rows());
        let jpg = self.read(sheet)?;
        Picture::decode(&jpg, size).map_err(|source| not_a_sheet(sheet, source))
    }

    fn read(&mut self, sheet: &Sheet) -> Result<Vec<u8>, TrackError<E>> {
        (self.read)(&sheet.url).map_err(|source| TrackError::Read {
            url: sheet.url.clone(),
            source,
        })
    }
}

/// Whether both name the same picture.
fn same(one: &Tile<'_>, other: &Tile<'_>) -> bool {
    ptr::eq(one.sheet, other.sheet) && one.place == other.place
}

fn encode<E: std::error::Error + 'static>(
    picture: &Picture,
    name: &str,
) -> Result<Vec<u8>, TrackError<E>> {
    picture.encode().map_err(|source| TrackError::Write {
        name: name.to_owned(),
        source,
    })
}

fn not_a_sheet<E: std::error::Error + 'static>(
    sheet: &Sheet,
    source: crate::picture::PictureError,
) -> TrackError<E> {
    TrackError::Sheet {
        url: sheet.url.clone(),
        source,
    }
}
