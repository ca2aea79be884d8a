// Reads tracks with players' own code and compares each picture with the truth. Started by scripts/track-readers, in
// the folder of its node_modules: node track-readers.mjs FOLDER NODE_MODULES
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, modules] = process.argv.slice(2);
const require = createRequire(join(modules, 'from-here.js'));
const load = (path) => import(pathToFileURL(join(modules, path)));
const version = (name) => JSON.parse(readFileSync(join(modules, name, 'package.json'))).version;
const jpeg = require('jpeg-js');

const truth = JSON.parse(readFileSync(join(folder, 'truth.json')));
const slots = Math.ceil(truth.length / truth.interval);

// The number of the latest tile at or before a time, or of the first one.
const numberAt = (time) => (truth.tiles.findLast(([start]) => start <= time) ?? truth.tiles[0])[1];

// The number that a picture shows in bits, if its left upper edge is at (x, y).
const decoded = new Map();
function numberIn(image, x, y) {
  assert(x >= 0 && y >= 0 && x + truth.width <= image.width && y + truth.height <= image.height, `${x}, ${y}`);
  const number = (row) => {
    const isSet = (_, bit) => {
      const column = Math.round(x + ((bit + 0.5) * truth.width) / truth.bits);
      return image.data[(row * image.width + column) * 4] > 127;
    };
    return Array.from({ length: truth.bits }, isSet).reduce((sum, set, bit) => sum + (set ? 2 ** bit : 0), 0);
  };
  // The bits are in the upper half. A tile that is shifted shows another number at one of its edges.
  const upper = number(y + 3);
  assert.equal(number(y + truth.height / 2 - 4), upper, `${x}, ${y}`);
  return upper;
}
function numberAtUrl(url, x, y) {
  const path = new URL(url).pathname;
  if (!decoded.has(path)) decoded.set(path, jpeg.decode(readFileSync(join(folder, path)), { maxMemoryUsageInMB: 1024 }));
  return numberIn(decoded.get(path), x, y);
}

// Browser globals that players touch while they load. None of them plays anything here.
globalThis.self = globalThis;
globalThis.window = globalThis;
Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'node', vendor: '', language: 'en', platform: '' }, configurable: true });
globalThis.location = new URL('http://film/');
globalThis.addEventListener = () => {};
globalThis.requestAnimationFrame = () => {};
globalThis.screen = {};
globalThis.VTTCue = class {
  constructor(startTime, endTime, text) { Object.assign(this, { startTime, endTime, text }); }
};
const { parseHTML } = require('linkedom');
globalThis.document = parseHTML('<html></html>').document;
Object.assign(globalThis, require('@xmldom/xmldom'));

// Shaka: its parsers, and the lookup that its seek bar uses.
async function readWithShaka() {
  // The debug build keeps the names of what is set below. It says what it is as soon as it is loaded.
  const { info } = console;
  console.info = () => {};
  const shaka = require('shaka-player/dist/shaka-player.compiled-es2021.debug.js');
  console.info = info;
  shaka.log.setLevel(shaka.log.Level.NONE);
  const configuration = shaka.util.PlayerConfiguration.createDefault();
  const text = (path) => readFileSync(join(folder, path), 'utf8');
  // Shaka takes no presentation of pictures only: a film's own one has a video.
  const video =
    '<AdaptationSet mimeType="video/mp4"><SegmentTemplate media="v$Number$" duration="10"/>' +
    '<Representation id="v" bandwidth="1000000" codecs="avc1.4d401e"/></AdaptationSet></Period>';
  const made = {
    '/tracks/dash/film.mpd': text('tracks/dash/overview.mpd').replace('</Period>', video),
    '/tracks/hls/film.m3u8': `${text('tracks/hls/image-stream.m3u8')}#EXT-X-STREAM-INF:BANDWIDTH=1000000,CODECS="avc1.4d401e"\nvideo.m3u8\n`,
    '/tracks/hls/video.m3u8': `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:${truth.length},\nv.mp4\n#EXT-X-ENDLIST\n`,
  };
  shaka.net.NetworkingEngine.registerScheme('http', (uri) => {
    const path = new URL(uri).pathname;
    const data = new TextEncoder().encode(made[path] ?? text(path)).buffer;
    return shaka.util.AbortableOperation.completed({ uri, originalUri: uri, data, headers: {}, status: 200 });
  });
  const networkingEngine = new shaka.net.NetworkingEngine();
  networkingEngine.configure(configuration.networking);
  const nothing = () => {};
  const playerInterface = {
    networkingEngine,
    filter: async () => {},
    isLowLatencyMode: () => false,
    isAutoLowLatencyMode: () => false,
    getBandwidthEstimate: () => 1e6,
    getConfiguration: () => configuration,
    onError: (error) => { throw error; },
  };
  const others =
    'modifyManifestRequest modifySegmentRequest makeTextStreamsForClosedCaptions onTimelineRegionAdded onEvent updateDuration ' +
    'newDrmInfo onManifestUpdated onMetadata disableStream addFont enableLowLatencyMode';
  for (const name of others.split(' ')) playerInterface[name] = nothing;

  for (const [Parser, uri] of [[shaka.hls.HlsParser, 'http://film/tracks/hls/film.m3u8'], [shaka.dash.DashParser, 'http://film/tracks/dash/film.mpd']]) {
    const parser = new Parser();
    parser.configure(configuration.manifest, () => false);
    const manifest = await parser.start(uri, playerInterface);
    assert.equal(manifest.imageStreams.length, 1);
    // A player that has loaded this presentation, without what it needs a browser for.
    const loadMode_ = shaka.Player.LoadMode.MEDIA_SOURCE;
    const state = { manifest_: manifest, loadMode_, deferredCloseSegmentIndex_: new Map() };
    const player = Object.assign(Object.create(shaka.Player.prototype), state);
    for (let slot = 0; slot < slots; slot += 1) {
      const start = slot * truth.interval;
      for (const time of [start, Math.min(start + truth.interval, truth.length) - 0.1]) {
        const tile = await player.getThumbnails(null, time);
        assert.equal(tile.startTime, start);
        assert.deepEqual([tile.width, tile.height], [truth.width, truth.height]);
        assert.equal(numberAtUrl(tile.uris[0], tile.positionX, tile.positionY), numberAt(start), `${uri} at ${time}`);
      }
    }
    console.log(`${uri.endsWith('mpd') ? 'DASH' : 'HLS'}: shaka-player ${version('shaka-player')}, ${slots} slots`);
  }
}

