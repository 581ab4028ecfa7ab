//! One of everything, with hostile strings in it: what the snapshots of JSON and of text are made from.

use jiff::Timestamp;
use serde_json::json;
use tenken_proto::ident::{AgentId, HostId};
use uuid::Uuid;

use super::*;

/// A name that tries to colour the screen and to turn the text around it.
pub(crate) const HOSTILE: &str = "経理-PC02\u{1b}[31m\u{202E}\r\n";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-21T03:00:00Z")
}

pub(crate) fn host_id(n: u128) -> HostId {
    HostId(Uuid::from_u128(0x0190_f3a1_0000_7000_8000_0000_0000_0000 + n))
}

fn agent_id(n: u128) -> AgentId {
    AgentId(Uuid::from_u128(0x0190_f3a2_0000_7000_8000_0000_0000_0000 + n))
}

fn text(ja: &str, en: &str) -> Text {
    Text { ja: ja.to_owned(), en: en.to_owned() }
}

fn host_ref(n: u128, name: &str) -> HostRef {
    HostRef { host: Some(host_id(n)), name: name.to_owned() }
}

fn verdict() -> Verdict {
    Verdict {
        control: "antivirus.definitions".to_owned(),
        title: text("ウイルス定義ファイルが新しい", "Malware definitions are current"),
        verdict: VerdictWord::Fail,
        freshness: Freshness::Silent,
        reasons: vec![text("定義ファイルは40日前のものです", "the definitions are 40 days old")],
        remedy: Some(text("定義ファイルを更新してください", "update the definitions")),
        observed_at: Some(at("2026-11-20T23:00:00Z")),
        valid_until: Some(at("2026-12-03T00:00:00Z")),
        becomes: Some(VerdictWord::Unknown),
    }
}

fn passing() -> Verdict {
    Verdict {
        control: "patch.current".to_owned(),
        title: text("更新プログラムが適用されている", "Updates are installed"),
        verdict: VerdictWord::Pass,
        freshness: Freshness::Fresh,
        reasons: vec![text("未適用のセキュリティ更新はありません", "no security update is pending")],
        remedy: None,
        observed_at: Some(at("2026-11-21T02:59:00Z")),
        valid_until: Some(at("2026-11-28T02:59:00Z")),
        becomes: Some(VerdictWord::Unknown),
    }
}

fn host_verdict() -> HostVerdict {
    HostVerdict { host: Some(host_id(2)), name: HOSTILE.to_owned(), verdict: verdict() }
}

fn declaration() -> Declaration {
    Declaration {
        answer: AnswerWord::Implemented,
        by: "山田".to_owned(),
        principal: "uid:1000".to_owned(),
        declared_at: at("2026-04-01T00:00:00Z"),
        until: Some(at("2027-03-31T15:00:00Z")),
        evidence: Some("朝礼の記録".to_owned()),
        ended: false,
    }
}

fn measured() -> Answer {
    Answer {
        id: "2".to_owned(),
        answer: AnswerWord::Partly,
        basis: Basis::Both,
        points: Some(2),
        hosts_met: Some(1),
        hosts_observed: Some(2),
        hosts_known: Some(2),
        hosts_expected: Some(96),
        hosts_retired: Some(1),
        valid_until: Some(at("2026-12-03T00:00:00Z")),
        contradiction: Some(Contradiction {
            declared: AnswerWord::Implemented,
            measured: AnswerWord::Partly,
            text: text(
                "申告は「実施している」、実測は「一部実施している」です",
                "declared implemented, measured partly",
            ),
        }),
        evidence: vec![
            Evidence::Control(ControlEvidence {
                control: "antivirus.definitions".to_owned(),
                title: verdict().title,
                link: LinkKind::Settles,
                tally: Tally { pass: 1, fail: 1, unknown: 94, ..Tally::default() },
                hosts: vec![host_verdict()],
                hosts_omitted: 0,
            }),
            Evidence::Declaration(declaration()),
        ],
    }
}

