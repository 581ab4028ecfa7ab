//! An error with its causes as one readable line, `a: b: c`, for logs and for the status.
//!
//! A cause that only repeats what was said is left out; a status is said by its message. At most
//! [`CHAIN_CHARS_MAX`] characters: parts of it can come from the network.

use std::error::Error;

use tonic::Status;

/// Longest chain, in characters.
pub const CHAIN_CHARS_MAX: usize = 500;
/// Most causes that are followed.
const CAUSES_MAX: usize = 16;

/// The error and its causes in one line.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = said(error);
    let causes = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source());
    for cause in causes.take(CAUSES_MAX) {
        let cause = said(cause);
        if !cause.is_empty() && !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    let text = crate::screen::escape(&text);
    if text.chars().count() <= CHAIN_CHARS_MAX {
        return text;
    }
    let mut short: String = text.chars().take(CHAIN_CHARS_MAX - 1).collect();
    short.push('…');
    short
}

/// What one link says; a status shows itself with the inside of its causes.
fn said(error: &(dyn Error + 'static)) -> String {
    let boxed = || error.downcast_ref::<Box<Status>>().map(Box::as_ref);
    match error.downcast_ref::<Status>().or_else(boxed) {
        Some(status) => status.message().to_owned(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::uplink::session::SessionError;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: String,
        source: io::Error,
    }

    #[test]
    fn causes_follow_in_one_line_and_nothing_is_said_twice() {
        let link = |text: &str, cause: &str| Link { text: text.to_owned(), source: io::Error::other(cause.to_owned()) };
        assert_eq!(chain(&link("failed to connect", "no route to host")), "failed to connect: no route to host");
        assert_eq!(chain(&link("failed: no route", "no route")), "failed: no route");
        assert!(!chain(&link("a\nb", "c")).contains('\n'));
        assert_eq!(chain(&link(&"x".repeat(9_000), "y")).chars().count(), CHAIN_CHARS_MAX);
    }

    #[test]
    fn a_status_is_said_by_its_message_and_not_by_its_inside() {
        let status = Status::from_error(Box::new(io::Error::new(io::ErrorKind::BrokenPipe, "broken pipe")));
        let told = chain(&SessionError::Status(Box::new(status)));
        assert!(told.starts_with("the stream ended: ") && told.contains("broken pipe"), "{told}");
        for inside in ["status:", "source:", "Error(", "Kind", "metadata"] {
            assert!(!told.contains(inside), "{told}");
        }
    }
}
