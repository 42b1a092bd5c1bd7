//! Names that come from others' files, made harmless: for terminals, logs and pages.

use std::path::Path;

/// Characters of a name that are shown.
const NAME_CHARACTERS: usize = 80;

/// Text without characters a terminal would obey: names come from files of others, and could erase a
/// verdict and write another. `lines` lets line ends pass.
pub fn printable(text: &str, lines: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let harmless = match c {
            '\n' => lines,
            // Marks that change the direction of the text around them.
            '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => false,
            '\u{2028}' | '\u{2029}' => false,
            c => !c.is_control(),
        };
        match harmless {
            true => out.push(c),
            false => out.extend(c.escape_unicode()),
        }
    }
    out
}

/// A name from a file or a path: without marks that would reorder or hide the text around it, and not so long
/// that nothing else is seen.
pub(crate) fn plain(name: &str) -> String {
    let mut short: String = name.chars().take(NAME_CHARACTERS).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    printable(&short, false)
}

/// The name of a file without its folder, which is nobody's business but the maker's.
pub(crate) fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    plain(&name.to_string_lossy())
}