fn unanswered(id: &str) -> Answer {
    Answer {
        id: id.to_owned(),
        answer: AnswerWord::Unanswered,
        basis: Basis::Unanswered,
        points: None,
        hosts_met: None,
        hosts_observed: None,
        hosts_known: None,
        hosts_expected: None,
        hosts_retired: None,
        valid_until: None,
        contradiction: None,
        evidence: Vec::new(),
    }
}

pub(crate) fn answers() -> Answers {
    Answers {
        checklist: "ipa-self-3".to_owned(),
        edition: "3".to_owned(),
        pack_hash: "ab".repeat(32),
        answered: 1,
        items_total: 2,
        score: Some(Score { measured: 2, declared: 0, unknown_points: 0, total: None, max: 8 }),
        items: vec![measured(), unanswered("5")],
    }
}

/// The same when everything is answered.
pub(crate) fn answers_complete() -> Answers {
    let mut answers = answers();
    answers.answered = 2;
    answers.score = Some(Score { measured: 2, declared: 4, unknown_points: -1, total: Some(5), max: 8 });
    answers
}

pub(crate) fn checklist() -> Checklist {
    let part = Some(text("第1部", "Part 1"));
    Checklist {
        id: "ipa-self-3".to_owned(),
        edition: "3".to_owned(),
        title: text("自社診断", "Self-diagnosis"),
        publisher: text("発行元", "Publisher"),
        weights: [("implemented".to_owned(), 4), ("unknown".to_owned(), -1)].into(),
        bands: vec![
            Band { from: Some(70), title: text("部分的", "some") },
            Band { from: None, title: text("不足", "few") },
        ],
        items: vec![
            Item {
                id: "2".to_owned(),
                part: part.clone(),
                title: text("ウイルス対策", "Malware protection"),
                links: vec![Link { control: verdict().control, link: LinkKind::Settles, at_most: None }],
            },
            Item { id: "5".to_owned(), part, title: text("脅威の共有", "Sharing threats"), links: Vec::new() },
        ],
    }
}

fn summary() -> ChecklistSummary {
    ChecklistSummary {
        checklist: "ipa-self-3".to_owned(),
        edition: "3".to_owned(),
        title: checklist().title,
        answered: 1,
        items_total: 2,
        answers: AnswerTally { partly: 1, unanswered: 1, measured: 1, ..AnswerTally::default() },
        score: answers().score,
        band: Some(text("不足", "few")),
        contradictions: 1,
    }
}

pub(crate) fn overview() -> Overview {
    Overview {
        as_of: now(),
        pack_hash: "ab".repeat(32),
        coverage: Coverage {
            observed: 1,
            known: 2,
            expected: Some(96),
            not_enrolled: 95,
            silent: 1,
            stale: 0,
            retired: 1,
        },
        checklists: vec![summary()],
        risks: Some(RiskTally { high: 1, medium: 0, low: 0, unrated: 1 }),
        worst: vec![Worst {
            control: verdict().control,
            title: verdict().title,
            verdict: VerdictWord::Fail,
            hosts_total: 7,
            hosts: vec![host_ref(2, HOSTILE)],
            reason: verdict().reasons.first().cloned(),
            remedy: text("定義ファイルを更新してください", "update the definitions"),
        }],
        turning: vec![
            Turning {
                at: at("2026-11-28T02:59:00Z"),
                what: TurningWhat::Verdict {
                    host: host_ref(1, "pc01"),
                    control: passing().control,
                    title: passing().title,
                    from: VerdictWord::Pass,
                    becomes: VerdictWord::Unknown,
                },
            },
            Turning {
                at: at("2027-03-31T15:00:00Z"),
                what: TurningWhat::Declaration {
                    checklist: "ipa-self-3".to_owned(),
                    item: "5".to_owned(),
                    title: text("脅威の共有", "Sharing threats"),
                    basis: Basis::Declared,
                },
            },
        ],
        attention: Attention {
            silent: Named { total: 1, first: vec![host_ref(2, HOSTILE)] },
            pending: Named { total: 1, first: vec![AgentRef { agent: agent_id(3), name: "pc03".to_owned() }] },
            on_hold: Named::default(),
            duplicates: Named {
                total: 1,
                first: vec![Duplicate {
                    by: "serial_number".to_owned(),
                    value: "S1".to_owned(),
                    hosts: vec![host_ref(1, "pc01"), host_ref(2, HOSTILE)],
                }],
            },
            skewed: Named { total: 1, first: vec![host_ref(1, "pc01")] },
            not_enrolled: Named { total: 95, first: vec![HostRef { host: None, name: "pc04".to_owned() }] },
        },
        health: health(),
    }
}

