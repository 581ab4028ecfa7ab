//! A made-up fleet with everything that a page can show: every verdict, answer, state, band and hostile text.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use tenken_proto::ident::{AgentId, HostId};
use tokio::sync::broadcast;

use crate::api::v1::*;
use crate::engine::Moved;
use crate::web::Views;

/// A name that tries everything.
pub(crate) const HOSTILE: &str = "pc\u{202E}<script>alert(1)</script>\"'&\u{0}";

/// The fleet; moves are told by hand.
pub(crate) struct Sample {
    pub(crate) moved: broadcast::Sender<Arc<Moved>>,
    now: Timestamp,
}

impl Sample {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { moved: broadcast::channel(16).0, now }
    }

    fn ago(&self, minutes: i64) -> Timestamp {
        self.now - SignedDuration::from_mins(minutes)
    }

    fn ahead(&self, days: i64) -> Timestamp {
        self.now + SignedDuration::from_hours(24 * days)
    }
}

pub(crate) fn host_id(n: u8) -> HostId {
    HostId(uuid::Uuid::from_bytes([n; 16]))
}

fn both(ja: &str, en: &str) -> Text {
    Text { ja: ja.into(), en: en.into() }
}

fn known(name: &str) -> HostRef {
    let n = NAMES.iter().position(|it| *it == name).unwrap_or(0);
    HostRef { host: Some(host_id(u8::try_from(n + 1).unwrap_or(1))), name: name.into() }
}

const NAMES: [&str; 6] = ["keiri-pc01", "eigyo-note-07", "soumu-pc03", "file-server", "web-01", HOSTILE];
const CONTROLS: [(&str, &str, &str); 5] = [
    ("patch.security_current", "セキュリティ更新の適用", "Security updates installed"),
    ("os.supported", "OSのサポート期間内", "Operating system supported"),
    ("antivirus.current", "ウイルス定義ファイルの鮮度", "Malware definitions current"),
    ("usb.storage_enforced", "USB記憶装置の制御", "USB storage enforced"),
    ("log_retention.enough", "ログの保存期間", "Log retention"),
];

fn title(control: &str) -> Text {
    CONTROLS.iter().find(|it| it.0 == control).map_or_else(Text::default, |it| both(it.1, it.2))
}

fn verdict_of(n: usize, control: usize) -> (VerdictWord, Freshness) {
    match (n, control) {
        (3, _) => (VerdictWord::Fail, Freshness::Silent),
        (4, 2) => (VerdictWord::Unknown, Freshness::Stale),
        _ => (VerdictWord::ALL[(n * 2 + control) % 5], Freshness::Fresh),
    }
}

impl Sample {
    fn verdict(&self, n: usize, at: usize) -> Verdict {
        let (word, freshness) = verdict_of(n, at);
        let control = CONTROLS[at].0;
        let reason = match word {
            VerdictWord::Pass => both("未適用のセキュリティ更新はありません", "No security update is pending"),
            VerdictWord::Partial => both(
                "3件の更新を9日前に初めて確認しました（猶予14日）",
                "3 updates, first seen 9 days ago (14 allowed)",
            ),
            VerdictWord::Fail => {
                both("12件のセキュリティ更新が14日を超えています", "12 security updates are older than 14 days")
            }
            VerdictWord::Unknown => both(
                "更新情報を読み取れません：/var/lib/apt/lists の読み取り権限がありません",
                "The update lists cannot be read: no permission for /var/lib/apt/lists",
            ),
            VerdictWord::NotApplicable => both("USBバスがありません", "There is no USB bus"),
        };
        Verdict {
            control: control.into(),
            title: title(control),
            verdict: word,
            freshness,
            reasons: vec![reason],
            remedy: matches!(word, VerdictWord::Fail | VerdictWord::Partial | VerdictWord::Unknown).then(|| {
                both(
                    "機器で「sudo apt update && sudo apt full-upgrade」を実行し、自動更新（unattended-upgrades）を有効にします。",
                    "Run “sudo apt update && sudo apt full-upgrade” and switch automatic updates (unattended-upgrades) on.",
                )
            }),
            observed_at: Some(self.ago(13)),
            valid_until: (word == VerdictWord::Partial || word == VerdictWord::Pass).then(|| self.ahead(5)),
            becomes: match word {
                VerdictWord::Partial => Some(VerdictWord::Fail),
                VerdictWord::Pass => Some(VerdictWord::Partial),
                VerdictWord::Fail | VerdictWord::Unknown | VerdictWord::NotApplicable => None,
            },
        }
    }

