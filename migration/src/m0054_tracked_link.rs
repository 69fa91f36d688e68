//! Tracked links: short addresses that lead elsewhere and note who followed them. A slug is in addresses,
//! which name no workspace, so no two links of an installation have the same; an archived link keeps its own.
//!
//! Counts are kept by the link and by its days; who followed a link is noted once for each contact.

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
CREATE TABLE tracked_link (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    target_url TEXT NOT NULL,
    utm JSON NOT NULL,
    channel TEXT,
    campaign_id UUID,
    click_count INT NOT NULL,
    scan_count INT NOT NULL,
    machine_count INT NOT NULL,
    contact_count INT NOT NULL,
    last_followed_at TIME,
    expires_at TIME,
    created_by JSON NOT NULL,
    created_at TIME NOT NULL,
    updated_at TIME NOT NULL,
    archived_at TIME,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaign (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX tracked_link_slug ON tracked_link (slug);
CREATE INDEX tracked_link_of_campaign ON tracked_link (workspace_id, campaign_id, id);
CREATE TABLE tracked_link_tag (
    workspace_id UUID NOT NULL,
    link_id UUID NOT NULL,
    tag_id UUID NOT NULL,
    PRIMARY KEY (workspace_id, link_id, tag_id),
    FOREIGN KEY (workspace_id, link_id) REFERENCES tracked_link (workspace_id, id),
    FOREIGN KEY (workspace_id, tag_id) REFERENCES tag (workspace_id, id)
) STRICT;
CREATE INDEX tracked_link_tag_of_tag ON tracked_link_tag (workspace_id, tag_id);
CREATE TABLE tracked_link_day (
    workspace_id UUID NOT NULL,
    link_id UUID NOT NULL,
    day DATE NOT NULL,
    clicks INT NOT NULL,
    scans INT NOT NULL,
    machines INT NOT NULL,
    contacts INT NOT NULL,
    PRIMARY KEY (workspace_id, link_id, day),
    FOREIGN KEY (workspace_id, link_id) REFERENCES tracked_link (workspace_id, id)
) STRICT;
CREATE TABLE tracked_link_contact (
    workspace_id UUID NOT NULL,
    link_id UUID NOT NULL,
    contact_id UUID NOT NULL,
    first_followed_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, link_id, contact_id),
    FOREIGN KEY (workspace_id, link_id) REFERENCES tracked_link (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id)
) STRICT;
CREATE INDEX tracked_link_contact_of_contact ON tracked_link_contact (workspace_id, contact_id);
";
