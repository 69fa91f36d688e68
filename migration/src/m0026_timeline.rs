//! Timelines say when contacts came into playbooks and left them.

use sea_orm_migration::prelude::*;

use crate::m0010_timeline::{self, Source};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for source in SOURCES {
            m0010_timeline::watch(manager, source).await?;
            m0010_timeline::fill(manager, source).await?;
        }
        Ok(())
    }
}

const SOURCES: [&Source; 2] = [
    &m0010_timeline::of_contact(
        "enrolment",
        "PLAYBOOK_ENTERED",
        "{n}.entered_at",
        &["contact_id", "entered_at"],
    ),
    &Source {
        holds: Some("{n}.ended_at IS NOT NULL"),
        ..m0010_timeline::of_contact(
            "enrolment",
            "PLAYBOOK_LEFT",
            "{n}.ended_at",
            &["contact_id", "ended_at"],
        )
    },
];
