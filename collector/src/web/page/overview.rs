//! The overview: coverage first, then the checklists, what to do, what turns, what waits.

use askama::Template;

use super::VERSION;
use crate::api::v1::{self, HealthState, HostRef, RiskBand, TurningWhat};
use crate::locale::{Arg, Lang};
use crate::web::Web;
use crate::web::show::{Page, Place};

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview<'a> {
    p: &'a Page,
    o: &'a v1::Overview,
    sentence: Vec<String>,
    gap: &'static str,
    beside: Vec<String>,
    attention: Vec<(&'static str, u64, Vec<HostRef>)>,
}

pub(super) fn draw(web: &Web, page: &Page) -> Result<String, askama::Error> {
    let overview = web.inner.setup.views.overview();
    Overview {
        p: page,
        sentence: sentence(page, &overview.coverage),
        gap: gap(page.lang()),
        beside: beside(page, &overview.coverage),
        attention: attention(&overview.attention),
        o: &overview,
    }
    .render()
}

/// The first sentence: how much of what should be seen is seen, and what the rest is. Its parts stay whole where
/// the screen is narrow.
fn sentence(page: &Page, coverage: &v1::Coverage) -> Vec<String> {
    let observed = coverage.observed;
    let all = coverage.expected.unwrap_or(coverage.known);
    if all == 0 {
        return vec![page.t("coverage-none-known").into_owned()];
    }
    let counts = [("observed", Arg::Number(observed)), ("expected", Arg::Number(all)), ("known", Arg::Number(all))];
    let first = match coverage.expected {
        Some(_) if observed >= all => return vec![page.with("coverage-all-expected", &counts)],
        Some(_) => page.with("coverage-expected", &counts),
        None => page.with("coverage-all-known", &counts),
    };
    let rest = all.saturating_sub(observed);
    let second = match coverage.not_enrolled {
        _ if rest == 0 => return vec![first],
        0 => page.n("coverage-rest-unobserved", rest),
        n if n >= rest => page.n("coverage-rest-not-enrolled", rest),
        n => page.with("coverage-rest-mixed", &[("rest", Arg::Number(rest)), ("n", Arg::Number(n))]),
    };
    vec![first, second]
}

/// What stands between two sentences.
fn gap(lang: Lang) -> &'static str {
    match lang {
        Lang::Ja => "",
        Lang::En => " ",
    }
}

fn beside(page: &Page, coverage: &v1::Coverage) -> Vec<String> {
    [("coverage-silent", coverage.silent), ("coverage-stale", coverage.stale), ("coverage-retired", coverage.retired)]
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(key, n)| page.n(key, n))
        .collect()
}

/// What waits for a person, where there is any.
fn attention(attention: &v1::Attention) -> Vec<(&'static str, u64, Vec<HostRef>)> {
    let agents = |it: &v1::Named<v1::AgentRef>| {
        it.first.iter().map(|agent| HostRef { host: None, name: agent.name.clone() }).collect::<Vec<_>>()
    };
    vec![
        ("attention-pending", attention.pending.total, agents(&attention.pending)),
        ("attention-on_hold", attention.on_hold.total, agents(&attention.on_hold)),
        ("attention-silent", attention.silent.total, attention.silent.first.clone()),
        ("attention-not_enrolled", attention.not_enrolled.total, attention.not_enrolled.first.clone()),
        ("attention-skewed", attention.skewed.total, attention.skewed.first.clone()),
    ]
    .into_iter()
    .filter(|(_, total, _)| *total > 0)
    .collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;

    fn said(lang: Lang, coverage: &v1::Coverage) -> String {
        let page = Page::new(lang, TimeZone::UTC, Timestamp::UNIX_EPOCH, Place::Overview, "/".into());
        sentence(&page, coverage).join(gap(lang))
    }

    #[test]
    fn the_first_sentence_is_coverage() {
        let mut coverage =
            v1::Coverage { observed: 1, known: 1, expected: Some(96), not_enrolled: 95, ..Default::default() };
        assert_eq!(said(Lang::Ja, &coverage), "96台中1台を確認。残り95台は未登録です。");
        assert_eq!(said(Lang::En, &coverage), "1 of 96 hosts observed. The remaining 95 are not enrolled.");
        coverage.known = 6;
        coverage.not_enrolled = 90;
        assert_eq!(said(Lang::Ja, &coverage), "96台中1台を確認。残り95台のうち90台は未登録です。");
        coverage.not_enrolled = 0;
        assert_eq!(said(Lang::Ja, &coverage), "96台中1台を確認。残り95台は最新の情報がありません。");
        coverage.observed = 96;
        assert_eq!(said(Lang::Ja, &coverage), "想定96台すべてを確認しました。");
    }

    #[test]
    fn without_an_expected_list_the_known_hosts_count() {
        let mut coverage = v1::Coverage { observed: 1, known: 1, ..Default::default() };
        assert_eq!(said(Lang::Ja, &coverage), "把握1台中1台を確認。");
        assert_eq!(said(Lang::En, &coverage), "1 of 1 host observed.");
        coverage.known = 3;
        assert_eq!(said(Lang::Ja, &coverage), "把握3台中1台を確認。残り2台は最新の情報がありません。");
        assert_eq!(said(Lang::Ja, &v1::Coverage::default()), "確認できる機器がまだありません。");
    }
}