    fn facts(&self) -> BTreeMap<String, Json> {
        let at = self.ago(13).to_string();
        let known =
            |value: Json, source: &str| json!({"state": "known", "value": value, "source": source, "observed_at": at});
        let update = |name: &str, security: bool| {
            let inner = |value: Json| known(value, "/var/lib/dpkg/status");
            json!({"name": inner(json!(name)), "architecture": inner(json!("amd64")), "installed": inner(json!("5.2.15-2+b7")),
                "candidate": inner(json!("5.2.15-2+b8")), "security": inner(json!(security))})
        };
        let updates: Vec<Json> = (0..12).map(|n| update(&format!("libexample{n}"), n % 3 == 0)).collect();
        let log = json!({
            "path": known(json!("/var/log/journal"), "/var/log/journal"), "kind": known(json!("journal"), ""),
            "oldest_record_at": known(json!("2026-06-03T04:05:06Z"), "/var/log/journal/x/system@1.journal"),
            "configured_days": {"state": "absent", "source": "/etc/systemd/journald.conf", "observed_at": at},
            "configured_bytes": known(json!(4_294_967_296_u64), "/etc/systemd/journald.conf"),
            "size_bytes": known(json!(1_503_238_553_u64), ""), "projected_days": known(json!(412), "computed"),
            "binding_limit": known(json!("size"), "computed"),
        });
        BTreeMap::from([
            (
                "host".into(),
                json!({
                    "host_name": known(json!(HOSTILE), "/etc/hostname"), "os_family": known(json!("linux"), "/etc/os-release"),
                    "os_name": known(json!("Debian GNU/Linux 13 (trixie)"), "/etc/os-release"),
                    "memory_bytes": known(json!(8_348_758_016_u64), "/proc/meminfo"),
                    "booted_at": known(json!("2026-11-20T22:11:05Z"), "/proc/stat"),
                    "serial_number": {"state": "unreadable", "reason": "permission", "detail": "/sys/class/dmi/id/product_serial は root だけが読めます", "source": "/sys/class/dmi/id/product_serial", "observed_at": at},
                }),
            ),
            (
                "patch".into(),
                json!({
                    "pending_updates": known(json!(12), "/var/lib/apt/lists"), "pending_security_updates": known(json!(4), "/var/lib/apt/lists"),
                    "updates": known(Json::Array(updates), "/var/lib/apt/lists"), "held_updates": known(json!([]), "/var/lib/dpkg/status"),
                    "source_refreshed_at": known(json!("2026-11-20T20:14:10Z"), "/var/lib/apt/lists/deb.example_dists_trixie-security_InRelease"),
                    "reboot_required": {"state": "absent", "source": "/run/reboot-required", "observed_at": at},
                    "automatic_updates": known(json!("refresh_only"), "/etc/apt/apt.conf.d/20auto-upgrades"),
                }),
            ),
            (
                "usb".into(),
                json!({
                    "storage_enforcement": known(json!("free"), "/sys/bus/usb"), "usbguard_running": known(json!(false), "/proc"),
                    "attached_storage": {"state": "withheld"},
                }),
            ),
            (
                "log_retention".into(),
                json!({"logs": known(json!([log]), "/var/log"), "forwarded_to": known(json!(["log.example:6514"]), "/etc/rsyslog.conf")}),
            ),
        ])
    }

    fn lost_reports(&self) -> LostReports {
        LostReports {
            dropped: 12,
            dropped_first: Some(self.ago(4_000)),
            dropped_last: Some(self.ago(2_500)),
            missing: 15,
            missing_since: Some(self.ago(2_400)),
        }
    }

    fn tally() -> Tally {
        Tally { pass: 2, partial: 1, fail: 1, unknown: 91, not_applicable: 1 }
    }

    fn answers_of(&self, items: usize) -> Vec<Answer> {
        (0..items).map(|n| self.one_answer(n)).collect()
    }

