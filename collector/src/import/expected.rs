//! The machines that should exist: a CSV of host name, serial number, class and site → checked entries.
//!
//! A machine needs a name or a serial number. Two rows with the same name or number are reported with both
//! lines and refuse the file: coverage would count the machine twice.

use std::collections::BTreeMap;

use super::encoding::decode;
use super::table::{Column, Row, plain, read};
use super::{Finding, Rejected, quoted};
use crate::api::v1::HostClass;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Name,
    Serial,
    Class,
    Site,
}

const COLUMNS: [Column<Key>; 4] = [
    Column {
        key: Key::Name,
        heading: "機器名",
        spellings: &[
            "機器名",
            "機器",
            "ホスト名",
            "コンピューター名",
            "コンピュータ名",
            "pc名",
            "hostname",
            "host",
            "name",
            "computername",
        ],
        required: true,
    },
    Column {
        key: Key::Serial,
        heading: "製造番号",
        spellings: &["製造番号", "シリアル番号", "シリアル", "シリアルナンバー", "serial", "serialnumber"],
        required: false,
    },
    Column {
        key: Key::Class,
        heading: "種別",
        spellings: &["種別", "区分", "種類", "分類", "class", "type", "kind"],
        required: false,
    },
    Column {
        key: Key::Site,
        heading: "拠点",
        spellings: &["拠点", "設置場所", "場所", "事業所", "site", "location"],
        required: false,
    },
];

/// One machine that should exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Host name; empty when only the serial number is known.
    pub host_name: String,
    /// Serial number of its maker.
    pub serial_number: Option<String>,
    /// What it is; PC where the file does not say.
    pub class: HostClass,
    /// Where it is.
    pub site: Option<String>,
}

/// Reads the list whole.
///
/// # Errors
/// Every mistake of the file; then nothing of it is taken.
pub fn parse(bytes: &[u8]) -> Result<Vec<Machine>, Rejected> {
    let text = decode(bytes).map_err(|finding| Rejected::of(vec![finding]))?;
    let table = read(&text, &COLUMNS).map_err(Rejected::of)?;
    let mut mistakes = table.mistakes;
    let mut seen: BTreeMap<(Key, String), u64> = BTreeMap::new();
    let mut machines = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        let machine = machine(row, &mut mistakes);
        repeated(row, &machine, &mut seen, &mut mistakes);
        machines.push(machine);
    }
    if mistakes.is_empty() { Ok(machines) } else { Err(Rejected::of(mistakes)) }
}

fn machine(row: &Row<Key>, mistakes: &mut Vec<Finding>) -> Machine {
    let text = |key| Some(plain(row.cell(key))).filter(|it| !it.is_empty());
    let (name, serial) = (text(Key::Name), text(Key::Serial));
    let refused = mistakes.iter().any(|it| it.line == Some(row.line));
    if name.is_none() && serial.is_none() && !refused {
        mistakes.push(Finding::cell(row.line, "機器名", "machine_nameless"));
    }
    let class = match row.cell(Key::Class) {
        "" => HostClass::Pc,
        cell => class(cell).unwrap_or_else(|| {
            mistakes.push(Finding::cell(row.line, "種別", "class").mention("cell", quoted(cell)));
            HostClass::Pc
        }),
    };
    Machine { host_name: name.unwrap_or_default(), serial_number: serial, class, site: text(Key::Site) }
}

fn class(cell: &str) -> Option<HostClass> {
    match plain(cell).to_lowercase().as_str() {
        "pc"
        | "パソコン"
        | "クライアント"
        | "端末"
        | "ノートpc"
        | "デスクトップpc"
        | "client"
        | "desktop"
        | "laptop"
        | "notebook" => Some(HostClass::Pc),
        "server" | "サーバー" | "サーバ" => Some(HostClass::Server),
        _ => None,
    }
}

/// Names are compared without regard to case, as the enrolled hosts are matched to them.
fn repeated(row: &Row<Key>, machine: &Machine, seen: &mut BTreeMap<(Key, String), u64>, mistakes: &mut Vec<Finding>) {
    let name = Some(machine.host_name.to_lowercase()).filter(|it| !it.is_empty());
    for (key, heading, value) in [(Key::Name, "機器名", name), (Key::Serial, "製造番号", machine.serial_number.clone())]
    {
        let Some(value) = value else { continue };
        if let Some(first) = seen.get(&(key, value.clone())) {
            mistakes.push(
                Finding::cell(row.line, heading, "machine_twice")
                    .mention("cell", quoted(&value))
                    .mention("first", first),
            );
        } else {
            seen.insert((key, value), row.line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Option<u64>, String, &'static str)> {
        let rejected = parse(text.as_bytes()).expect_err("refused");
        rejected.findings.into_iter().map(|it| (it.line, it.column, it.kind)).collect()
    }

    #[test]
    fn both_languages_of_headings_give_the_same_list() {
        let japanese =
            parse("機器名,製造番号,種別,拠点\npc01,S1,PC,本社\nsv01,,サーバー,\n".as_bytes()).expect("reads");
        let english =
            parse("Host name,Serial number,Class,Site\npc01,S1,pc,本社\nsv01,,server,\n".as_bytes()).expect("reads");
        assert_eq!(japanese, english);
        assert_eq!(japanese[1].class, HostClass::Server);
        assert_eq!(parse(b"host\npc01\n").expect("reads")[0].class, HostClass::Pc);
    }

    #[test]
    fn mistakes_come_all_at_once() {
        let found = kinds("機器名,製造番号,種別\npc01,S1,pc\nPC01,S2,pc\npc03,S1,router\n,,pc\n@x,,\n");
        let found: Vec<_> =
            found.iter().map(|(line, column, kind)| (line.unwrap_or(0), column.as_str(), *kind)).collect();
        let expected = [
            (3, "機器名", "machine_twice"),
            (4, "種別", "class"),
            (4, "製造番号", "machine_twice"),
            (5, "機器名", "machine_nameless"),
            (6, "機器名", "formula"),
        ];
        assert_eq!(found, expected);
    }
}
