//! Makes text safe for a terminal.

/// Escapes the control characters of `text`, except line ends. File names and FFmpeg's messages are
/// other people's text, and a terminal would obey control sequences in it.
pub fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\n' {
            clean.extend(character.escape_default());
        } else {
            clean.push(character);
        }
    }
    clean
}

/// As [`printable`], for text inside of a line, such as a name: line ends are escaped too.
pub fn in_line(text: &str) -> String {
    printable(text).replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_to_a_terminal_are_spelt_out_and_all_else_stays() {
        let text = "\u{1b}[2J \u{9b}2J\r\u{7f}\nein Über-Film 🎬.mp4";
        let clean = "\\u{1b}[2J \\u{9b}2J\\r\\u{7f}\nein Über-Film 🎬.mp4";
        assert_eq!(printable(text), clean);
        assert_eq!(in_line("two\nlines\u{7}"), "two\\nlines\\u{7}");
    }
}