    fn one_answer(&self, n: usize) -> Answer {
        let answer = match n {
            0 => AnswerWord::Partly,
            1 => AnswerWord::Unknown,
            2 => AnswerWord::Implemented,
            12 => AnswerWord::NotImplemented,
            _ => AnswerWord::Unanswered,
        };
        let measured = n < 2;
        let declared = n == 2 || n == 12 || n == 0;
        let mut evidence = Vec::new();
        if measured {
            evidence.push(Evidence::Control(ControlEvidence {
                control: CONTROLS[n].0.into(),
                title: title(CONTROLS[n].0),
                link: LinkKind::Settles,
                tally: Self::tally(),
                hosts: self.host_verdicts(n),
                hosts_omitted: 91,
            }));
        }
        if declared {
            evidence.push(Evidence::Declaration(self.declaration()));
        }
        Answer {
            id: (n + 1).to_string(),
            answer,
            basis: match (measured, declared) {
                (true, true) => Basis::Both,
                (true, false) => Basis::Measured,
                (false, true) => Basis::Declared,
                (false, false) => Basis::Unanswered,
            },
            points: match answer {
                AnswerWord::Implemented => Some(4),
                AnswerWord::Partly => Some(2),
                AnswerWord::NotImplemented => Some(0),
                AnswerWord::Unknown => Some(-1),
                AnswerWord::NotApplicable | AnswerWord::Unanswered => None,
            },
            hosts_met: measured.then_some(2),
            hosts_observed: measured.then_some(5),
            hosts_known: measured.then_some(6),
            hosts_expected: measured.then_some(96),
            hosts_retired: measured.then_some(2),
            valid_until: measured.then(|| self.ahead(5)),
            contradiction: (n == 0).then(|| Contradiction {
                declared: AnswerWord::Implemented,
                measured: AnswerWord::Partly,
                text: both(
                    "申告では実施しているとされていますが、1台で更新が14日を超えています。",
                    "It is declared implemented, and one host has updates older than 14 days.",
                ),
            }),
            evidence,
        }
    }

    fn declaration(&self) -> Declaration {
        Declaration {
            answer: AnswerWord::Implemented,
            by: "佐藤 花子".into(),
            principal: "uid:1000".into(),
            declared_at: self.ago(60 * 24 * 20),
            until: Some(self.ahead(160)),
            evidence: Some("情報管理規程 第4版 第12条 <b>2026年度</b>".into()),
            ended: false,
        }
    }

    fn host_verdicts(&self, at: usize) -> Vec<HostVerdict> {
        let one = |(n, name): (usize, &&str)| HostVerdict {
            host: known(name).host,
            name: (*name).into(),
            verdict: self.verdict(n, at),
        };
        NAMES.iter().enumerate().map(one).collect()
    }

    fn summaries(&self) -> Vec<ChecklistSummary> {
        let answers = AnswerTally {
            implemented: 1,
            partly: 1,
            not_implemented: 1,
            unknown: 1,
            unanswered: 21,
            measured: 2,
            declared: 2,
            ..Default::default()
        };
        let base = AnswerTally { implemented: 1, partly: 2, not_implemented: 1, measured: 4, ..Default::default() };
        vec![
            ChecklistSummary {
                checklist: "ipa-self-3".into(),
                edition: "3.x".into(),
                title: both("5分でできる！情報セキュリティ自社診断", "5-minute information security self-diagnosis"),
                answered: 4,
                items_total: 25,
                answers,
                score: Some(self.score()),
                band: None,
                contradictions: 1,
            },
            ChecklistSummary {
                checklist: "tenken-base".into(),
                edition: "1".into(),
                title: both("点検の基本4項目", "Tenken: the four basics"),
                answered: 4,
                items_total: 4,
                answers: base,
                score: None,
                band: None,
                contradictions: 0,
            },
        ]
    }

    fn score(&self) -> Score {
        Score { measured: 2, declared: 4, unknown_points: -1, total: None, max: 100 }
    }
}

const ITEMS: [(&str, &str); 25] = [
    ("OS・ソフトを最新に保つ", "Keep OS and software current"),
    ("ウイルス対策ソフトの導入と定義ファイルの最新化", "Anti-malware installed, definitions current"),
    ("長く複雑なパスワード", "Long, complex passwords"),
    ("重要情報へのアクセス制限", "Access limits on important data"),
    ("脅威・手口の社内共有の仕組み", "Share new threats internally"),
    ("メール添付・URLからの感染に注意", "Care with mail attachments and links"),
    ("メール・FAXの誤送信防止", "Prevent misdirected mail and fax"),
    ("重要情報は本文でなく添付しパスワードで保護", "Important data in protected attachments"),
    ("無線LANの適切な暗号化", "Proper Wi-Fi encryption"),
    ("Web経由の感染・SNSのトラブル対策", "Measures against web infection and SNS trouble"),
    ("重要情報のバックアップ", "Back up important data"),
    ("書類・媒体を机上に放置せず保管", "Clear desk, locked storage"),
    ("持出し時の盗難・紛失対策", "Theft and loss protection when taking data out"),
    ("離席時の画面のぞき見・勝手な操作の防止", "Screen lock when away"),
    ("関係者以外の事務所立入制限", "Restrict office entry"),
    ("退社時のノートPC・備品の施錠保管", "Lock up notebooks at night"),
    ("無人時の施錠忘れ対策", "Lock the office when empty"),
    ("書類・媒体の復元できない廃棄", "Unrecoverable disposal"),
    ("守秘義務の理解と情報を漏らさないルール", "Duty of confidentiality understood"),
    ("従業員へのセキュリティ教育・注意喚起", "Staff education"),
    ("個人所有機器の業務利用の明確化", "Rules for personal devices"),
    ("取引先との契約に秘密保持条項", "Confidentiality clauses with partners"),
    ("クラウド等の外部サービスの選定", "Choose external services with care"),
    ("事故に備えた体制・手順", "Incident organisation and procedure"),
    ("対策のルール化と明示", "Rules written down and shown"),
];

