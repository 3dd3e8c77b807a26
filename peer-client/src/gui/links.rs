//! Addresses in texts: where they are, and which are better looked at before they are opened. Pure.

use std::ops::Range;

/// Why an address should be looked at before it is opened; none if it looks like what it is.
pub(crate) fn oddity(url: &str) -> Option<&'static str> {
    let hidden = |it: char| {
        it.is_control()
            || matches!(it, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    if url.chars().any(hidden) {
        return Some("It contains characters that are not seen");
    }
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some("What stands before the @ is not where it leads");
    }
    let host = authority.rsplit_once(':').map_or(authority, |(host, port)| {
        if port.bytes().all(|it| it.is_ascii_digit()) { host } else { authority }
    });
    if !host.is_ascii() || host.split('.').any(|label| label.starts_with("xn--")) {
        return Some("Its name has letters that can be mistaken for others");
    }
    if host.starts_with('[') || host.bytes().all(|it| it.is_ascii_digit() || it == b'.') {
        return Some("It leads to a bare number instead of a name");
    }
    if url.starts_with("http://") {
        return Some("It is not encrypted, so others on the way can read and change what you see");
    }
    None
}

/// Where web addresses are in a text, by bytes.
pub(crate) fn find_links(text: &str) -> Vec<Range<usize>> {
    let mut links = Vec::new();
    let mut from = 0;
    while let Some(found) = next_link(text, from) {
        from = found.end;
        links.push(found);
    }
    links
}

fn next_link(text: &str, from: usize) -> Option<Range<usize>> {
    let rest = &text[from..];
    let scheme = ["https://", "http://"]
        .into_iter()
        .filter_map(|scheme| rest.find(scheme).map(|start| (start, scheme.len())))
        .min()?;
    let (start, length) = scheme;
    let address = rest[start..].split(char::is_whitespace).next().unwrap_or_default();
    let opened = address.contains('(');
    let address = address.trim_end_matches(|character: char| {
        matches!(character, '.' | ',' | ';' | ':' | '!' | '?' | '"' | '\'' | '>' | ']' | '*' | '_')
            || (character == ')' && !opened)
    });
    let end = from + start + address.len().max(length);
    if address.len() <= length {
        return next_link(text, end);
    }
    Some(from + start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_addresses_are_opened_at_once() {
        for url in [
            "https://example.org",
            "https://docs.rs/egui/latest/?q=a@b#c",
            "https://a.example:8443/x",
            "https://en.wikipedia.org/wiki/Röntgen",
        ] {
            assert_eq!(oddity(url), None, "{url}");
        }
    }

    #[test]
    fn addresses_that_pretend_are_asked_about() {
        for url in [
            "https://paypal.com@evil.example/",
            "https://аpple.com",
            "https://xn--pple-43d.com/",
            "https://192.168.1.1/",
            "https://[::1]/",
            "https://3232235777/",
            "http://example.org",
            "https://example.org/\u{202e}gpj.exe",
        ] {
            assert!(oddity(url).is_some(), "{url}");
        }
    }

    fn links(text: &str) -> Vec<&str> {
        find_links(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn links_end_before_punctuation() {
        assert_eq!(
            links("see https://a.example/x?y=1, and http://b.example."),
            ["https://a.example/x?y=1", "http://b.example"]
        );
        assert_eq!(links("(https://a.example/b)"), ["https://a.example/b"]);
        assert_eq!(links("https://a.example/b_(c)"), ["https://a.example/b_(c)"]);
        assert_eq!(links("grüße https://ä.example/ü 👋"), ["https://ä.example/ü"]);
        assert!(links("https:// and http://").is_empty());
    }
}
