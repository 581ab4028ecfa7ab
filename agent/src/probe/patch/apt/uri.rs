//! Addresses of archives: read and written as apt does, because the names of its list files follow from them.

use std::fmt::Write as _;

/// Parts of an address. User and password are read to be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uri {
    /// Before the first colon.
    pub(crate) access: String,
    /// Host name or address; empty for local archives.
    pub(crate) host: String,
    /// 0 when none is named.
    port: u32,
    /// From the first slash on.
    path: String,
}

impl Uri {
    /// Takes any text; there are no malformed addresses, only odd ones.
    pub(crate) fn new(text: &str) -> Self {
        let (access, rest) = text.split_once(':').unwrap_or((text, ""));
        let after = rest.strip_prefix("//").unwrap_or(rest);
        let slash = first_slash(after);
        let authority = after[..slash].rsplit_once('@').map_or(&after[..slash], |(_, host)| host);
        let path = if slash == after.len() { "/" } else { &after[slash..] };
        let (host, port) = host_and_port(authority);
        Self { access: access.to_owned(), host, port, path: path.to_owned() }
    }

    /// The address without user, password and query.
    pub(crate) fn without_credentials(&self) -> String {
        let mut text = format!("{}:", self.access);
        if !self.host.is_empty() {
            let bracketed = self.host.contains([':', '/']);
            let (open, close) = if bracketed { ("[", "]") } else { ("", "") };
            let _ = write!(text, "//{open}{}{close}", self.host);
            self.write_port(&mut text);
        }
        text.push_str(self.path.split(['?', '#']).next().unwrap_or_default());
        text
    }

    /// The name under which apt keeps a file of this archive.
    pub(crate) fn list_name(&self, below: &str) -> String {
        let mut plain = self.host.clone();
        if !self.host.is_empty() {
            self.write_port(&mut plain);
        }
        plain.push_str(&self.path);
        if !plain.ends_with('/') {
            plain.push('/');
        }
        plain.push_str(below);
        escaped(&plain)
    }

    fn write_port(&self, text: &mut String) {
        if self.port != 0 {
            let _ = write!(text, ":{}", self.port);
        }
    }
}

/// Where the path starts; slashes in square brackets do not count.
fn first_slash(text: &str) -> usize {
    let mut in_bracket = false;
    for (at, c) in text.bytes().enumerate() {
        match c {
            b'[' => in_bracket = true,
            b']' => in_bracket = false,
            b'/' if !in_bracket => return at,
            _ => {}
        }
    }
    text.len()
}

fn host_and_port(authority: &str) -> (String, u32) {
    let bracket = authority.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match authority[bracket..].rfind(':') {
        None => (authority, 0),
        Some(at) => (&authority[..bracket + at], leading_number(&authority[bracket + at + 1..])),
    };
    (host.replace(['[', ']'], ""), port)
}

fn leading_number(text: &str) -> u32 {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text[..digits].parse().unwrap_or(0)
}

/// Quotes as in the names below `lists`: `/` becomes `_`, everything unusual `%` and two hex digits.
fn escaped(text: &str) -> String {
    let mut name = String::with_capacity(text.len() + 16);
    for c in text.bytes() {
        if c == b'/' {
            name.push('_');
        } else if b"\\|{}[]<>\"^~_=!@#$%^&*".contains(&c) || c <= 0x20 || c >= 0x7f {
            let _ = write!(name, "%{c:02x}");
        } else {
            name.push(char::from(c));
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_names_are_those_of_apt() {
        for (uri, below, name) in [
            (
                "http://mirror.example/debian/",
                "dists/bookworm/InRelease",
                "mirror.example_debian_dists_bookworm_InRelease",
            ),
            ("https://mirror.example/node_20.x", "dists/x/InRelease", "mirror.example_node%5f20.x_dists_x_InRelease"),
            ("https://user:p%40ss@mirror.example:8443/a/", "Packages", "mirror.example:8443_a_Packages"),
            ("file:/srv/mirror", "Packages", "_srv_mirror_Packages"),
            ("file:///srv/mirror/", "Packages", "_srv_mirror_Packages"),
            ("http://[2001:db8::1]:3142/debian", "Release", "2001:db8::1:3142_debian_Release"),
            ("http://mirror.example", "Release", "mirror.example_Release"),
            ("http://mirror.example/~me/a b/", "Packages", "mirror.example_%7eme_a%20b_Packages"),
        ] {
            assert_eq!(Uri::new(uri).list_name(below), name, "{uri}");
        }
    }

    #[test]
    fn credentials_never_show() {
        for (uri, shown) in [
            ("https://me:secret@mirror.example/debian", "https://mirror.example/debian"),
            ("https://me:se@cret@mirror.example/debian", "https://mirror.example/debian"),
            ("https://token@mirror.example:8443/debian/?key=secret", "https://mirror.example:8443/debian/"),
            ("http://[2001:db8::1]:3142/debian", "http://[2001:db8::1]:3142/debian"),
            ("file:/srv/mirror/", "file:/srv/mirror/"),
        ] {
            assert_eq!(Uri::new(uri).without_credentials(), shown, "{uri}");
        }
    }
}
