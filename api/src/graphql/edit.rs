//! Setting owner, stage and subscriptions of everything a filter finds.

use async_graphql::{
    Context, ID, InputObject, MaybeUndefined, Object, OneofObject, Result, SimpleObject,
};
use domain::{
    contact::subscription::{self, NewState},
    ctx::Ctx,
    edit::{NewEdit, NewOwner, update_by_filter},
    error::UserError,
};
use entity::{
    id::WorkspaceId,
    kind::{Channel, LifecycleStage, SubscriptionState},
};

use super::{
    account::AccountFilterInput,
    contact::ContactFilterInput,
    context::writer,
    error::settle,
    given::{kept, optional},
    id,
    operation::Operation,
    stage::new_stage,
    tag::ThingsInput,
};
use crate::boxed;

/// Everything of one kind that a filter finds. Set exactly one field.
#[derive(OneofObject)]
pub(crate) enum ContactsOrAccountsInput {
    /// Contacts.
    Contacts(ContactFilterInput),
    /// Accounts.
    Accounts(AccountFilterInput),
}

/// Whether contacts want to hear about something by some medium.
#[derive(InputObject)]
pub(crate) struct SubscriptionByFilterInput {
    /// By which medium.
    channel: Channel,
    /// About what, at most 64 characters; `*` for everything.
    #[graphql(default_with = "subscription::EVERYTHING.to_owned()")]
    topic: String,
    /// Whether they want it.
    state: SubscriptionState,
    /// Why, 1 to 255 characters; kept with the history of each contact.
    reason: String,
}

/// What everything a filter finds is to be. What is left out stays; set at least one of `ownerId`, `stage`
/// and `subscriptions`.
#[derive(InputObject)]
pub(crate) struct UpdateByFilterInput {
    /// What is meant. Each is judged when the operation comes to it, in the order of their ids. With a
    /// `text`, the operation's `total` and `done` are the things looked at, of which some answer.
    things: ContactsOrAccountsInput,
    /// The member who looks after them; `null` for nobody.
    owner_id: MaybeUndefined<ID>,
    /// How far the relationship has come; `null` takes them out of the lifecycle.
    stage: MaybeUndefined<LifecycleStage>,
    /// Why the stage changes, at most 255 characters.
    stage_reason: Option<String>,
    /// Of contacts only: whether they want to hear from us, at most 10 topics. Who has unsubscribed by
    /// themselves, complained or cannot be reached stays so, for each topic where that is about everything, and
    /// is counted as `kept`: only `setSubscription` takes that back.
    subscriptions: MaybeUndefined<Vec<SubscriptionByFilterInput>>,
    /// Changes nothing: the operation's `counts` say of how many what would change.
    #[graphql(default)]
    dry_run: bool,
}

impl UpdateByFilterInput {
    async fn read(self, ctx: &Ctx, workspace: WorkspaceId) -> domain::error::Result<NewEdit> {
        let things = match self.things {
            ContactsOrAccountsInput::Contacts(filter) => ThingsInput::Contacts(filter),
            ContactsOrAccountsInput::Accounts(filter) => ThingsInput::Accounts(filter),
        };
        let owner = match optional(self.owner_id) {
            None => None,
            Some(member) => Some(NewOwner {
                member: id::parse_opt(member.as_ref(), &["ownerId"])?,
            }),
        };
        let subscriptions = kept(self.subscriptions, "subscriptions")?.unwrap_or_default();
        Ok(NewEdit {
            which: things.read(ctx, workspace).await?,
            owner,
            stage: new_stage(self.stage, self.stage_reason),
            subscriptions: subscriptions.into_iter().map(NewState::from).collect(),
        })
    }
}

impl From<SubscriptionByFilterInput> for NewState {
    fn from(input: SubscriptionByFilterInput) -> Self {
        Self {
            channel: input.channel,
            topic: input.topic,
            state: input.state,
            reason: input.reason,
        }
    }
}

/// What became of `updateByFilter`.
#[derive(SimpleObject)]
pub(crate) struct UpdateByFilterPayload {
    /// The operation that does it. Its `counts` are `owners` and `stages`, of how many things these changed;
    /// `subscriptions`, each topic by itself; and `kept`, the subscriptions that contacts had ended.
    operation: Option<Operation>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct EditMutation;

#[Object]
impl EditMutation {
    /// Sets the owner, the lifecycle stage or the subscriptions of everything a filter finds, however many
    /// there are. This goes on as an operation, which can be watched and cancelled; what it had done by then
    /// stays. Histories, rules and the audit log take each change as one made by hand. Scope: WRITE.
    #[boxed]
    async fn update_by_filter(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateByFilterInput,
    ) -> Result<UpdateByFilterPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let dry_run = input.dry_run;
            let edit = input.read(ctx, actor.workspace).await?;
            update_by_filter(ctx, actor, edit, dry_run).await
        };
        let (operation, user_errors) = settle(result.await)?;
        Ok(UpdateByFilterPayload {
            operation: operation.map(Operation),
            user_errors,
        })
    }
}