pub(crate) fn health() -> Health {
    Health {
        state: HealthState::Degraded,
        version: "0.1.0".to_owned(),
        started_at: at("2026-11-21T00:00:00Z"),
        parts: vec![
            HealthPart { part: "store".to_owned(), state: HealthState::Ok, detail: String::new() },
            HealthPart { part: "tokens".to_owned(), state: HealthState::Degraded, detail: "abc".to_owned() },
        ],
        connected_agents: 1,
        reports_accepted: 42,
        lost_reports: lost_reports(),
        refused: vec![Refused { place: "identity".to_owned(), reason: "token_expired".to_owned(), count: 3 }],
    }
}

pub(crate) fn hosts() -> Hosts {
    let cell = |verdict: &Verdict| VerdictCell {
        verdict: verdict.verdict,
        freshness: verdict.freshness,
        valid_until: verdict.valid_until,
    };
    let row = |id, name: &str, status| HostRow {
        id,
        name: name.to_owned(),
        status,
        class: HostClass::Pc,
        site: Some("本社".to_owned()),
        expected: true,
        last_seen: None,
        freshness: Freshness::Never,
        verdicts: BTreeMap::new(),
    };
    Hosts {
        as_of: now(),
        controls: vec![
            ControlHead { id: verdict().control, title: verdict().title },
            ControlHead { id: passing().control, title: passing().title },
        ],
        hosts: vec![
            HostRow {
                last_seen: Some(at("2026-11-10T00:00:00Z")),
                freshness: Freshness::Silent,
                verdicts: [(verdict().control, cell(&verdict()))].into(),
                ..row(Some(host_id(2)), HOSTILE, HostStatus::Silent)
            },
            HostRow {
                class: HostClass::Server,
                site: None,
                last_seen: Some(at("2026-11-21T02:59:30Z")),
                freshness: Freshness::Fresh,
                verdicts: [(passing().control, cell(&passing()))].into(),
                ..row(Some(host_id(1)), "pc01", HostStatus::Connected)
            },
            row(None, "pc04", HostStatus::NotEnrolled),
        ],
        retired: vec![RetiredHost {
            id: host_id(9),
            name: "pc09".to_owned(),
            by: "山田".to_owned(),
            reason: "廃棄".to_owned(),
            at: at("2026-10-01T00:00:00Z"),
        }],
    }
}

pub(crate) fn host() -> Host {
    let known = |value| json!({"state": "known", "value": value, "source": "/var/lib/dpkg/status", "observed_at": "2026-11-21T02:59:00Z"});
    let updates = json!([{
        "name": known(json!("openssl")),
        "security": known(json!(true)),
        "candidate": {"state": "unreadable", "reason": "permission", "detail": "", "source": "", "observed_at": "2026-11-21T02:59:00Z"},
    }]);
    let patch = json!({
        "pending_updates": known(json!(1)),
        "updates": known(updates),
        "source_refreshed_at": known(json!("2026-11-20T00:00:00Z")),
        "reboot_required": {"state": "absent", "source": "/run/reboot-required", "observed_at": "2026-11-21T02:59:00Z"},
        "last_upgrade_at": {"state": "unreadable", "reason": "permission", "detail": "grant read on /var/log/apt\u{1b}[0m", "source": "/var/log/apt/history.log", "observed_at": "2026-11-21T02:59:00Z"},
        "automatic_updates": known(json!("install")),
    });
    let usb = json!({"attached_storage": {"state": "withheld"}});
    let group = |observed: &str| GroupInfo {
        schema_version: 1,
        observed_at: at(observed),
        looked_at: Some(now()),
        freshness: Freshness::Fresh,
    };
    Host {
        as_of: now(),
        id: host_id(1),
        name: "pc01".to_owned(),
        status: HostStatus::Connected,
        class: HostClass::Pc,
        site: None,
        expected: true,
        last_seen: Some(at("2026-11-21T02:59:30Z")),
        clock_offset_ms: Some(420_000),
        clock_skewed: true,
        lost_reports: lost_reports(),
        agents: vec![agent()],
        verdicts: vec![passing(), verdict()],
        facts: [("patch".to_owned(), patch), ("usb".to_owned(), usb)].into(),
        groups: [
            ("patch".to_owned(), group("2026-11-21T02:59:00Z")),
            ("usb".to_owned(), group("2026-11-21T02:58:00Z")),
        ]
        .into(),
    }
}

