//! A command line that cannot be understood: what is wrong, what would be right, where help is. In the caller's
//! language, from what the parser knows of the mistake; its own text is neither shown nor read.

use std::error::Error as _;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::args::{Args, WrongValue};
use crate::exit;
use crate::locale::{Message, PROGRAM};
use crate::visible::visible;
use crate::voice::{Voice, plain_words};

/// Prints the mistake, or the help or version that was asked for, and gives the exit code.
#[must_use]
pub fn report(error: &clap::Error, words: &[OsString], voice: &Voice) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that has gone away has seen enough.
            let _ = error.print();
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            exit::last_words(&voice.t("usage-no_command"));
            let _ = error.print();
        }
        ErrorKind::InvalidValue
        | ErrorKind::UnknownArgument
        | ErrorKind::InvalidSubcommand
        | ErrorKind::NoEquals
        | ErrorKind::ValueValidation
        | ErrorKind::TooManyValues
        | ErrorKind::TooFewValues
        | ErrorKind::WrongNumberOfValues
        | ErrorKind::ArgumentConflict
        | ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::InvalidUtf8
        | ErrorKind::Io
        | ErrorKind::Format
        | _ => exit::last_words(&text(error, words, voice)),
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// The mistake, a line with what would be right, and a line that says where help is.
fn text(error: &clap::Error, words: &[OsString], voice: &Voice) -> String {
    let mut text = visible(&voice.tell(&mistake(error, voice)));
    if let Some(remedy) = remedy(error, voice) {
        text.push_str("\n  ");
        text.push_str(&remedy);
    }
    let command = commands(words).iter().fold(program(words), |command, name| format!("{command} {name}"));
    text.push_str("\n  ");
    text.push_str(&voice.say("usage-help", &[("command", &command)]));
    text
}

fn program(words: &[OsString]) -> String {
    words.first().map_or_else(|| PROGRAM.to_owned(), |word| word.to_string_lossy().into_owned())
}

fn mistake(error: &clap::Error, voice: &Voice) -> Message {
    let argument = context(error, ContextKind::InvalidArg);
    let value = context(error, ContextKind::InvalidValue);
    let about = |key| Message::new(key).mention("argument", &argument).mention("value", &value);
    match error.kind() {
        ErrorKind::InvalidValue if value.is_empty() => about("usage-value_missing"),
        ErrorKind::InvalidValue => about("usage-value"),
        ErrorKind::ValueValidation => match error.source() {
            Some(source) => about("usage-value_detail").mention(
                "detail",
                source.downcast_ref::<WrongValue>().map_or_else(|| source.to_string(), |wrong| voice.tell(&wrong.0)),
            ),
            None => about("usage-value"),
        },
        ErrorKind::UnknownArgument => about("usage-argument"),
        ErrorKind::InvalidSubcommand => {
            Message::new("usage-command").mention("value", context(error, ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingSubcommand => {
            Message::new("usage-command_missing").mention("name", context(error, ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingRequiredArgument => about("usage-required"),
        ErrorKind::NoEquals => about("usage-equals"),
        ErrorKind::TooManyValues => about("usage-value_many"),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => about("usage-value_few"),
        ErrorKind::ArgumentConflict => match context(error, ContextKind::PriorArg) {
            other if other == argument || other.is_empty() => about("usage-twice"),
            other => about("usage-conflict").mention("other", other),
        },
        ErrorKind::InvalidUtf8 => Message::new("usage-utf8"),
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        | ErrorKind::DisplayVersion
        | ErrorKind::Io
        | ErrorKind::Format
        | _ => Message::new("usage-other"),
    }
}

/// The likeliest meaning, or everything that is possible.
fn remedy(error: &clap::Error, voice: &Voice) -> Option<String> {
    let near = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    if let Some(near) = near.into_iter().map(|kind| context(error, kind)).find(|near| !near.is_empty()) {
        return Some(voice.say("usage-near", &[("near", &near)]));
    }
    let possible = [ContextKind::ValidValue, ContextKind::ValidSubcommand];
    let possible = possible.into_iter().map(|kind| context(error, kind)).find(|values| !values.is_empty())?;
    Some(voice.say("usage-possible", &[("values", &possible)]))
}

/// What the parser knows, in the words of the command line.
fn context(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        Some(ContextValue::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// The commands that were understood, such as `token`, `create`.
fn commands(words: &[OsString]) -> Vec<String> {
    let mut tree = Args::command();
    let mut names = Vec::new();
    for word in plain_words(words) {
        let Some(below) = tree.find_subcommand(&word).cloned() else { break };
        names.push(word);
        tree = below;
    }
    names
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::locale::{Lang, Locale};

    fn said(lang: Lang, line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let error = Args::try_parse_from(&words).expect_err(line);
        text(&error, &words, &Voice::new(Locale::of(lang), PROGRAM))
    }

    #[test]
    fn mistakes_are_told_in_the_callers_language_with_what_would_be_right() {
        insta::assert_snapshot!(said(Lang::Ja, "tenken-collector answers --format xml"), @"
        --format <FORM> に「xml」は使えません
          使えるもの: text, json
          書き方の確認: tenken-collector answers --help
        ");
        insta::assert_snapshot!(said(Lang::En, "tenken-collector answers --format xml"), @"
        “xml” cannot be the value of --format <FORM>
          possible are: text, json
          help: tenken-collector answers --help
        ");
        insta::assert_snapshot!(said(Lang::Ja, "./tenken-collector token create --ttl 5"), @"
        --ttl <TIME> に「5」は使えません: 期間ではありません。30m、1h、2d のように単位を付けて書いてください
          書き方の確認: ./tenken-collector token create --help
        ");
        insta::assert_snapshot!(said(Lang::Ja, "tenken-collector declare 5 --answer partly"), @"
        必要な指定がありません: --by <NAME>
          書き方の確認: tenken-collector declare --help
        ");
        insta::assert_snapshot!(said(Lang::Ja, "tenken-collector colect"), @"
        「colect」というコマンドはありません
          「check」ではありませんか
          書き方の確認: tenken-collector --help
        ");
        insta::assert_snapshot!(said(Lang::Ja, "tenken-collector answers --cheklist x"), @"
        ここに「--cheklist」という引数は書けません
          「--checklist」ではありませんか
          書き方の確認: tenken-collector answers --help
        ");
        insta::assert_snapshot!(said(Lang::Ja, "tenken-collector answers --format"), @"
        --format <FORM> に値が必要です
          使えるもの: text, json
          書き方の確認: tenken-collector answers --help
        ");
        insta::assert_snapshot!(said(Lang::Ja, "tenken-collector ledger import a b"), @"
        ここに「b」という引数は書けません
          書き方の確認: tenken-collector ledger import --help
        ");
        insta::assert_snapshot!(said(Lang::Ja, "tenken-collector serve --lang ja --lang en"), @"
        --lang <LANG> が2回指定されています
          書き方の確認: tenken-collector serve --help
        ");
        insta::assert_snapshot!(said(Lang::En, "tenken-collector agents revoke x"), @"
        “x” cannot be the value of <ID>...: not the id of an agent; “tenken-collector agents” lists them
          help: tenken-collector agents revoke --help
        ");
    }

    #[test]
    fn no_mistake_is_told_without_words() {
        for line in
            ["ledger", "token create --uses 0", "declare 5 --answer maybe --by x", "hosts retire x --by", "--no"]
        {
            for lang in Lang::ALL {
                let said = said(lang, &format!("tenken-collector {line}"));
                assert!(said.contains("--help") && !said.contains("[usage-"), "{line}: {said}");
            }
        }
    }
}
