//! `enishi reseal`: encrypts again with the secret key what the former one encrypted, so that the former
//! one is needed no more.

use domain::{
    ctx::Ctx,
    vault::{lasting, replaced, reseal},
};

use super::say;

/// What is to be given up.
#[derive(Debug, clap::Args)]
pub struct Reseal {
    /// The former key is lost for good: give up what it encrypted. Credentials have to be entered again, and
    /// people who were erased are not recognised any more
    #[arg(long)]
    old_key_is_lost: bool,
}

/// To be called before the key is looked at: gives up what a lost one sealed, if that is asked for.
pub async fn before(ctx: &Ctx, reseal: &Reseal) -> anyhow::Result<()> {
    if reseal.old_key_is_lost && lasting::give_up(ctx).await? {
        tracing::warn!(
            "what was encrypted with the lost key is given up: enter credentials of targets again; \
             people who were erased before are not recognised any more"
        );
    }
    Ok(())
}

/// Seals everything again, and says how much it was. First of all whoever still has the former key is made to
/// seal nothing more with it.
pub async fn run(ctx: &Ctx) -> anyhow::Result<()> {
    let is_news = replaced::replace(ctx).await?;
    // One that was broken off may not have waited to the end; what tells is sealed again last of all.
    if is_news || !lasting::is_current(ctx).await? {
        let wait = replaced::NOTICED_WITHIN;
        tracing::info!("waiting {wait:?} until processes with the former key have noticed");
        tokio::time::sleep(wait).await;
    }
    let done = reseal::reseal(ctx).await?;
    say(format_args!("sealed again\t{}", done.again));
    if done.lost > 0 {
        say(format_args!(
            "opened by no key that was given\t{}",
            done.lost
        ));
    }
    Ok(())
}
