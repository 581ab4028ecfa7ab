//! The two languages of everything that a person reads.

use serde::{Deserialize, Serialize};

/// A language of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Japanese.
    Ja,
    /// English.
    En,
}

/// The same thing said in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// In Japanese.
    pub ja: String,
    /// In English.
    pub en: String,
}

impl Text {
    /// From both.
    pub fn new(ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self { ja: ja.into(), en: en.into() }
    }

    /// In one of them.
    #[must_use]
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Ja => &self.ja,
            Language::En => &self.en,
        }
    }
}

/// The names in braces of a template, in both languages.
pub(crate) fn placeholders(text: &Text) -> Vec<String> {
    let mut names = Vec::new();
    for side in [&text.ja, &text.en] {
        fill(side, &mut |name| {
            names.push(name.to_owned());
            String::new()
        });
    }
    names
}

/// The template with each `{name}` replaced.
pub(crate) fn fill(template: &str, value: &mut dyn FnMut(&str) -> String) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}').map(|close| open + close) else { break };
        filled.push_str(&rest[..open]);
        filled.push_str(&value(&rest[open + 1..close]));
        rest = &rest[close + 1..];
    }
    filled.push_str(rest);
    filled
}
