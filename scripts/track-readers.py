"""Reads tracks with libraries that we did not write, and compares each picture with the truth. Started by
scripts/track-readers: track-readers.py FOLDER"""

import bisect
import json
import math
import re
import sys
from importlib.metadata import version
from pathlib import Path

import m3u8
import webvtt
from mpegdash.parser import MPEGDASHParser
from PIL import Image

folder = Path(sys.argv[1])
truth = json.loads((folder / "truth.json").read_text())
WIDTH, HEIGHT, LENGTH, INTERVAL = (truth[key] for key in ("width", "height", "length", "interval"))
STARTS = [start for start, _ in truth["tiles"]]
SLOTS = math.ceil(LENGTH / INTERVAL)
TILES = "http://dashif.org/guidelines/thumbnail_tile"


def number_at(time):
    """The number of the latest tile at or before a time, or of the first one."""
    return truth["tiles"][max(bisect.bisect_right(STARTS, time) - 1, 0)][1]


pictures = {}


def number_in(path, x, y):
    """The number that the tile at (x, y) shows in bits."""
    path = path.resolve()
    if path not in pictures:
        pictures[path] = Image.open(path).convert("L")
    picture = pictures[path]
    assert 0 <= x <= picture.width - WIDTH and 0 <= y <= picture.height - HEIGHT, (path, x, y)
    bits = truth["bits"]
    middles = [round(x + (bit + 0.5) * WIDTH / bits) for bit in range(bits)]

    def number(row):
        return sum(2**bit for bit, middle in enumerate(middles) if picture.getpixel((middle, row)) > 127)

    # The bits are in the upper half. A tile that is shifted shows another number at one of its edges.
    upper, lower = number(y + 3), number(y + HEIGHT // 2 - 4)
    assert upper == lower, (path, x, y)
    return upper


def check_sheet(path, first_slot, slots, columns):
    for place in range(slots):
        x, y = place % columns * WIDTH, place // columns * HEIGHT
        slot = first_slot + place
        assert number_in(path, x, y) == number_at(slot * INTERVAL), (path, slot)


def seconds(time):
    return time.hours * 3600 + time.minutes * 60 + time.seconds + time.milliseconds / 1000


def check_webvtt():
    cues = webvtt.read(folder / "overview.vtt").captions
    assert len(cues) == len(truth["tiles"])
    for at, (cue, (start, number)) in enumerate(zip(cues, truth["tiles"])):
        url, xywh = cue.text.split("#xywh=")
        x, y, width, height = map(int, xywh.split(","))
        assert (width, height) == (WIDTH, HEIGHT)
        end = STARTS[at + 1] if at + 1 < len(cues) else LENGTH
        assert abs(seconds(cue.start_time) - start) < 0.002 and abs(seconds(cue.end_time) - end) < 0.002, cue
        assert number_in(folder / url, x, y) == number, cue
    print(f"WebVTT: webvtt-py {version('webvtt-py')}, {len(cues)} cues")


def check_hls():
    hls = folder / "tracks/hls"
    (stream,) = m3u8.load(str(hls / "image-stream.m3u8")).image_playlists
    assert stream.image_stream_info.resolution == (WIDTH, HEIGHT)
    assert stream.image_stream_info.codecs == "jpeg"
    playlist = m3u8.load(str(hls / stream.uri))
    assert playlist.is_images_only and playlist.is_endlist
    slot = 0
    tags = playlist.data["tiles"]
    assert len(tags) == len(playlist.segments) and tags == [tags[0]] * len(tags), "all sheets have one layout"
    columns, rows = map(int, tags[0]["layout"].split("x"))
    assert tags[0]["resolution"] == f"{WIDTH}x{HEIGHT}" and float(tags[0]["duration"]) == INTERVAL
    for segment in playlist.segments:
        assert segment.duration <= playlist.target_duration
        size = Image.open(hls / segment.uri).size
        assert size == (columns * WIDTH, rows * HEIGHT), size
        rate = (hls / segment.uri).stat().st_size * 8 / segment.duration
        assert rate <= stream.image_stream_info.bandwidth
        count = min(columns * rows, math.ceil(segment.duration / INTERVAL))
        check_sheet(hls / segment.uri, slot, count, columns)
        slot += count
    assert slot == SLOTS
    assert abs(sum(segment.duration for segment in playlist.segments) - LENGTH) < 0.01
    print(f"HLS: m3u8 {version('m3u8')}, {len(playlist.segments)} sheets")


def check_dash():
    dash = folder / "tracks/dash"
    mpd = MPEGDASHParser.parse(str(dash / "overview.mpd"))
    assert mpd.media_presentation_duration == f"PT{LENGTH:.3f}S"
    (images,) = mpd.periods[0].adaptation_sets
    assert (images.content_type, images.mime_type) == ("image", "image/jpeg")
    (representation,) = images.representations
    (tiles,) = [some for some in representation.essential_properties if some.scheme_id_uri == TILES]
    columns, rows = map(int, tiles.value.split("x"))
    assert (representation.width, representation.height) == (columns * WIDTH, rows * HEIGHT)
    template = images.segment_templates[0]
    assert template.duration == columns * rows * INTERVAL or SLOTS <= columns * rows
    sheets = math.ceil(LENGTH / template.duration)
    for sheet in range(sheets):
        path = dash / template.media.replace("$Number%04d$", f"{template.start_number + sheet:04}")
        assert Image.open(path).size == (representation.width, representation.height)
        first = sheet * columns * rows
        check_sheet(path, first, min(columns * rows, SLOTS - first), columns)
    print(f"DASH: mpegdash {version('mpegdash')}, {sheets} sheets")


def check_jellyfin():
    """No library reads these folders. This is what Jellyfin's server and web client calculate, with its defaults."""
    (trickplay,) = (folder / "tracks/jellyfin").iterdir()
    width, columns, rows = map(int, re.fullmatch(r"(\d+) - (\d+)x(\d+)", trickplay.name).groups())
    assert (width, columns, rows, INTERVAL) == (WIDTH, 10, 10, 10)
    sheets = sorted(trickplay.iterdir(), key=lambda path: int(path.stem))
    assert [path.name for path in sheets] == [f"{number}.jpg" for number in range(len(sheets))]
    assert len(sheets) == math.ceil(SLOTS / 100)
    for number, path in enumerate(sheets):
        assert math.ceil(Image.open(path).height / rows) == HEIGHT
        check_sheet(path, number * 100, min(100, SLOTS - number * 100), columns)
    print(f"Jellyfin: its own arithmetic, {len(sheets)} sheets")


check_webvtt()
check_hls()
check_dash()
check_jellyfin()
