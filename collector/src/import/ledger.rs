//! The ledger of information assets: a CSV with the headings of the analysis sheet → checked rows.
//!
//! One row is one asset on one medium; the same asset on another medium is another row. The medium tells rows
//! apart and no value follows from it, so it may be left empty, as it is in many real ledgers. Threat (⑪) is an
//! input; vulnerability (⑫) may be left to the facts; likelihood and risk in the file are not read, they are
//! computed.

use std::collections::BTreeMap;

use tenken_assess::ledger::{Asset, HOSTS_MAX, Personal};
use tenken_assess::likelihood::Level;

use super::encoding::decode;
use super::table::{Column, Row, Table, plain, read};
use super::{Finding, Rejected, quoted};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Business,
    Name,
    Remarks,
    Users,
    Department,
    Medium,
    PersonalKind,
    Personal,
    Sensitive,
    MyNumber,
    Confidentiality,
    Integrity,
    Availability,
    Importance,
    KeepUntil,
    Registered,
    Threat,
    Vulnerability,
    Hosts,
    Computed,
    Owner,
}

const fn column(key: Key, heading: &'static str, spellings: &'static [&'static str], required: bool) -> Column<Key> {
    Column { key, heading, spellings, required }
}

const COLUMNS: [Column<Key>; 22] = [
    column(Key::Business, "業務分類", &["業務分類", "業務", "business", "businessprocess", "category"], false),
    column(
        Key::Name,
        "情報資産名称",
        &["情報資産名称", "情報資産名", "資産名称", "資産名", "asset", "assetname", "informationasset"],
        true,
    ),
    column(Key::Remarks, "備考", &["備考", "remarks", "note", "notes"], false),
    column(Key::Users, "利用者範囲", &["利用者範囲", "利用者", "users", "userscope"], false),
    column(Key::Department, "管理部署", &["管理部署", "管理部門", "部署", "department", "managedby"], false),
    column(
        Key::Medium,
        "媒体・保存先",
        &[
            "媒体保存先",
            "媒体",
            "保存先",
            "媒体または保存先",
            "medium",
            "media",
            "mediumstorage",
            "storage",
            "location",
        ],
        false,
    ),
    column(
        Key::PersonalKind,
        "個人情報の種類",
        &["個人情報の種類", "個人情報種類", "personaldata", "personaldatakinds", "kindofpersonaldata"],
        false,
    ),
    column(
        Key::Personal,
        "個人情報",
        &["個人情報", "個人情報の種類個人情報", "personalinformation", "personal"],
        false,
    ),
    column(
        Key::Sensitive,
        "要配慮個人情報",
        &[
            "要配慮個人情報",
            "要配慮",
            "個人情報の種類要配慮個人情報",
            "sensitivepersonalinformation",
            "sensitive",
            "sensitivepersonaldata",
        ],
        false,
    ),
    column(
        Key::MyNumber,
        "マイナンバー",
        &["マイナンバー", "個人番号", "特定個人情報", "個人情報の種類マイナンバー", "mynumber"],
        false,
    ),
    column(Key::Confidentiality, "機密性", &["機密性", "評価値機密性", "confidentiality", "c"], true),
    column(Key::Integrity, "完全性", &["完全性", "評価値完全性", "integrity", "i"], true),
    column(Key::Availability, "可用性", &["可用性", "評価値可用性", "availability", "a"], true),
    column(Key::Importance, "重要度", &["重要度", "評価値重要度", "importance"], false),
    column(Key::KeepUntil, "保存期限", &["保存期限", "保存期間", "keepuntil", "retention", "retentionperiod"], false),
    column(
        Key::Registered,
        "登録日",
        &["登録日", "登録年月日", "registered", "registeredon", "registrationdate"],
        false,
    ),
    column(
        Key::Threat,
        "脅威の発生頻度",
        &["脅威の発生頻度", "脅威", "脅威発生頻度", "threat", "threatfrequency"],
        true,
    ),
    column(Key::Vulnerability, "脆弱性", &["脆弱性", "脆弱性への対応状況", "脆弱性対応状況", "vulnerability"], false),
    column(Key::Hosts, "機器", &["機器", "機器名", "ホスト", "hosts", "host", "devices", "machines"], false),
    column(Key::Computed, "被害発生可能性", &["被害発生可能性", "likelihood"], false),
    column(Key::Computed, "リスク値", &["リスク値", "risk", "riskvalue"], false),
    column(Key::Owner, "リスク所有者", &["リスク所有者", "riskowner", "no", "番号", "項番"], false),
];

/// A ledger that was read, and what is worth a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The rows in the order of the file.
    pub rows: Vec<Asset>,
    /// Headings that mean nothing here and were left out.
    pub notes: Vec<Finding>,
}