impl Views for Sample {
    fn overview(&self) -> Overview {
        let fail = |at: usize, word| Worst {
            control: CONTROLS[at].0.into(),
            title: title(CONTROLS[at].0),
            verdict: word,
            hosts_total: 7,
            hosts: NAMES.iter().take(4).map(|name| known(name)).collect(),
            reason: self.verdict(1, at).reasons.into_iter().next(),
            remedy: both(
                "機器で更新を適用し、自動更新を有効にします。",
                "Install the updates and switch automatic updates on.",
            ),
        };
        Overview {
            as_of: self.now,
            pack_hash: "9f2c4e".repeat(10),
            coverage: Coverage {
                observed: 1,
                known: 1,
                expected: Some(96),
                not_enrolled: 95,
                silent: 1,
                stale: 1,
                retired: 2,
            },
            checklists: self.summaries(),
            risks: Some(RiskTally { high: 2, medium: 3, low: 2, unrated: 1 }),
            worst: vec![fail(0, VerdictWord::Fail), fail(2, VerdictWord::Unknown)],
            turning: vec![
                Turning {
                    at: self.ahead(5),
                    what: TurningWhat::Verdict {
                        host: known("soumu-pc03"),
                        control: CONTROLS[0].0.into(),
                        title: title(CONTROLS[0].0),
                        from: VerdictWord::Partial,
                        becomes: VerdictWord::Fail,
                    },
                },
                Turning {
                    at: self.ahead(160),
                    what: TurningWhat::Declaration {
                        checklist: "ipa-self-3".into(),
                        item: "3".into(),
                        title: both(ITEMS[2].0, ITEMS[2].1),
                        basis: Basis::Declared,
                    },
                },
            ],
            attention: Attention {
                silent: Named { total: 1, first: vec![known("file-server")] },
                pending: Named {
                    total: 1,
                    first: vec![AgentRef { agent: AgentId(uuid::Uuid::nil()), name: HOSTILE.into() }],
                },
                on_hold: Named::default(),
                duplicates: Named {
                    total: 1,
                    first: vec![Duplicate {
                        by: "host_name".into(),
                        value: "web-01".into(),
                        hosts: vec![known("web-01"), known("file-server")],
                    }],
                },
                skewed: Named { total: 1, first: vec![known("web-01")] },
                not_enrolled: Named { total: 95, first: vec![HostRef { host: None, name: "keiri-pc02".into() }] },
            },
            health: Health {
                state: HealthState::Degraded,
                version: "0.1.0".into(),
                started_at: self.ago(400),
                parts: vec![HealthPart {
                    part: "store".into(),
                    state: HealthState::Degraded,
                    detail: "ディスクの空きが少なくなっています（残り 812 MiB）".into(),
                }],
                connected_agents: 5,
                reports_accepted: 1234,
                lost_reports: self.lost_reports(),
                refused: vec![Refused { place: "accept".into(), reason: "expired_certificate".into(), count: 3 }],
            },
        }
    }

