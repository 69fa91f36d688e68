//! Who is calling: access tokens turned into sessions for the GraphQL door.
//!
//! A token is looked up in the database at most once in `FRESH`; in between it is known by its
//! hash. Revoking a token, removing its member or changing their role is therefore felt within that
//! time, on open sockets and streams too, which are asked again every few seconds. There is no hurry about
//! them: those that are asked within a moment share a look-up, whatever their tokens. A look-up also tells
//! whether the token's use is to be noted, which happens every few minutes and beside the request.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use actix_web::rt;
use async_graphql::{
    Request,
    dataloader::{DataLoader, Loader},
    runtime::{TokioSpawner, TokioTimer},
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    access::{
        Actor,
        token::{self, Credential},
    },
    ctx::Ctx,
    document,
    error::Error,
};
use entity::id::AccessTokenId;

use crate::{
    graphql::{LoaderCell, Together},
    transport::{Authenticator, DocumentHash, DocumentMemory, Refusal},
};

/// How long a looked-up token is believed without asking again.
const FRESH: TimeDelta = TimeDelta::seconds(2);
/// How long the question whether a session still stands waits for others. If each asked for itself,
/// thousands of open sockets with tokens of their own would be thousands of statements a second.
const GATHERED: Duration = Duration::from_millis(100);
/// Looked-up tokens kept; when there are more, all are forgotten and asked for anew.
const KEPT: usize = 10_000;

/// Bytes of registered documents kept in the memory of each thread.
const DOCUMENT_BYTES: usize = 4 * 1024 * 1024;
/// How long they are kept, so that the removal of one shows.
const DOCUMENTS_FRESH: TimeDelta = TimeDelta::seconds(5);

/// The sessions of one process.
pub struct Sessions {
    ctx: Ctx,
    known: Mutex<HashMap<token::Hash, Known>>,
    checks: OnceLock<DataLoader<Checks>>,
    /// The tokens whose use is being noted.
    noting: Arc<Mutex<HashSet<AccessTokenId>>>,
    documents: Mutex<Documents>,
    together: Arc<Together>,
}

/// The registered documents that were looked up lately.
struct Documents {
    since: DateTime<Utc>,
    memory: Arc<DocumentMemory>,
}

/// Looks up the tokens of what is open.
struct Checks(Ctx);

#[derive(Clone)]
struct Known {
    actor: Option<Arc<Actor>>,
    asked_at: DateTime<Utc>,
}

/// A caller whose token was good when it was last looked up.
#[derive(Debug, Clone)]
pub struct Session {
    actor: Arc<Actor>,
    hash: token::Hash,
}

impl Session {
    /// Who is calling.
    pub(crate) fn actor(&self) -> &Arc<Actor> {
        &self.actor
    }
}

impl Sessions {
    /// Looks tokens up through `ctx`.
    pub fn new(ctx: Ctx) -> Self {
        Self {
            ctx,
            known: Mutex::default(),
            checks: OnceLock::new(),
            noting: Arc::default(),
            documents: Mutex::new(Documents::new(DateTime::UNIX_EPOCH)),
            together: Arc::default(),
        }
    }