/// Reads a ledger whole.
///
/// # Errors
/// Every mistake of the file; then nothing of it is taken.
pub fn parse(bytes: &[u8], importance_max: u8) -> Result<Read, Rejected> {
    let text = decode(bytes).map_err(|finding| Rejected::of(vec![finding]))?;
    let table = read(&text, &COLUMNS).map_err(Rejected::of)?;
    let Table { rows, mistakes, ignored, .. } = table;
    let mut reader = Reader { mistakes, importance_max, seen: BTreeMap::new() };
    let assets = rows.iter().map(|row| reader.asset(row)).collect();
    if !reader.mistakes.is_empty() {
        return Err(Rejected::of(reader.mistakes));
    }
    let unknown = |(line, cell): (u64, String)| Finding::cell(line, &cell, "heading_ignored");
    Ok(Read { rows: assets, notes: ignored.into_iter().map(unknown).collect() })
}

struct Reader {
    mistakes: Vec<Finding>,
    importance_max: u8,
    seen: BTreeMap<[String; 4], u64>,
}

impl Reader {
    fn asset(&mut self, row: &Row<Key>) -> Asset {
        let asset = Asset {
            business: row.cell(Key::Business).to_owned(),
            name: row.cell(Key::Name).to_owned(),
            remarks: row.cell(Key::Remarks).to_owned(),
            users: row.cell(Key::Users).to_owned(),
            department: row.cell(Key::Department).to_owned(),
            medium: row.cell(Key::Medium).to_owned(),
            personal: self.personal(row),
            confidentiality: self.rating(row, Key::Confidentiality),
            integrity: self.rating(row, Key::Integrity),
            availability: self.rating(row, Key::Availability),
            keep_until: row.cell(Key::KeepUntil).to_owned(),
            registered: row.cell(Key::Registered).to_owned(),
            threat: self.threat(row),
            vulnerability: self.level(row, Key::Vulnerability),
            hosts: self.hosts(row),
        };
        self.whole(row, &asset);
        asset
    }

    /// What several cells say together.
    fn whole(&mut self, row: &Row<Key>, asset: &Asset) {
        if asset.name.is_empty() && !self.reported(row, Key::Name) {
            self.mistakes.push(Finding::cell(row.line, heading(Key::Name), "cell_empty"));
        }
        let importance = asset.confidentiality.max(asset.integrity).max(asset.availability);
        let stated = row.cell(Key::Importance);
        if !stated.is_empty() && !self.rated_wrongly(row) && number(stated) != Some(importance) {
            let finding = Finding::cell(row.line, heading(Key::Importance), "importance");
            self.mistakes.push(finding.mention("found", quoted(stated)).mention("computed", importance));
        }
        let same = [&asset.business, &asset.department, &asset.name, &asset.medium].map(|text| plain(text));
        if asset.name.is_empty() {
            return;
        }
        if let Some(first) = self.seen.get(&same) {
            self.mistakes.push(Finding::cell(row.line, heading(Key::Name), "row_twice").mention("first", first));
        } else {
            self.seen.insert(same, row.line);
        }
    }

    fn rating(&mut self, row: &Row<Key>, key: Key) -> u8 {
        let max = self.importance_max;
        let cell = row.cell(key);
        match number(cell) {
            Some(value) if value <= max => value,
            Some(_) | None => {
                self.wrong(row, key, if cell.is_empty() { "rating_empty" } else { "rating" }, 0, max);
                0
            }
        }
    }

    fn threat(&mut self, row: &Row<Key>) -> Level {
        if row.cell(Key::Threat).is_empty() {
            self.wrong(row, Key::Threat, "rating_empty", 1, 3);
        }
        self.level(row, Key::Threat).unwrap_or(Level::HIGH)
    }