    fn hosts(&self) -> Hosts {
        let row = |(n, name): (usize, &&str)| HostRow {
            id: known(name).host,
            name: (*name).into(),
            status: [
                HostStatus::Connected,
                HostStatus::Connected,
                HostStatus::Disconnected,
                HostStatus::Silent,
                HostStatus::Connected,
                HostStatus::NoAgent,
            ][n],
            class: if n > 2 { HostClass::Server } else { HostClass::Pc },
            site: (n % 2 == 0).then(|| "大阪支店".into()),
            expected: true,
            last_seen: Some(self.ago(3)),
            freshness: if n == 3 { Freshness::Silent } else { Freshness::Fresh },
            verdicts: (0..CONTROLS.len())
                .map(|at| {
                    let (verdict, freshness) = verdict_of(n, at);
                    (CONTROLS[at].0.to_owned(), VerdictCell { verdict, freshness, valid_until: None })
                })
                .collect(),
        };
        let mut hosts: Vec<HostRow> = NAMES.iter().enumerate().map(row).collect();
        hosts.extend((0..150).map(|n| HostRow {
            id: None,
            name: format!("keiri-pc{n:03}"),
            status: HostStatus::NotEnrolled,
            class: HostClass::Pc,
            site: None,
            expected: true,
            last_seen: None,
            freshness: Freshness::Never,
            verdicts: BTreeMap::new(),
        }));
        Hosts {
            as_of: self.now,
            controls: CONTROLS.iter().map(|it| ControlHead { id: it.0.into(), title: both(it.1, it.2) }).collect(),
            hosts,
            retired: vec![RetiredHost {
                id: host_id(99),
                name: "old-pc".into(),
                by: "佐藤".into(),
                reason: "廃棄".into(),
                at: self.ago(9000),
            }],
        }
    }

    fn host(&self, id: HostId) -> Option<Host> {
        let n = (1..=NAMES.len()).find(|n| host_id(u8::try_from(*n).unwrap_or(0)) == id)? - 1;
        Some(Host {
            as_of: self.now,
            id,
            name: NAMES[n].into(),
            status: HostStatus::Connected,
            class: HostClass::Pc,
            site: Some("大阪支店".into()),
            expected: true,
            last_seen: Some(self.ago(3)),
            clock_offset_ms: Some(-412_000),
            clock_skewed: n == 4,
            lost_reports: if n == 0 { self.lost_reports() } else { LostReports::default() },
            agents: self.agents().agents.into_iter().take(1).collect(),
            verdicts: (0..CONTROLS.len()).map(|at| self.verdict(n, at)).collect(),
            facts: self.facts(),
            groups: self
                .facts()
                .into_keys()
                .map(|name| {
                    let stale = if name == "usb" { Freshness::Stale } else { Freshness::Fresh };
                    (
                        name,
                        GroupInfo {
                            schema_version: 1,
                            observed_at: self.ago(13),
                            looked_at: Some(self.ago(3)),
                            freshness: stale,
                        },
                    )
                })
                .collect(),
        })
    }

    fn agents(&self) -> Agents {
        let agent = |n: u8, state| Agent {
            id: AgentId(uuid::Uuid::from_bytes([n; 16])),
            state,
            host: (state != AgentState::Pending).then(|| host_id(1)),
            name: if n == 2 { HOSTILE.into() } else { "keiri-pc01".into() },
            site: Some("本社".into()),
            enrolled_from: Some("192.0.2.17".into()),
            enrolled_at: Some(self.ago(9000)),
            certificate_until: Some(self.ahead(21)),
            last_seen: Some(self.ago(3)),
            connected: state == AgentState::Active,
            version: Some("0.1.0".into()),
            reason: (state == AgentState::OnHold).then(|| "two epochs at one time".into()),
            suggested_host: (state == AgentState::Pending).then(|| known("web-01")),
        };
        Agents { as_of: self.now, agents: AgentState::ALL.iter().zip(1..).map(|(state, n)| agent(n, *state)).collect() }
    }

    fn checklists(&self) -> Vec<Checklist> {
        self.summaries()
            .into_iter()
            .map(|summary| Checklist {
                items: ITEMS
                    .iter()
                    .take(usize::try_from(summary.items_total).unwrap_or(0))
                    .enumerate()
                    .map(|(n, it)| Item {
                        id: (n + 1).to_string(),
                        part: Some(match n {
                            0..5 => both("基本的対策", "Basics"),
                            5..18 => both("従業員としての対策", "Staff"),
                            _ => both("組織としての対策", "Organisation"),
                        }),
                        title: both(it.0, it.1),
                        links: vec![Link {
                            control: CONTROLS[n % 5].0.into(),
                            link: LinkKind::Caps,
                            at_most: Some(AnswerWord::Partly),
                        }],
                    })
                    .collect(),
                id: summary.checklist,
                edition: summary.edition,
                title: summary.title,
                publisher: both(
                    "独立行政法人情報処理推進機構（IPA）",
                    "Information-technology Promotion Agency, Japan (IPA)",
                ),
                weights: BTreeMap::new(),
                bands: Vec::new(),
            })
            .collect()
    }

