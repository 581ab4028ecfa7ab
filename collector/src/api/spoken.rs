//! Names and reasons as people write them: one rule for the command line and the API.

/// Longest name or reason that a person gives, in characters.
pub const TEXT_CHARS_MAX: usize = 500;

/// Why a text is none that a person would write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSpoken {
    /// There is nothing in it.
    Empty,
    /// It is longer than [`TEXT_CHARS_MAX`].
    Long,
    /// It is more than one line, or a terminal would obey it.
    Control,
}

/// The text without space around it: not empty, bounded, one line.
///
/// # Errors
/// What it is instead.
pub fn spoken(text: &str) -> Result<String, NotSpoken> {
    let text = text.trim();
    if text.is_empty() {
        return Err(NotSpoken::Empty);
    }
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(NotSpoken::Long);
    }
    if text.chars().any(char::is_control) {
        return Err(NotSpoken::Control);
    }
    Ok(text.to_owned())
}