    fn level(&mut self, row: &Row<Key>, key: Key) -> Option<Level> {
        let cell = row.cell(key);
        if cell.is_empty() {
            return None;
        }
        let level = number(cell).and_then(|value| Level::try_from(value).ok());
        if level.is_none() {
            self.wrong(row, key, "rating", 1, 3);
        }
        level
    }

    fn wrong(&mut self, row: &Row<Key>, key: Key, kind: &'static str, min: u8, max: u8) {
        if self.reported(row, key) {
            return;
        }
        let finding = Finding::cell(row.line, heading(key), kind).mention("cell", quoted(row.cell(key)));
        self.mistakes.push(finding.mention("min", min).mention("max", max));
    }

    /// The cell was already refused for what it is (a formula, too long), so its value says nothing.
    fn reported(&self, row: &Row<Key>, key: Key) -> bool {
        self.mistakes.iter().rev().take_while(|it| it.line == Some(row.line)).any(|it| it.column == heading(key))
            || self.mistakes.iter().any(|it| it.line == Some(row.line) && it.column == heading(key))
    }

    fn rated_wrongly(&self, row: &Row<Key>) -> bool {
        [Key::Confidentiality, Key::Integrity, Key::Availability].into_iter().any(|key| self.reported(row, key))
    }

    fn personal(&mut self, row: &Row<Key>) -> Personal {
        let mut personal = Personal {
            personal: self.marked(row, Key::Personal),
            sensitive: self.marked(row, Key::Sensitive),
            my_number: self.marked(row, Key::MyNumber),
        };
        for word in plain(row.cell(Key::PersonalKind)).split(['、', ',', '・', '/', ';', '･']).map(str::trim) {
            match word {
                "" | "無" | "なし" | "無し" | "none" | "no" => {}
                "有" | "あり" | "有り" | "yes" | "個人情報" | "personal" => personal.personal = true,
                "要配慮個人情報" | "要配慮" | "sensitive" => personal.sensitive = true,
                "マイナンバー" | "特定個人情報" | "個人番号" | "my number" | "my_number" => {
                    personal.my_number = true
                }
                _ => {
                    let finding = Finding::cell(row.line, heading(Key::PersonalKind), "personal_kind");
                    self.mistakes.push(finding.mention("cell", quoted(word)));
                }
            }
        }
        personal
    }

    fn marked(&mut self, row: &Row<Key>, key: Key) -> bool {
        match plain(row.cell(key)).to_lowercase().as_str() {
            "" | "無" | "なし" | "無し" | "0" | "×" | "no" | "false" | "いいえ" | "n" => false,
            "有" | "有り" | "あり" | "○" | "〇" | "◯" | "●" | "1" | "yes" | "true" | "はい" | "y" | "✓" | "✔" => {
                true
            }
            _ => {
                self.mistakes
                    .push(Finding::cell(row.line, heading(key), "mark").mention("cell", quoted(row.cell(key))));
                false
            }
        }
    }

    fn hosts(&mut self, row: &Row<Key>) -> Vec<String> {
        let named = row.cell(Key::Hosts).split(['、', ',', ';', '，', '；', '､']).map(str::trim);
        let hosts: Vec<String> = named.filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if hosts.len() > HOSTS_MAX {
            let finding = Finding::cell(row.line, heading(Key::Hosts), "hosts_many");
            self.mistakes.push(finding.mention("hosts", hosts.len()).mention("max", HOSTS_MAX));
        }
        hosts
    }
}

fn heading(key: Key) -> &'static str {
    COLUMNS.iter().find(|column| column.key == key).map_or("", |column| column.heading)
}

/// The number at the start of a cell: `2`, `２`, `2 深刻な影響`; never part of `2.5` or `25%`.
fn number(cell: &str) -> Option<u8> {
    let cell = plain(cell);
    let digits: String = cell.chars().take_while(char::is_ascii_digit).collect();
    let rest = cell.get(digits.len()..).unwrap_or_default();
    if rest.starts_with(['.', ',', '%', '/', '-', '~', '〜']) {
        return None;
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests;
