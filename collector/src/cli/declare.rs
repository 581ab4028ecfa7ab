//! `declare`: a person's answer to an item.

use super::{Console, Failure};
use crate::api::v1;
use crate::args::Declare;

pub(super) async fn run(console: &Console, request: Declare) -> Result<String, Failure> {
    let Declare { item, checklist, answer, by, until, evidence, output } = request;
    let request = v1::Declare { checklist, item, answer: answer.into(), by, until, evidence };
    let declared: v1::Declared =
        console.client.post("/api/v1/declarations", &request).await.map_err(|error| console.failure(error))?;
    console.shown(output, &declared, |screen| {
        let (said, _) = screen.answer(request.answer);
        let (stands, _) = screen.answer(declared.answer.answer);
        let basis = screen.word(&format!("basis-{}", declared.answer.basis));
        let mut out = screen.say(
            "cli-declared",
            &[
                ("item", declared.item.as_str()),
                ("said", said.as_str()),
                ("stands", stands.as_str()),
                ("basis", basis.as_str()),
            ],
        );
        out.push('\n');
        if let Some(difference) = &declared.answer.contradiction {
            out += &format!("{}: {}\n", screen.t("contradiction"), screen.text(&difference.text));
        }
        out
    })
}
