//! The mails of surveys beside the worker's other work.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::port::{
    Egress, EgressError, Hint, MailError, MailReceipt, OutgoingMail, OutgoingRequest,
    OutgoingResponse, Work,
};
use entity::kind::SurveyInvitationState as State;
use tokio_util::sync::CancellationToken;
use worker::{handler::Handler, runtime::WorkHandler as _};

use super::{mail, make, person, seen, state};
use crate::support::{
    engine::{Receiver, notify, words},
    on_both,
    process::until,
};

const TARO: &str = "taro@customer.example";
/// How long anything may take on a busy machine: the mail server never answers before it is told to.
const LIMIT: Duration = Duration::from_mins(1);

/// A receiver whose mail server accepts and says nothing until it is told to.
#[derive(Default)]
struct Hanging {
    says: CancellationToken,
    receiver: Receiver,
}

#[async_trait]
impl Egress for Hanging {
    async fn post(&self, request: OutgoingRequest) -> Result<OutgoingResponse, EgressError> {
        self.receiver.post(request).await
    }

    async fn mail(&self, mail: OutgoingMail) -> Result<MailReceipt, MailError> {
        self.says.cancelled().await;
        self.receiver.mail(mail).await
    }
}

#[test]
fn a_mail_server_that_hangs_keeps_no_notification_waiting() {
    on_both(|world| async move {
        let world = seen(world);
        let survey = make(&world, "nps").await;
        let taro = person(&world, Some(TARO), None).await;
        let id = mail(&world, survey, taro).await.unwrap();
        let sales = world.target("sales").await;
        let actions = vec![notify(sales)];
        world.rule("greeting", words(&["hello"]), actions).await;
        world.receive(&[("a", TARO, "hello")]).await;
        world.drain().await;

        let egress = Arc::new(Hanging::default());
        let stop = CancellationToken::new();
        let handler = Handler::new(world.ctx.clone(), egress.clone(), stop);
        let workspace = world.owner.workspace.0;
        for work in [Work::Survey, Work::Due] {
            let done = handler.work(Hint { workspace, work });
            let done = tokio::time::timeout(LIMIT, done).await;
            done.expect("no waiting").unwrap();
        }
        assert_eq!(egress.receiver.calls().len(), 1);

        world.receive(&[("b", TARO, "hello")]).await;
        world.drain().await;
        world.hurry().await;
        let swept = tokio::time::timeout(LIMIT, handler.sweep()).await;
        swept.expect("no waiting").unwrap();
        until("the second call", LIMIT, async || {
            (egress.receiver.calls().len() == 2).then_some(())
        })
        .await;
        assert_eq!(state(&world, id).await, State::Waiting);

        egress.says.cancel();
        handler.finish().await;
        assert_eq!(egress.receiver.mails().len(), 1);
        assert_eq!(state(&world, id).await, State::Sent);
        world
    });
}