fn lost_reports() -> LostReports {
    LostReports {
        dropped: 12,
        dropped_first: Some(at("2026-11-18T22:00:00Z")),
        dropped_last: Some(at("2026-11-20T03:30:00Z")),
        missing: 15,
        missing_since: Some(at("2026-11-20T04:00:00Z")),
    }
}

fn agent() -> Agent {
    Agent {
        id: agent_id(1),
        state: AgentState::Active,
        host: Some(host_id(1)),
        name: "pc01".to_owned(),
        site: Some("本社".to_owned()),
        enrolled_from: Some("192.0.2.7".to_owned()),
        enrolled_at: Some(at("2026-11-01T00:00:00Z")),
        certificate_until: Some(at("2026-12-01T00:00:00Z")),
        last_seen: Some(at("2026-11-21T02:59:30Z")),
        connected: true,
        version: Some("0.1.0".to_owned()),
        reason: None,
        suggested_host: None,
    }
}

pub(crate) fn agents() -> Agents {
    let waiting = Agent {
        id: agent_id(3),
        state: AgentState::Pending,
        host: None,
        name: HOSTILE.to_owned(),
        certificate_until: None,
        last_seen: None,
        connected: false,
        suggested_host: Some(host_ref(2, HOSTILE)),
        ..agent()
    };
    let held = Agent { id: agent_id(4), state: AgentState::OnHold, reason: Some("two at once".to_owned()), ..agent() };
    Agents { as_of: now(), agents: vec![waiting, held, agent()] }
}

pub(crate) fn explain_item() -> Explanation {
    Explanation::Item(Box::new(ItemExplanation {
        checklist: "ipa-self-3".to_owned(),
        edition: "3".to_owned(),
        pack_hash: "ab".repeat(32),
        item: checklist().items.remove(0),
        answer: measured(),
        controls: vec![control()],
    }))
}

fn control() -> ControlExplanation {
    let fact = json!({"state": "known", "value": 40, "source": "/var/lib/clamav/daily.cvd", "observed_at": "2026-11-20T23:00:00Z"});
    ControlExplanation {
        control: verdict().control,
        pack_hash: "ab".repeat(32),
        title: verdict().title,
        applies: String::new(),
        condition: "antivirus.products.exists(p, p.running)".to_owned(),
        reads: vec!["antivirus.products".to_owned(), "antivirus.never".to_owned()],
        parameters: vec![Parameter {
            name: "definitions_days_pass".to_owned(),
            value: 3,
            unit: "days".to_owned(),
            ours: true,
            source: text("公表値なし", "no publisher gives one"),
        }],
        remedy: text("定義ファイルを更新してください", "update the definitions"),
        used_by: vec![ItemRef { checklist: "ipa-self-3".to_owned(), item: "2".to_owned(), link: LinkKind::Settles }],
        tally: Tally { pass: 1, fail: 1, unknown: 94, ..Tally::default() },
        hosts: vec![HostExplanation {
            verdict: host_verdict(),
            facts: [("antivirus.products".to_owned(), fact), ("antivirus.never".to_owned(), Json::Null)].into(),
        }],
        hosts_omitted: 1,
        hosts_not_enrolled: 94,
        hosts_retired: 1,
    }
}

