//! Object keys that break careless encoding, decoding, splitting or normalizing.

/// Keys that are valid in S3 and must pass through the system unchanged, each with a description.
pub fn awkward() -> Vec<(&'static str, String)> {
    let mut keys = vec![
        ("spaces", "holiday films/take 2 .mp4".to_owned()),
        ("plus", "a+b++c.mp4".into()),
        ("unicode", "größe/東京 🎬 e\u{301}.mp4".into()),
        ("encoded slash", "a%2Fb%2f.mp4".into()),
        ("encoded plus and per cent", "50%/100%25 %2B.mp4".into()),
        ("double slash", "a//b///c.mp4".into()),
        ("quotes", "it's a \"film\" `x`.mp4".into()),
        ("query and fragment", "a?b=c&d=e#f;g.mp4".into()),
        ("leading slash", "/films/a.mp4".into()),
        ("trailing slash", "films/a.mp4/".into()),
        ("dot segments", "films/../a/./b/../c.mp4".into()),
        ("no extension", "film".into()),
        (
            "brackets and backslash",
            "a[1]{2}<3>|\\^~$!*'(),:@.mp4".into(),
        ),
    ];
    let long = format!("{}.mp4", "long-".repeat(250));
    keys.push(("980 bytes", long[long.len() - 980..].to_owned()));
    keys
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_long_key_has_980_bytes() {
        let (_, long) = super::awkward().pop().unwrap();
        assert_eq!(long.len(), 980);
    }
}