// RxPlayer: its reader of BIF.
async function readWithRxPlayer() {
  const { parseBifThumbnails } = require('rx-player/tools');
  const file = readFileSync(join(folder, 'tracks/bif/overview.bif'));
  const { images } = parseBifThumbnails(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
  assert.equal(images.length, slots);
  for (const [slot, { startTime, image }] of images.entries()) {
    assert.equal(startTime, slot * truth.interval * 1000);
    const picture = jpeg.decode(new Uint8Array(image));
    assert.deepEqual([picture.width, picture.height], [truth.width, truth.height]);
    assert.equal(numberIn(picture, 0, 0), numberAt(slot * truth.interval));
  }
  console.log(`BIF: rx-player ${version('rx-player')}, ${images.length} pictures`);
}

// Vidstack: its loader of thumbnails, with Mux's JSON and with WebVTT.
async function readWithVidstack() {
  const { ThumbnailsLoader } = await load('vidstack/dev/vidstack.js');
  const images = async (src) => {
    const errors = [];
    const group = { labelledLog: (_, error) => { errors.push(error); return group; }, dispatch: () => {} };
    const media = { $state: { canLoad: () => true }, logger: { errorGroup: () => group } };
    const loader = new ThumbnailsLoader(() => src, () => null, media);
    for (let wait = 0; wait < 100 && !loader.$images().length && !errors.length; wait += 1)
      await new Promise((resolve) => { setTimeout(resolve, 10); });
    assert.deepEqual(errors, []);
    return loader.$images();
  };
  const board = JSON.parse(readFileSync(join(folder, 'tracks/json/overview.json')));
  assert.equal(board.duration, truth.length);
  // Vidstack takes absolute addresses only. docs/tracks.md shows this line.
  board.url = new URL(board.url, 'http://film/tracks/json/overview.json').href;
  const tiles = await images(board);
  assert.equal(tiles.length, Math.min(100, truth.tiles.length));
  assert(tiles.at(-1).startTime > truth.length * 0.95, 'tiles are spread over the film');
  for (const { url, startTime, width, height, coords } of tiles) {
    assert.deepEqual([width, height], [truth.width, truth.height]);
    assert.equal(numberAtUrl(url, coords.x, coords.y), numberAt(startTime));
  }
  console.log(`JSON: vidstack ${version('vidstack')}, ${tiles.length} tiles`);

  globalThis.fetch = async () => new Response(readFileSync(join(folder, 'overview.vtt')), { headers: { 'content-type': 'text/vtt' } });
  const cues = await images('http://film/overview.vtt');
  assert.equal(cues.length, truth.tiles.length);
  for (const [at, { url, startTime, width, height, coords }] of cues.entries()) {
    assert.deepEqual([width, height], [truth.width, truth.height]);
    assert.equal(startTime, truth.tiles[at][0]);
    assert.equal(numberAtUrl(url, coords.x, coords.y), truth.tiles[at][1]);
  }
  console.log(`WebVTT: vidstack ${version('vidstack')} with media-captions ${version('media-captions')}, ${cues.length} cues`);
}

await readWithShaka();
await readWithRxPlayer();
await readWithVidstack();
process.exit(0);