pub(crate) fn explain_control() -> Explanation {
    Explanation::Control(Box::new(control()))
}

pub(crate) fn ledger() -> Ledger {
    Ledger {
        name: Some("sample-ledger".to_owned()),
        imported_by: Some("uid:0".to_owned()),
        imported_at: Some(now()),
        rows: vec![LedgerRow {
            row: 1,
            business: "営業".to_owned(),
            asset: "キャンペーン応募者リスト".to_owned(),
            note: "見本".to_owned(),
            users: "営業部".to_owned(),
            department: "営業部".to_owned(),
            medium: "社内サーバー".to_owned(),
            personal_data: vec![PersonalData::Personal, PersonalData::MyNumber],
            confidentiality: 2,
            integrity: 1,
            availability: 0,
            retention: "5年".to_owned(),
            registered_on: "2016-07-01".to_owned(),
            threat: 3,
            declared_vulnerability: Some(2),
            hosts: vec!["sv01".to_owned()],
        }],
    }
}

pub(crate) fn risks() -> Risks {
    let row = RiskRow {
        row: 1,
        asset: "キャンペーン応募者リスト".to_owned(),
        medium: "社内サーバー".to_owned(),
        importance: 2,
        threat: 3,
        vulnerability: Some(2),
        vulnerability_measured: Some(1),
        vulnerability_declared: Some(2),
        likelihood: Some(2),
        risk: Some(4),
        band: Some(RiskBand::High),
        hosts: vec![host_ref(1, "sv01")],
        hosts_unmatched: vec!["sv99".to_owned()],
        reasons: vec![text("申告のほうが悪い", "declared is worse")],
    };
    let without = RiskRow {
        row: 2,
        vulnerability: None,
        vulnerability_measured: None,
        vulnerability_declared: None,
        likelihood: None,
        risk: None,
        band: None,
        hosts: Vec::new(),
        hosts_unmatched: Vec::new(),
        ..row.clone()
    };
    Risks {
        ledger: Some("sample-ledger".to_owned()),
        method: "tool-a-v2".to_owned(),
        pack_hash: "ab".repeat(32),
        bands: RiskTally { high: 1, unrated: 1, ..RiskTally::default() },
        hosts_retired: 1,
        rows: vec![row, without],
    }
}

pub(crate) fn packs() -> Packs {
    Packs {
        pack_hash: "ab".repeat(32),
        packs: vec![Pack {
            id: "base".to_owned(),
            hash: "cd".repeat(32),
            controls: vec![verdict().control, passing().control],
            checklists: vec!["tenken-base".to_owned()],
            methods: vec!["tool-a-v2".to_owned()],
            lifecycles: vec!["debian".to_owned()],
        }],
    }
}

pub(crate) fn token() -> Token {
    Token {
        id: "0123456789ab".to_owned(),
        token: "tenken1-xxxx".to_owned(),
        collector: "collector.example:7431".to_owned(),
        uses: 20,
        expires_at: at("2026-11-22T03:00:00Z"),
        networks: vec!["192.0.2.0/24".to_owned()],
        site: Some("本社".to_owned()),
        auto_approve: false,
    }
}

pub(crate) fn failure() -> Failure {
    Failure {
        error: ErrorBody {
            code: ErrorCode::BadInput,
            message: "the file has 2 mistakes; nothing of it was taken".to_owned(),
            remedy: "correct all".to_owned(),
            mistakes: vec![
                Mistake {
                    line: Some(3),
                    column: "可用性".to_owned(),
                    message: "is “7”".to_owned(),
                    remedy: "0 to 2".to_owned(),
                },
                Mistake { line: None, column: String::new(), message: "no rows".to_owned(), remedy: "add".to_owned() },
            ],
            mistakes_omitted: 1,
        },
    }
}
