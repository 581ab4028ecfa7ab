//! The ledger of information assets, as typed rows. Reading a file is the collector's; what a row may say is here.

use serde::{Deserialize, Serialize};

use crate::likelihood::Level;

/// Most rows of a ledger; more are refused whole.
pub const ROWS_MAX: usize = 10_000;
/// Longest cell, in bytes.
pub const CELL_BYTES_MAX: usize = 1_024;
/// Most hosts of one row.
pub const HOSTS_MAX: usize = 256;

/// Where the ledger came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Its name.
    pub name: String,
    /// Which account imported it.
    pub by: String,
    /// When: the engine's time.
    pub at: jiff::Timestamp,
}

/// One row: an asset on a medium.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// ① 業務分類: the business it belongs to.
    pub business: String,
    /// ② 情報資産名称: its name.
    pub name: String,
    /// ③ 備考.
    pub remarks: String,
    /// ④ 利用者範囲: who uses it.
    pub users: String,
    /// ⑤ 管理部署: the department that is responsible.
    pub department: String,
    /// ⑥ 媒体・保存先: the medium or place.
    pub medium: String,
    /// ⑦ 個人情報の種類.
    pub personal: Personal,
    /// ⑧ 機密性, 0 to 2.
    pub confidentiality: u8,
    /// ⑧ 完全性, 0 to 2.
    pub integrity: u8,
    /// ⑧ 可用性, 0 to 2.
    pub availability: u8,
    /// ⑨ 保存期限.
    pub keep_until: String,
    /// ⑩ 登録日.
    pub registered: String,
    /// ⑪ 脅威の発生頻度: required.
    pub threat: Level,
    /// ⑫ 脆弱性, as declared; none where it is left to the facts.
    pub vulnerability: Option<Level>,
    /// 機器: names or ids of the hosts that hold it.
    pub hosts: Vec<String>,
}

/// Which personal data an asset holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Personal {
    /// 個人情報.
    pub personal: bool,
    /// 要配慮個人情報.
    pub sensitive: bool,
    /// マイナンバー (特定個人情報).
    pub my_number: bool,
}

/// A row that cannot be taken: which column, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {row}, {column}: {problem}")]
pub struct RowProblem {
    /// Its number, from 1.
    pub row: usize,
    /// The column's heading.
    pub column: &'static str,
    /// What is wrong, and the remedy.
    pub problem: String,
}

/// Checks all rows; every problem at once.
///
/// # Errors
/// All problems, in the order of the rows. Nothing is taken unless there is none.
pub fn check(rows: &[Asset], importance_max: u8) -> Result<(), Vec<RowProblem>> {
    let mut problems = Vec::new();
    if rows.len() > ROWS_MAX {
        let problem = format!("the ledger has {} rows, allowed {ROWS_MAX}; split it by business", rows.len());
        return Err(vec![RowProblem { row: ROWS_MAX + 1, column: "行数", problem }]);
    }
    for (index, asset) in rows.iter().enumerate() {
        check_row(index + 1, asset, importance_max, &mut problems);
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn check_row(row: usize, asset: &Asset, importance_max: u8, problems: &mut Vec<RowProblem>) {
    let mut refuse = |column, problem: String| problems.push(RowProblem { row, column, problem });
    if asset.name.trim().is_empty() {
        refuse("情報資産名称", "is empty; name the asset".to_owned());
    }
    let values = [("機密性", asset.confidentiality), ("完全性", asset.integrity), ("可用性", asset.availability)];
    for (column, value) in values {
        if value > importance_max {
            refuse(column, format!("{value} is not between 0 and {importance_max}"));
        }
    }
    let cells = [
        ("業務分類", &asset.business),
        ("情報資産名称", &asset.name),
        ("備考", &asset.remarks),
        ("利用者範囲", &asset.users),
        ("管理部署", &asset.department),
        ("媒体・保存先", &asset.medium),
        ("保存期限", &asset.keep_until),
        ("登録日", &asset.registered),
    ];
    for (column, cell) in cells {
        if cell.len() > CELL_BYTES_MAX {
            refuse(column, format!("has {} bytes, allowed {CELL_BYTES_MAX}", cell.len()));
        }
    }
    if asset.hosts.len() > HOSTS_MAX {
        refuse("機器", format!("names {} hosts, allowed {HOSTS_MAX}; split the row", asset.hosts.len()));
    }
    if asset.hosts.iter().any(|host| host.trim().is_empty() || host.len() > CELL_BYTES_MAX) {
        refuse("機器", "names an empty or overlong host".to_owned());
    }
}
