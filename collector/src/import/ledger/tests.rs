use encoding_rs::SHIFT_JIS;
use proptest::prelude::*;

use super::*;

const HEAD: &str = "①業務分類,②情報資産名称,③備考,④利用者範囲,⑤管理部署,⑥媒体・保存先,個人情報,要配慮個人情報,マイナンバー,⑧機密性,⑧完全性,⑧可用性,重要度,⑨保存期限,⑩登録日,⑪脅威の発生頻度,⑫脆弱性,機器";

fn row(name: &str, medium: &str) -> String {
    format!(
        "営業,{name},,全員,営業部,{medium},有,,,2,1,0,2,5年,2016/7/1,3 通常の状態で発生する（いつ発生してもおかしくない）,2,pc01、pc02\n"
    )
}

fn ledger(rows: &str) -> Vec<u8> {
    format!("{HEAD}\n{rows}").into_bytes()
}

fn kinds(bytes: &[u8]) -> Vec<(Option<u64>, String, &'static str)> {
    let rejected = parse(bytes, 2).expect_err("refused");
    rejected.findings.into_iter().map(|it| (it.line, it.column, it.kind)).collect()
}

#[test]
fn a_row_is_read_with_everything_in_it() {
    let read = parse(&ledger(&row("キャンペーン応募者リスト", "社内サーバー")), 2).expect("reads");
    let [asset] = read.rows.as_slice() else { panic!("one row: {read:?}") };
    assert_eq!(asset.name, "キャンペーン応募者リスト");
    assert_eq!((asset.confidentiality, asset.integrity, asset.availability), (2, 1, 0));
    assert_eq!((asset.threat, asset.vulnerability), (Level::HIGH, Some(Level::MIDDLE)));
    assert_eq!(asset.hosts, ["pc01", "pc02"]);
    assert!(asset.personal.personal && !asset.personal.sensitive && !asset.personal.my_number);
}

#[test]
fn encodings_give_the_same_rows() {
    let text = String::from_utf8(ledger(&row("製品カタログ", "書類"))).expect("text");
    let plain = parse(text.as_bytes(), 2).expect("UTF-8");
    let (sjis, _, unmappable) = SHIFT_JIS.encode(&text);
    assert!(!unmappable);
    assert_eq!(parse(&sjis, 2).expect("Shift_JIS"), plain);
    assert_eq!(parse(format!("\u{feff}{}", text.replace('\n', "\r\n")).as_bytes(), 2).expect("with mark"), plain);
}

#[test]
fn english_headings_and_fewer_columns_are_enough() {
    let text = "Asset name,Medium,Confidentiality,Integrity,Availability,Threat frequency\nCatalogue,paper,0,1,1,2\n";
    let read = parse(text.as_bytes(), 2).expect("reads");
    assert_eq!((read.rows[0].name.as_str(), read.rows[0].vulnerability), ("Catalogue", None));
}

#[test]
fn headings_in_two_lines_under_a_title_are_understood() {
    let text = "情報資産管理台帳,,,,,\n情報資産名称,媒体・保存先,評価値,,,脅威の発生頻度\n,,機密性,完全性,可用性,\n製品設計図,書類,2,2,2,2\n";
    assert_eq!(parse(text.as_bytes(), 2).expect("reads").rows.len(), 1);
}

#[test]
fn the_same_asset_on_two_media_is_two_rows_and_on_one_a_mistake() {
    let both = row("発注伝票", "書類") + &row("発注伝票", "社内サーバー");
    assert_eq!(parse(&ledger(&both), 2).expect("reads").rows.len(), 2);
    let twice = row("発注伝票", "書類") + &row("発注伝票", "書類");
    assert_eq!(kinds(&ledger(&twice)), [(Some(3), "情報資産名称".to_owned(), "row_twice")]);
}

