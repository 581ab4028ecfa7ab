use super::build::{antivirus_group, facts, fleet, good, hour, id};
use crate::answer::{Basis, Word, score};
use crate::fleet::{Change, Transition};
use crate::ledger::{Asset, Personal, check};
use crate::likelihood::Level;
use crate::pack::PackSet;
use crate::risk::Band;

fn asset(name: &str, medium: &str, values: [u8; 3], threat: u8, vulnerability: Option<u8>, hosts: &[&str]) -> Asset {
    Asset {
        business: String::new(),
        name: name.to_owned(),
        remarks: String::new(),
        users: String::new(),
        department: String::new(),
        medium: medium.to_owned(),
        personal: Personal::default(),
        confidentiality: values[0],
        integrity: values[1],
        availability: values[2],
        keep_until: String::new(),
        registered: String::new(),
        threat: Level::try_from(threat).unwrap(),
        vulnerability: vulnerability.map(|level| Level::try_from(level).unwrap()),
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
    }
}

fn ledger(rows: Vec<Asset>) -> Change {
    Change::Ledger { name: "見本".into(), by: "uid 1000".into(), rows }
}

#[test]
fn the_eight_rows_of_the_guidebook() {
    let rows = [
        ("製品カタログ", "書類", [0, 1, 1], 2, 2, 1, 1, 1, Band::Medium),
        ("製品カタログ", "可搬電子媒体", [0, 1, 1], 2, 2, 1, 1, 1, Band::Medium),
        ("キャンペーン応募者リスト", "社内サーバー", [2, 1, 0], 3, 2, 2, 2, 4, Band::Large),
        ("委託先リスト", "社内サーバー", [0, 1, 1], 3, 2, 1, 2, 2, Band::Medium),
        ("発注伝票", "社内サーバー", [1, 0, 0], 3, 2, 1, 2, 2, Band::Medium),
        ("発注伝票", "書類", [1, 0, 0], 2, 2, 1, 1, 1, Band::Medium),
        ("製品設計図", "社内サーバー", [2, 2, 2], 3, 2, 2, 2, 4, Band::Large),
        ("製品設計図", "書類", [2, 2, 2], 2, 2, 2, 1, 2, Band::Medium),
    ];
    let mut fleet = fleet();
    let assets = rows.iter().map(|(name, medium, values, threat, vulnerability, ..)| {
        asset(name, medium, *values, *threat, Some(*vulnerability), &[])
    });
    fleet.apply(hour(0), ledger(assets.collect()));
    for (row, (name, .., importance, likelihood, risk, band)) in fleet.risks().iter().zip(rows) {
        assert_eq!(row.asset, name);
        assert_eq!(row.importance, importance, "{name}");
        assert_eq!(row.likelihood.map(Level::number), Some(likelihood), "{name}");
        assert_eq!((row.risk, row.band), (Some(risk), Some(band)), "{name}");
    }
}

#[test]
fn further_cells_of_the_table() {
    let mut fleet = fleet();
    let cells = [
        (2, 3, 3, 6, Band::Large),
        (2, 3, 1, 2, Band::Medium),
        (2, 1, 3, 2, Band::Medium),
        (0, 3, 3, 0, Band::Small),
        (1, 3, 3, 3, Band::Medium),
        (2, 2, 3, 4, Band::Large),
    ];
    let assets = cells.iter().map(|(value, threat, vulnerability, ..)| {
        asset("資産", "社内サーバー", [*value, 0, 0], *threat, Some(*vulnerability), &[])
    });
    fleet.apply(hour(0), ledger(assets.collect()));
    for (row, (.., risk, band)) in fleet.risks().iter().zip(cells) {
        assert_eq!((row.risk, row.band), (Some(risk), Some(band)), "{row:?}");
    }
}

#[test]
fn verdicts_of_its_hosts_move_an_asset() {
    let mut fleet = fleet();
    fleet.apply(hour(0), good(1, hour(0)));
    let rows = vec![
        asset("応募者リスト", "社内サーバー", [2, 1, 0], 3, None, &["PC-1"]),
        asset("申告が悪い", "社内サーバー", [2, 1, 0], 3, Some(3), &["pc-1"]),
        asset("知らない機器", "社内サーバー", [2, 1, 0], 3, None, &["pc-9"]),
        asset("書類", "書類", [2, 1, 0], 3, None, &[]),
    ];
    fleet.apply(hour(0), ledger(rows));
    let values = |fleet: &crate::Fleet| fleet.risks().iter().map(|row| row.risk).collect::<Vec<_>>();
    assert_eq!(values(&fleet), [Some(2), Some(6), Some(6), None]);
    let moves = fleet.apply(hour(1), facts(1, antivirus_group(None, hour(1))));
    assert_eq!(values(&fleet), [Some(4), Some(6), Some(6), None]);
    assert_eq!(moves.risks.len(), 1);
    assert_eq!(moves.risks[0].from, Some((2, Band::Medium)));
    let moves = fleet.apply(hour(2), Change::Transition { host: id(1), transition: Transition::HostSilent });
    assert_eq!(moves.risks[0].to, Some((6, Band::Large)));
    let moves = fleet.apply(hour(3), good(9, hour(3)));
    assert_eq!(moves.risks.iter().map(|it| it.row).collect::<Vec<_>>(), [3]);
}

#[test]
fn the_scores_of_the_digest() {
    let packs = PackSet::built_in().unwrap();
    let scoring = packs.checklist("ipa-self-3").unwrap().scoring.clone().unwrap();
    let total = |done: usize, partly: usize, not: usize, unknown: usize| {
        let words =
            [(Word::Implemented, done), (Word::Partly, partly), (Word::NotImplemented, not), (Word::Unknown, unknown)];
        let answers: Vec<(Word, Basis)> =
            words.iter().flat_map(|(word, count)| std::iter::repeat_n((*word, Basis::Declared), *count)).collect();
        let score = score(&scoring, &answers);
        (score.total.unwrap(), score.band.unwrap().ja)
    };
    assert_eq!(total(25, 0, 0, 0), (100, "入門レベルに到達".to_owned()));
    assert_eq!(total(0, 0, 0, 25), (-25, "いつ事故が起きても不思議ではない".to_owned()));
    assert_eq!(total(15, 5, 3, 2), (68, "不十分な対策が目立つ".to_owned()));
    assert_eq!(total(12, 9, 4, 0), (66, "不十分な対策が目立つ".to_owned()));
    assert_eq!(total(17, 1, 7, 0), (70, "部分的に不十分".to_owned()));
    let one = score(&scoring, &[(Word::Implemented, Basis::Both), (Word::Unanswered, Basis::Unanswered)]);
    assert_eq!((one.measured, one.total, one.max, one.band), (4, None, 8, None));
    let one = score(&scoring, &[(Word::Implemented, Basis::Declared), (Word::NotApplicable, Basis::Declared)]);
    assert_eq!((one.declared, one.total, one.max), (4, Some(4), 4));
}

#[test]
fn a_ledger_names_every_wrong_row() {
    let mut long = asset("資産", "書類", [3, 0, 0], 1, None, &[]);
    long.remarks = "x".repeat(2_000);
    let rows = vec![long, asset(" ", "書類", [0, 0, 0], 1, None, &[""])];
    let problems: Vec<String> = check(&rows, 2).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(problems[0].starts_with("row 1, 機密性"), "{problems:?}");
    let many = vec![asset("資産", "書類", [0, 0, 0], 1, None, &[]); 10_001];
    assert_eq!(check(&many, 2).unwrap_err().len(), 1);
    assert!(check(&many[..10_000], 2).is_ok());
}
