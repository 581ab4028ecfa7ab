//! `token create`: what a machine enrols with.

use super::{Console, Failure};
use crate::api::v1;
use crate::args::TokenCommand;
use crate::locale::Arg;

pub(super) async fn run(console: &Console, command: TokenCommand) -> Result<String, Failure> {
    let TokenCommand::Create(wanted) = command;
    let request = v1::CreateToken {
        uses: wanted.uses,
        ttl_s: wanted.ttl.as_secs().unsigned_abs(),
        networks: wanted.networks.iter().map(ToString::to_string).collect(),
        site: wanted.site,
        auto_approve: wanted.auto_approve.then_some(true),
    };
    let token: v1::Token =
        console.client.post("/api/v1/tokens", &request).await.map_err(|error| console.failure(error))?;
    console.shown(wanted.output, &token, |screen| {
        let until = screen.moment(token.expires_at);
        let mut out = format!("{}\n\n", token.token);
        out += &screen.with("cli-token", &[("uses", Arg::Number(u64::from(token.uses))), ("until", Arg::Text(&until))]);
        out.push('\n');
        if !token.auto_approve {
            out += &format!("{}\n", screen.t("cli-token-waits"));
        }
        out += &format!("{}\n", screen.t("cli-token-next"));
        out + &format!("  tenken-agent enrol --collector {} --token {}\n", token.collector, token.token)
    })
}
