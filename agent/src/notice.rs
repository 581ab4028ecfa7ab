//! `notice`: what leaves this machine, for what, and what never does, for the people who use it.
//!
//! The list is made from the schemas by which the facts are encoded, so that it cannot say less than what is
//! sent. The Japanese texts are beside it; a test holds that every field has one.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tenken_proto::fact::{FieldSchema, GroupSchema, Kind, schemas};

use crate::args::{Format, Lang, NoticeArgs};
use crate::exit::Failure;

const JAPANESE: &str = include_str!("notice/ja.txt");

/// Why each group is collected, in English and Japanese.
const PURPOSES: [(&str, &str, &str); 5] = [
    ("host", "to know which machines there are and what they run", "どの機器があり、何が動いているかを把握するため"),
    ("patch", "to see which security updates are missing", "適用されていないセキュリティ更新を把握するため"),
    (
        "antivirus",
        "to see whether malware protection works and is current",
        "ウイルス対策が動作し、最新であるかを確認するため",
    ),
    ("usb", "to see whether USB storage can be used", "USB 記憶媒体が使える状態かを確認するため"),
    ("log_retention", "to see how far back logs reach", "ログがどこまで残っているかを確認するため"),
];

/// What is never collected.
const NEVER: [(&str, &str); 7] = [
    ("keystrokes and mouse movements", "キー入力やマウスの動き"),
    ("screens, camera and microphone", "画面、カメラ、マイク"),
    ("web pages that were visited", "閲覧した Web ページ"),
    ("mail and chat", "メールやチャット"),
    ("contents of files and of logs", "ファイルやログの中身"),
    ("passwords and keys", "パスワードや鍵"),
    ("where the machine is", "機器の位置情報"),
];

/// Prints the notice.
///
/// # Errors
/// [`Failure`] when it cannot be written.
pub fn run(args: &NoticeArgs) -> Result<(), Failure> {
    let lang = args.lang.unwrap_or_else(|| of_environment(|name| std::env::var(name).ok()));
    crate::once::print(&match args.format {
        Format::Text => text(lang),
        Format::Json => crate::once::document(&json(lang))?,
    })
}

/// The language that the environment asks for, by the usual order of its variables.
fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Lang {
    let named = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    if named.is_some_and(|value| value.starts_with("ja")) { Lang::Ja } else { Lang::En }
}

fn text(lang: Lang) -> String {
    let japanese = japanese();
    let mut out = String::new();
    let say = |english: &str, japanese: &str| match lang {
        Lang::En => english.to_owned(),
        Lang::Ja => japanese.to_owned(),
    };
    out.push_str(&say(
        "What tenken-agent sends from this machine to your organisation's collector, and nowhere else\n\n",
        "tenken-agent がこの機器から組織のコレクターへ送る情報（それ以外の宛先には送りません）\n\n",
    ));
    for schema in schemas() {
        group(&schema, lang, &japanese, &mut out);
    }
    out.push_str(&say("Never collected\n", "収集しないもの\n"));
    for (english, japanese) in NEVER {
        out.push_str(&format!("  - {}\n", say(english, japanese)));
    }
    out.push_str(&say(
        "\nFields marked (*) can be linked to a person. They stay withheld, on this machine, until the date on which\n\
         people were told has been entered in the collector. Earlier history is not read.\n\
         The agent changes nothing on this machine, opens no port and cannot be controlled from outside.\n\
         `tenken-agent once` shows the facts of this machine as they are now.\n",
        "\n(*) の項目は個人に結び付く可能性があります。利用者への通知日がコレクターに登録されるまで、\n\
         この機器から送られません。通知日より前の履歴は読み取りません。\n\
         エージェントはこの機器を変更せず、ポートを開かず、外部から操作されることもありません。\n\
         現在の内容は `tenken-agent once` で確認できます。\n",
    ));
    out
}

/// `{"groups": [{"group", "title", "purpose", "fields": […]}], "never": […]}`; a field is `{"field", "title",
/// "personal", "fields": […]}`. Names are those of `once --format json`, titles in the language.
fn json(lang: Lang) -> Json {
    let japanese = japanese();
    let group = |schema: &GroupSchema| {
        let (title, purpose) = named(schema, lang, &japanese);
        let fields = json_fields(&schema.fields, schema.name, lang, &japanese);
        json!({ "group": schema.name, "title": title, "purpose": purpose, "fields": fields })
    };
    let never = NEVER.map(|(english, japanese)| match lang {
        Lang::En => english,
        Lang::Ja => japanese,
    });
    json!({ "groups": schemas().iter().map(group).collect::<Vec<_>>(), "never": never })
}

fn json_fields(list: &[FieldSchema], path: &str, lang: Lang, japanese: &BTreeMap<&str, &str>) -> Vec<Json> {
    let field = |field: &FieldSchema| {
        let path = format!("{path}.{}", field.name);
        let title = doc(field, &path, lang, japanese);
        let fields = json_fields(inside(&field.kind), &path, lang, japanese);
        json!({ "field": field.name, "title": title, "personal": field.personal, "fields": fields })
    };
    list.iter().filter(|field| !field.derived).map(field).collect()
}