    /// Whoever comes with a token, whatever it may be used for.
    pub(crate) async fn open(&self, token: &str) -> Result<Session, Refusal> {
        let hash = token::hash(token);
        match self.actor(hash).await {
            Ok(Some(actor)) => Ok(Session { actor, hash }),
            Ok(None) => Err(Refusal::Unauthenticated),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a token look-up failed"
                );
                Err(Refusal::Unavailable)
            }
        }
    }

    /// What was looked up in the last seconds.
    fn documents(&self) -> Arc<DocumentMemory> {
        let now = self.ctx.clock.now();
        let mut documents = self
            .documents
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if (now - documents.since).abs() >= DOCUMENTS_FRESH {
            *documents = Documents::new(now);
        }
        Arc::clone(&documents.memory)
    }

    async fn actor(&self, hash: token::Hash) -> domain::error::Result<Option<Arc<Actor>>> {
        let now = self.ctx.clock.now();
        if let Some(known) = self.remembered(hash, now) {
            return Ok(known.actor);
        }
        let found = token::look_up(&self.ctx, hash).await?;
        Ok(self.remember(hash, found, now))
    }

    /// The same for what is open, which is in no hurry.
    async fn actor_still(&self, hash: token::Hash) -> Result<Option<Arc<Actor>>, Arc<Error>> {
        let now = self.ctx.clock.now();
        if let Some(known) = self.remembered(hash, now) {
            return Ok(known.actor);
        }
        let checks = self.checks.get_or_init(|| {
            let checks = Checks(self.ctx.clone());
            DataLoader::new(checks, TokioSpawner::current(), TokioTimer::default()).delay(GATHERED)
        });
        let found = checks.load_one(hash).await?;
        Ok(self.remember(hash, found, now))
    }

    /// What was looked up in the last seconds.
    fn remembered(&self, hash: token::Hash, now: DateTime<Utc>) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(&hash)?;
        ((now - known.asked_at).abs() < FRESH).then(|| known.clone())
    }

    /// Keeps what was looked up for whoever asked at `now`.
    fn remember(
        &self,
        hash: token::Hash,
        found: Option<Credential>,
        now: DateTime<Utc>,
    ) -> Option<Arc<Actor>> {
        if let Some(credential) = found.as_ref().filter(|one| one.is_use_due(now)) {
            self.note_use(credential);
        }
        let actor = found.map(|credential| Arc::new(credential.actor));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(
            hash,
            Known {
                actor: actor.clone(),
                asked_at: now,
            },
        );
        actor
    }

    /// Has the use of a token noted. The request does not wait for it, nor does it fail with it; while
    /// the database is busy, no second one waits behind the first.
    fn note_use(&self, credential: &Credential) {
        let (ctx, actor) = (self.ctx.clone(), credential.actor.clone());
        let noting = Arc::clone(&self.noting);
        let is_first = noting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(actor.token);
        if !is_first {
            return;
        }
        rt::spawn(async move {
            if let Err(error) = token::note_use(&ctx, &actor).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the use of a token was not noted"
                );
            }
            noting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&actor.token);
        });
    }
}

#[async_trait::async_trait]
impl Loader<token::Hash> for Checks {
    type Value = Credential;
    type Error = Arc<Error>;

    async fn load(
        &self,
        hashes: &[token::Hash],
    ) -> Result<HashMap<token::Hash, Credential>, Arc<Error>> {
        token::look_up_each(&self.0, hashes).await.map_err(Arc::new)
    }
}

impl Documents {
    fn new(since: DateTime<Utc>) -> Self {
        Self {
            since,
            memory: Arc::new(DocumentMemory::new(DOCUMENT_BYTES)),
        }
    }
}

impl Authenticator for Sessions {
    type Session = Session;

    async fn authenticate(&self, credential: Option<&str>) -> Result<Session, Refusal> {
        let session = self
            .open(credential.ok_or(Refusal::Unauthenticated)?)
            .await?;
        // Keys for tracking stand in web pages: whoever finds one learns nothing by it.
        if !session.actor.scopes.opens_api() {
            return Err(Refusal::Forbidden);
        }
        Ok(session)
    }

    async fn still_valid(&self, session: &Session) -> bool {
        match self.actor_still(session.hash).await {
            // A changed role or scope ends the session too: what it may see has changed.
            Ok(actor) => actor.is_some_and(|actor| *actor == *session.actor),
            Err(_) => true,
        }
    }

    fn rate_key(&self, session: &Session, _peer: Option<IpAddr>) -> u128 {
        session.actor.token.0.as_u128()
    }

    fn workspace_key(&self, session: &Session) -> u128 {
        session.actor.workspace.0.as_u128()
    }

    async fn registered_document(
        &self,
        session: &Session,
        hash: DocumentHash,
    ) -> Result<Option<Arc<str>>, Refusal> {
        let key = self.workspace_key(session);
        let memory = self.documents();
        if let Some(text) = memory.get(key, hash) {
            return Ok(Some(text));
        }
        let digits = hex::encode(hash);
        let workspace = session.actor.workspace;
        let ctx = self.ctx.walled_to(workspace);
        let found = document::find(&ctx, workspace, &digits);
        let text: Option<Arc<str>> = match found.await {
            Ok(text) => text.map(Into::into),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a document look-up failed"
                );
                return Err(Refusal::Unavailable);
            }
        };
        if let Some(text) = &text {
            memory.put(key, hash, Arc::clone(text));
        }
        Ok(text)
    }

    fn attach(&self, session: &Session, request: Request) -> Request {
        let actor = Arc::clone(&session.actor);
        let loaders = LoaderCell::new(Arc::clone(&self.together));
        request.data(actor).data(loaders)
    }
}