#[test]
fn a_row_without_a_medium_is_taken() {
    let text =
        "情報資産名称,媒体・保存先,機密性,完全性,可用性,脅威の発生頻度\n製品設計図,,2,2,2,2\n製品設計図,書類,2,2,2,2\n";
    let rows = parse(text.as_bytes(), 2).expect("reads").rows;
    assert_eq!(rows.iter().map(|row| row.medium.as_str()).collect::<Vec<_>>(), ["", "書類"]);
    // Without the column too; the same asset twice is still a mistake.
    let text = "情報資産名称,機密性,完全性,可用性,脅威の発生頻度\n製品設計図,2,2,2,2\n製品設計図,2,2,2,2\n";
    assert_eq!(kinds(text.as_bytes()), [(Some(3), "情報資産名称".to_owned(), "row_twice")]);
}

#[test]
fn all_mistakes_are_told_at_once_with_line_and_column() {
    let rows = "営業,,,,,書類,有,,,0,1,1,,,,2,,\n営業,A,,,,書類,たぶん,,,3,x,2.5,,,,9,0,\n営業,=cmd|' /C calc'!A0,,,,書類,,,,0,1,1,0,,,,,\n";
    let found = kinds(&ledger(rows));
    let expected = [
        (2, "情報資産名称", "cell_empty"),
        (3, "個人情報", "mark"),
        (3, "機密性", "rating"),
        (3, "完全性", "rating"),
        (3, "可用性", "rating"),
        (3, "脅威の発生頻度", "rating"),
        (3, "脆弱性", "rating"),
        (4, "情報資産名称", "formula"),
        (4, "脅威の発生頻度", "rating_empty"),
        (4, "重要度", "importance"),
    ];
    let expected: Vec<_> =
        expected.into_iter().map(|(line, column, kind)| (Some(line), column.to_owned(), kind)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_file_without_the_columns_names_them() {
    let found = kinds("業務分類,備考\n営業,x\n".as_bytes());
    let columns: Vec<&str> = found.iter().map(|(_, column, _)| column.as_str()).collect();
    assert_eq!(columns, ["情報資産名称", "機密性", "完全性", "可用性", "脅威の発生頻度"]);
}

#[test]
fn numbers_are_whole_and_stand_first() {
    for (cell, value) in [("2", Some(2)), ("２", Some(2)), ("2 深刻な影響", Some(2)), ("2：", Some(2)), ("①", Some(1))]
    {
        assert_eq!(number(cell), value, "{cell}");
    }
    for cell in ["", "x", "2.5", "1-3", "1〜2", "300", "25%"] {
        assert_eq!(number(cell).filter(|it| *it <= 3), None, "{cell}");
    }
}

#[test]
fn every_kind_of_mistake_has_its_words() {
    use crate::locale::{Lang, Locale};
    let sources = [
        include_str!("../ledger.rs"),
        include_str!("../table.rs"),
        include_str!("../encoding.rs"),
        include_str!("../expected.rs"),
    ];
    let kind = regex::Regex::new(r#"Finding::(?:file|line|cell)\([^;]*?"([a-z0-9_]+)"\)"#).expect("a pattern");
    let mut kinds: Vec<&str> = sources
        .iter()
        .flat_map(|source| kind.captures_iter(source))
        .filter_map(|it| it.get(1))
        .map(|it| it.as_str())
        .collect();
    kinds.extend(["rating", "rating_empty"]);
    assert!(kinds.len() > 25, "the pattern finds them: {kinds:?}");
    for kind in kinds {
        for lang in [Lang::Ja, Lang::En] {
            for key in [format!("import-{kind}"), format!("import-{kind}-remedy")] {
                assert!(Locale::of(lang).has(&key), "{key} in {}", lang.code());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_bytes_make_it_panic_or_take_a_formula(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&bytes, 2);
        let mut with_head = ledger("");
        with_head.extend_from_slice(&bytes);
        if let Ok(read) = parse(&with_head, 2) {
            for asset in read.rows {
                prop_assert!(!crate::import::table::is_formula(&asset.name));
                prop_assert!(!asset.name.chars().any(char::is_control));
            }
        }
    }
}