/// Title and purpose of a group.
fn named<'a>(schema: &GroupSchema, lang: Lang, japanese: &BTreeMap<&str, &'a str>) -> (&'a str, &'a str) {
    let purpose = PURPOSES.iter().find(|(name, _, _)| *name == schema.name);
    let (title, purpose) = match lang {
        Lang::En => (schema.doc, purpose.map_or("", |(_, english, _)| english)),
        Lang::Ja => (japanese.get(schema.name).copied().unwrap_or(schema.doc), purpose.map_or("", |(_, _, ja)| ja)),
    };
    (title.trim_end_matches('.'), purpose)
}

/// What a field is.
fn doc<'a>(field: &FieldSchema, path: &str, lang: Lang, japanese: &BTreeMap<&str, &'a str>) -> &'a str {
    let doc = match lang {
        Lang::En => field.doc,
        Lang::Ja => japanese.get(path).copied().unwrap_or(field.doc),
    };
    doc.trim_end_matches('.')
}

fn group(schema: &GroupSchema, lang: Lang, japanese: &BTreeMap<&str, &str>, out: &mut String) {
    let (title, purpose) = named(schema, lang, japanese);
    let purpose = match lang {
        Lang::En => format!("Purpose: {purpose}"),
        Lang::Ja => format!("目的：{purpose}"),
    };
    out.push_str(&format!("{title} [{}]\n  {purpose}\n", schema.name));
    fields(&schema.fields, schema.name, 1, lang, japanese, out);
    out.push('\n');
}

fn fields(
    list: &[FieldSchema],
    path: &str,
    depth: usize,
    lang: Lang,
    japanese: &BTreeMap<&str, &str>,
    out: &mut String,
) {
    for field in list.iter().filter(|field| !field.derived) {
        let path = format!("{path}.{}", field.name);
        let doc = doc(field, &path, lang, japanese);
        let mark = if field.personal { " (*)" } else { "" };
        out.push_str(&format!("{}- {doc}{mark}  [{}]\n", "  ".repeat(depth), field.name));
        fields(inside(&field.kind), &path, depth + 1, lang, japanese, out);
    }
}

fn inside(kind: &Kind) -> &[FieldSchema] {
    match kind {
        Kind::Record(fields) => fields,
        Kind::List(kind) => inside(kind),
        Kind::Bool | Kind::Number | Kind::Text | Kind::OneOf(_) | Kind::Time => &[],
    }
}

/// The Japanese texts by the paths of fields.
fn japanese() -> BTreeMap<&'static str, &'static str> {
    let lines = JAPANESE.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(path, text)| (path.trim(), text.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(list: &[FieldSchema], path: &str, found: &mut Vec<String>) {
        for field in list.iter().filter(|field| !field.derived) {
            let path = format!("{path}.{}", field.name);
            paths(inside(&field.kind), &path, found);
            found.push(path);
        }
    }

    #[test]
    fn every_field_that_leaves_has_a_japanese_text_and_no_text_is_left_over() {
        let mut expected = Vec::new();
        for schema in schemas() {
            expected.push(schema.name.to_owned());
            paths(&schema.fields, schema.name, &mut expected);
            assert!(PURPOSES.iter().any(|(name, _, _)| *name == schema.name), "purpose of {}", schema.name);
        }
        expected.sort();
        let have: Vec<String> = japanese().keys().map(|path| (*path).to_owned()).collect();
        assert_eq!(have, expected);
    }

    #[test]
    fn json_says_the_same_as_the_text() {
        fn titles(fields: &Json, found: &mut Vec<String>) {
            for field in fields.as_array().unwrap() {
                found.push(format!("- {}", field["title"].as_str().unwrap()));
                titles(&field["fields"], found);
            }
        }
        for lang in [Lang::En, Lang::Ja] {
            let (text, json) = (text(lang), json(lang));
            let mut said: Vec<String> = Vec::new();
            for group in json["groups"].as_array().unwrap() {
                said.push(format!("{} [{}]", group["title"].as_str().unwrap(), group["group"].as_str().unwrap()));
                titles(&group["fields"], &mut said);
            }
            said.extend(json["never"].as_array().unwrap().iter().map(|it| format!("- {}", it.as_str().unwrap())));
            let missing: Vec<_> = said.iter().filter(|line| !text.contains(*line)).collect();
            assert!(said.len() > 60 && missing.is_empty(), "{} lines, missing {missing:?}", said.len());
        }
        insta::assert_json_snapshot!("json_of_a_group", json(Lang::En)["groups"][3]);
    }

    #[test]
    fn personal_fields_are_marked_in_both_languages() {
        for lang in [Lang::En, Lang::Ja] {
            let text = text(lang);
            let marked = text.lines().find(|line| line.contains("[attached_storage]")).unwrap();
            assert!(marked.contains("(*)"), "{marked}");
        }
    }

    #[test]
    fn the_environment_chooses_the_language() {
        let lang = |value: &'static str| of_environment(move |name| (name == "LANG").then(|| value.to_owned()));
        assert_eq!(lang("ja_JP.UTF-8"), Lang::Ja);
        assert_eq!(lang("C.UTF-8"), Lang::En);
        assert_eq!(of_environment(|_| None), Lang::En);
    }
}