    fn answers(&self, checklist: &str) -> Option<Answers> {
        let summary = self.summaries().into_iter().find(|it| it.checklist == checklist)?;
        Some(Answers {
            checklist: summary.checklist,
            edition: summary.edition,
            pack_hash: "9f2c4e".repeat(10),
            answered: summary.answered,
            items_total: summary.items_total,
            score: summary.score,
            items: self.answers_of(usize::try_from(summary.items_total).unwrap_or(0)),
        })
    }

    fn explain(&self, checklist: &str, item: &str) -> Option<ItemExplanation> {
        let list = self.checklists().into_iter().find(|it| it.id == checklist)?;
        let at = list.items.iter().position(|it| it.id == item)?;
        let facts: BTreeMap<String, Json> = self
            .facts()
            .get("patch")
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
            .map(|(name, json)| (format!("patch.{name}"), json.clone()))
            .chain([("host.os_id".to_owned(), Json::Null)])
            .collect();
        let control = ControlExplanation {
            control: CONTROLS[at % 5].0.into(),
            pack_hash: "9f2c4e".repeat(10),
            title: title(CONTROLS[at % 5].0),
            applies: "host.os_family == 'linux'".into(),
            condition: "patch.pending_security_updates == 0 && patch.held_security_updates == 0".into(),
            reads: facts.keys().cloned().collect(),
            parameters: vec![Parameter {
                name: "grace_days".into(),
                value: 14,
                unit: "days".into(),
                ours: true,
                source: both("SCSの基準にならいました", "After the SCS criteria"),
            }],
            remedy: both(
                "機器で更新を適用し、自動更新を有効にします。",
                "Install the updates and switch automatic updates on.",
            ),
            used_by: Vec::new(),
            tally: Self::tally(),
            hosts: self
                .host_verdicts(at % 5)
                .into_iter()
                .map(|verdict| HostExplanation { verdict, facts: facts.clone() })
                .collect(),
            hosts_not_enrolled: 90,
            hosts_retired: 2,
            hosts_omitted: 3,
        };
        Some(ItemExplanation {
            checklist: list.id.clone(),
            edition: list.edition.clone(),
            pack_hash: "9f2c4e".repeat(10),
            item: list.items.get(at)?.clone(),
            answer: self.one_answer(at),
            controls: if at < 2 { vec![control] } else { Vec::new() },
        })
    }

    fn risks(&self) -> Risks {
        type Row<'a> = (&'a str, &'a str, u8, u8, Option<u8>, Option<u8>, Option<u8>, Option<RiskBand>);
        let row = |(n, it): (u64, Row<'_>)| RiskRow {
            row: n,
            asset: it.0.into(),
            medium: it.1.into(),
            importance: it.2,
            threat: it.3,
            vulnerability: it.4,
            vulnerability_measured: it.4,
            vulnerability_declared: None,
            likelihood: it.5,
            risk: it.6,
            band: it.7,
            hosts: vec![known("keiri-pc01"), known("web-01")],
            hosts_unmatched: if n == 2 { vec!["unknown-pc".into()] } else { Vec::new() },
            reasons: vec![both("更新が14日を超えた機器が1台あります", "One host has updates older than 14 days")],
        };
        let rows = [
            ("顧客名簿", "事務所PC", 3, 3, Some(3), Some(3), Some(9), Some(RiskBand::High)),
            (HOSTILE, "社内サーバー", 3, 2, Some(2), Some(2), Some(6), Some(RiskBand::High)),
            ("給与システムのデータ", "クラウド", 2, 2, Some(2), Some(2), Some(4), Some(RiskBand::Medium)),
            ("会社案内", "可搬電子媒体", 1, 1, Some(1), Some(1), Some(1), Some(RiskBand::Low)),
            ("設計図面", "書類", 3, 2, None, None, None, None),
        ];
        Risks {
            ledger: Some("見本の情報資産台帳".into()),
            method: "tool-a-v2".into(),
            pack_hash: "9f2c4e".repeat(10),
            bands: RiskTally { high: 2, medium: 1, low: 1, unrated: 1 },
            hosts_retired: 2,
            rows: (1..).zip(rows).map(row).collect(),
        }
    }

    fn moved(&self) -> broadcast::Receiver<Arc<Moved>> {
        self.moved.subscribe()
    }
}
