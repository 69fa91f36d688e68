//! The first start: makes the first workspace, and shows its owner's token once.

use std::{fmt::Write as _, net::SocketAddr};

use anyhow::Context as _;
use domain::{
    ctx::Ctx,
    locale::Locale,
    workspace::{self, NewWorkspace},
};
use entity::workspace as workspace_entity;
use secrecy::{ExposeSecret as _, SecretString};

use crate::config::Config;

/// The first workspace, and its owner's token where nobody chose it.
#[derive(Debug)]
pub struct First {
    /// The workspace.
    pub workspace: workspace_entity::Model,
    /// The token to show; nothing when it came from the settings.
    pub token: Option<SecretString>,
}

/// Makes the first workspace where there is none.
pub async fn ensure(ctx: &Ctx, config: &Config, locale: Locale) -> anyhow::Result<Option<First>> {
    let new = NewWorkspace {
        name: "My company".to_owned(),
        time_zone: config.time_zone,
        locale,
        own_addresses: Vec::new(),
        owner_email: "owner@localhost".to_owned(),
        owner_name: "Owner".to_owned(),
        owner_token: config.bootstrap_token.clone(),
    };
    let created = workspace::create_first(ctx, new)
        .await
        .context("making the first workspace")?;
    Ok(created.map(|created| First {
        workspace: created.workspace,
        token: config
            .bootstrap_token
            .is_none()
            .then_some(created.owner_token),
    }))
}

/// The block shown when there is a token to show.
#[must_use]
pub fn welcome(first: &First, address: SocketAddr) -> Option<String> {
    let token = first.token.as_ref()?.expose_secret();
    Some(framed(&[
        "縁 Enishi: welcome.",
        "",
        &format!("Explorer   {}", explorer_url(address)),
        &format!("Token      {token}"),
        "",
        "The token belongs to the owner of the first workspace. It is shown",
        "only now: keep it. Lost? Make another: enishi token create",
    ]))
}

/// Where a browser on this machine finds the explorer.
pub fn explorer_url(address: SocketAddr) -> String {
    let host = match address.ip() {
        ip if ip.is_unspecified() || ip.is_loopback() => "localhost".to_owned(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        std::net::IpAddr::V4(ip) => ip.to_string(),
    };
    format!("http://{host}:{}/explorer", address.port())
}

/// Lines in a frame that is open on the right: the width of characters differs from terminal to
/// terminal.
fn framed(lines: &[&str]) -> String {
    let rule = "─".repeat(72);
    let mut block = format!("\n┌{rule}\n");
    for line in lines {
        let _ = writeln!(block, "│ {line}");
    }
    let _ = writeln!(block, "└{rule}\n");
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_explorers_address_is_one_a_browser_here_can_open() {
        for (address, expected) in [
            ("0.0.0.0:8080", "http://localhost:8080/explorer"),
            ("127.0.0.1:80", "http://localhost:80/explorer"),
            ("[::]:8080", "http://localhost:8080/explorer"),
            ("192.0.2.1:8080", "http://192.0.2.1:8080/explorer"),
            ("[2001:db8::1]:80", "http://[2001:db8::1]:80/explorer"),
        ] {
            assert_eq!(explorer_url(address.parse().unwrap()), expected);
        }
    }
}
