//! Checklists with their answers, and one item down to fact, source and time.

use askama::Template;

use super::{Drawn, VERSION};
use crate::api::v1::{self, Basis, Evidence, Freshness};
use crate::locale::Lang;
use crate::web::Web;
use crate::web::fact::{self, Cell, Row};
use crate::web::show::{Page, Place};

#[derive(Template)]
#[template(path = "checklists.html")]
struct Checklists<'a> {
    p: &'a Page,
    summaries: &'a [v1::ChecklistSummary],
}

pub(super) fn all(web: &Web, page: &Page) -> Result<String, askama::Error> {
    let overview = web.inner.setup.views.overview();
    Checklists { p: page, summaries: &overview.checklists }.render()
}

#[derive(Template)]
#[template(path = "checklist.html")]
struct Checklist<'a> {
    p: &'a Page,
    list: &'a v1::Checklist,
    answers: &'a v1::Answers,
    summary: Option<&'a v1::ChecklistSummary>,
    retired: Option<u64>,
    parts_of: Vec<Part<'a>>,
    declare: String,
}

/// Items under one heading.
struct Part<'a> {
    title: Option<&'a v1::Text>,
    rows: Vec<ItemRow<'a>>,
}

struct ItemRow<'a> {
    item: &'a v1::Item,
    answer: &'a v1::Answer,
}

pub(super) fn one(web: &Web, page: &Page, id: &str) -> Drawn {
    let views = &web.inner.setup.views;
    let lists = views.checklists();
    let list = lists.iter().find(|list| list.id == id)?;
    let answers = views.answers(id)?;
    let overview = views.overview();
    let summary = overview.checklists.iter().find(|summary| summary.checklist == id);
    let mut parts_of: Vec<Part<'_>> = Vec::new();
    for item in &list.items {
        let Some(answer) = answers.items.iter().find(|answer| answer.id == item.id) else { continue };
        let title = item.part.as_ref();
        match parts_of.last_mut() {
            Some(part) if part.title == title => part.rows.push(ItemRow { item, answer }),
            _ => parts_of.push(Part { title, rows: vec![ItemRow { item, answer }] }),
        }
    }
    let declare = declare(page, id, "ITEM");
    let retired = Some(overview.coverage.retired);
    Some(Checklist { p: page, list, answers: &answers, summary, retired, parts_of, declare }.render())
}

#[derive(Template)]
#[template(path = "item.html")]
struct Item<'a> {
    p: &'a Page,
    x: &'a v1::ItemExplanation,
    list_title: &'a v1::Text,
    counts: Option<String>,
    declarations: Vec<&'a v1::Declaration>,
    controls: Vec<Control<'a>>,
    declare: String,
    previous: Option<&'a str>,
    next: Option<&'a str>,
}

struct Control<'a> {
    it: &'a v1::ControlExplanation,
    link: Option<v1::LinkKind>,
    at_most: Option<v1::AnswerWord>,
    reads: Vec<String>,
    hosts: Vec<HostFacts<'a>>,
}

struct HostFacts<'a> {
    /// What makes the ids of this host's lists differ from another's on the page.
    place: String,
    it: &'a v1::HostExplanation,
    facts: Vec<Row>,
}

pub(super) fn item(web: &Web, page: &Page, id: &str, item: &str) -> Drawn {
    let views = &web.inner.setup.views;
    let explanation = views.explain(id, item)?;
    let lists = views.checklists();
    let list = lists.iter().find(|list| list.id == id)?;
    let place = list.items.iter().position(|it| it.id == item)?;
    let neighbour = |place: Option<usize>| place.and_then(|at| list.items.get(at)).map(|it| it.id.as_str());
    let declarations = explanation.answer.evidence.iter().filter_map(|evidence| match evidence {
        Evidence::Declaration(declaration) => Some(declaration),
        Evidence::Control(_) => None,
    });
    Some(
        Item {
            p: page,
            list_title: &list.title,
            counts: Some(page.nmk(&explanation.answer)).filter(|_| explanation.answer.hosts_known.is_some()),
            declarations: declarations.collect(),
            controls: explanation.controls.iter().map(|it| control(page, &explanation.item, it)).collect(),
            declare: declare(page, id, item),
            previous: neighbour(place.checked_sub(1)),
            next: neighbour(Some(place + 1)),
            x: &explanation,
        }
        .render(),
    )
}

fn control<'a>(page: &Page, item: &v1::Item, it: &'a v1::ControlExplanation) -> Control<'a> {
    let link = item.links.iter().find(|link| link.control == it.control);
    Control {
        it,
        link: link.map(|link| link.link),
        at_most: link.and_then(|link| link.at_most),
        reads: fact::names(page, &it.reads),
        hosts: (1..).zip(&it.hosts).map(|(n, host)| host_facts(page, &it.control, n, host)).collect(),
    }
}

fn host_facts<'a>(page: &Page, control: &str, n: usize, host: &'a v1::HostExplanation) -> HostFacts<'a> {
    HostFacts { place: format!("{control}-{n}-"), it: host, facts: fact::read(page, &host.facts) }
}

/// The command that declares an answer.
fn declare(page: &Page, checklist: &str, item: &str) -> String {
    page.command(&format!("declare {item} --checklist {checklist} --answer … --by …"))
}
