//! The ids of elements, by the specification (RFC 9559).

#![allow(missing_docs)]

pub const EBML: u32 = 0x1a45_dfa3;
pub const SEGMENT: u32 = 0x1853_8067;
pub const SEEK_HEAD: u32 = 0x114d_9b74;
pub const SEEK: u32 = 0x4dbb;
pub const SEEK_ID: u32 = 0x53ab;
pub const SEEK_POSITION: u32 = 0x53ac;
pub const INFO: u32 = 0x1549_a966;
pub const TIMESTAMP_SCALE: u32 = 0x002a_d7b1;
pub const TRACKS: u32 = 0x1654_ae6b;
pub const TRACK: u32 = 0xae;
pub const TRACK_NUMBER: u32 = 0xd7;
pub const TRACK_TYPE: u32 = 0x83;
pub const VIDEO: u32 = 0xe0;
pub const PIXEL_WIDTH: u32 = 0xb0;
pub const PIXEL_HEIGHT: u32 = 0xba;
pub const CROP_BOTTOM: u32 = 0x54aa;
pub const CROP_TOP: u32 = 0x54bb;
pub const CROP_LEFT: u32 = 0x54cc;
pub const CROP_RIGHT: u32 = 0x54dd;
pub const DISPLAY_WIDTH: u32 = 0x54b0;
pub const DISPLAY_HEIGHT: u32 = 0x54ba;
pub const CODEC: u32 = 0x86;
pub const CODEC_PRIVATE: u32 = 0x63a2;
pub const CONTENT_ENCODINGS: u32 = 0x6d80;
pub const CODEC_DELAY: u32 = 0x56aa;
pub const DEFAULT_DURATION: u32 = 0x0023_e383;
pub const TRACK_TIMESTAMP_SCALE: u32 = 0x0023_314f;
pub const CUES: u32 = 0x1c53_bb6b;
pub const CUE_POINT: u32 = 0xbb;
pub const CUE_TIME: u32 = 0xb3;
pub const CUE_POSITIONS: u32 = 0xb7;
pub const CUE_TRACK: u32 = 0xf7;
pub const CUE_CLUSTER: u32 = 0xf1;
pub const CUE_IN_CLUSTER: u32 = 0xf0;
pub const CLUSTER: u32 = 0x1f43_b675;
pub const TIMESTAMP: u32 = 0xe7;
pub const POSITION: u32 = 0xa7;
pub const PREVIOUS_SIZE: u32 = 0xab;
pub const SIMPLE_BLOCK: u32 = 0xa3;
pub const BLOCK_GROUP: u32 = 0xa0;
pub const BLOCK: u32 = 0xa1;
pub const REFERENCE: u32 = 0xfb;
pub const VOID: u32 = 0xec;
pub const CRC_32: u32 = 0xbf;
