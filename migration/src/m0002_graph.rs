//! The graph: accounts, contacts, tags, conversations, messages, events.

use sea_orm_migration::prelude::*;

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(manager, SCRIPT).await
    }
}

const SCRIPT: &str = "
CREATE TABLE account (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    domain TEXT,
    external_id TEXT,
    created_at TIME NOT NULL,
    updated_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX account_domain ON account (workspace_id, domain) WHERE domain IS NOT NULL;
CREATE UNIQUE INDEX account_external_id ON account (workspace_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX account_name ON account (workspace_id, name_key, id);
CREATE TABLE contact (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    account_id UUID,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    email TEXT,
    external_id TEXT,
    locale TEXT,
    created_at TIME NOT NULL,
    updated_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, account_id) REFERENCES account (workspace_id, id)
) STRICT;
CREATE INDEX contact_account ON contact (workspace_id, account_id, id) WHERE account_id IS NOT NULL;
CREATE INDEX contact_name ON contact (workspace_id, name_key, id);
CREATE TABLE contact_identity (
    workspace_id UUID NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    contact_id UUID NOT NULL,
    created_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, kind, value),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id)
) STRICT;
CREATE INDEX contact_identity_contact ON contact_identity (workspace_id, contact_id);
CREATE TABLE contact_activity (
    workspace_id UUID NOT NULL,
    contact_id UUID NOT NULL,
    last_activity_at TIME NOT NULL,
    last_message_id UUID,
    last_message_at TIME,
    PRIMARY KEY (workspace_id, contact_id)
) STRICT;
CREATE INDEX contact_activity_recent ON contact_activity (workspace_id, last_activity_at, contact_id);
CREATE TABLE tag (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    parent_id UUID,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    colour TEXT NOT NULL,
    created_by JSON NOT NULL,
    created_at TIME NOT NULL,
    updated_at TIME NOT NULL,
    archived_at TIME,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, parent_id) REFERENCES tag (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX tag_child_name ON tag (workspace_id, kind, parent_id, name_key) WHERE parent_id IS NOT NULL;
CREATE UNIQUE INDEX tag_root_name ON tag (workspace_id, kind, name_key) WHERE parent_id IS NULL;
CREATE TABLE tag_closure (
    workspace_id UUID NOT NULL,
    tag_id UUID NOT NULL,
    ancestor_id UUID NOT NULL,
    distance INT NOT NULL,
    PRIMARY KEY (workspace_id, tag_id, ancestor_id),
    FOREIGN KEY (workspace_id, tag_id) REFERENCES tag (workspace_id, id),
    FOREIGN KEY (workspace_id, ancestor_id) REFERENCES tag (workspace_id, id)
) STRICT;
CREATE INDEX tag_closure_ancestor ON tag_closure (workspace_id, ancestor_id, tag_id);
CREATE TABLE tag_count (
    workspace_id UUID NOT NULL,
    tag_id UUID NOT NULL,
    target TEXT NOT NULL,
    shard INT NOT NULL,
    direct INT NOT NULL,
    total INT NOT NULL,
    PRIMARY KEY (workspace_id, tag_id, target, shard)
) STRICT;
CREATE TABLE tagging (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    tag_id UUID NOT NULL,
    target TEXT NOT NULL,
    target_id UUID NOT NULL,
    added_at TIME NOT NULL,
    added_by JSON NOT NULL,
    added_reason TEXT NOT NULL,
    removed_at TIME,
    removed_by JSON,
    removed_reason TEXT,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, tag_id) REFERENCES tag (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX tagging_active ON tagging (workspace_id, target_id, tag_id) WHERE removed_at IS NULL;
CREATE INDEX tagging_history ON tagging (workspace_id, target_id, id);
CREATE TABLE tag_rank (
    workspace_id UUID NOT NULL,
    tag_id UUID NOT NULL,
    target_id UUID NOT NULL,
    score REAL NOT NULL,
    taggings INT NOT NULL,
    PRIMARY KEY (workspace_id, target_id, tag_id)
) STRICT;
CREATE INDEX tag_rank_score ON tag_rank (workspace_id, tag_id, score, target_id);
CREATE TABLE inbox (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    name TEXT NOT NULL,
    channel TEXT NOT NULL,
    address TEXT,
    created_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX inbox_name ON inbox (workspace_id, name);
CREATE TABLE conversation (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    inbox_id UUID NOT NULL,
    contact_id UUID NOT NULL,
    subject TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at TIME NOT NULL,
    first_message_at TIME NOT NULL,
    last_message_at TIME NOT NULL,
    last_message_id UUID NOT NULL,
    waiting_since TIME,
    messages INT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, inbox_id) REFERENCES inbox (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id)
) STRICT;
CREATE INDEX conversation_recent ON conversation (workspace_id, last_message_at, id);
CREATE INDEX conversation_contact ON conversation (workspace_id, contact_id, last_message_at, id);
CREATE TABLE conversation_thread (
    workspace_id UUID NOT NULL,
    inbox_id UUID NOT NULL,
    thread_key TEXT NOT NULL,
    conversation_id UUID NOT NULL,
    PRIMARY KEY (workspace_id, inbox_id, thread_key)
) STRICT;
CREATE TABLE message (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    conversation_id UUID NOT NULL,
    contact_id UUID NOT NULL,
    inbox_id UUID NOT NULL,
    external_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    author TEXT NOT NULL,
    automatic BOOL NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    sent_at TIME NOT NULL,
    created_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversation (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX message_external_id ON message (workspace_id, inbox_id, external_id);
CREATE INDEX message_conversation ON message (workspace_id, conversation_id, sent_at, id);
CREATE TABLE event (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    contact_id UUID NOT NULL,
    external_id TEXT NOT NULL,
    name TEXT NOT NULL,
    properties JSON NOT NULL,
    occurred_at TIME NOT NULL,
    created_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX event_external_id ON event (workspace_id, external_id);
CREATE INDEX event_contact ON event (workspace_id, contact_id, occurred_at, id);
CREATE TABLE event_day (
    workspace_id UUID NOT NULL,
    contact_id UUID NOT NULL,
    day DATE NOT NULL,
    events INT NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, day)
) STRICT;
";
