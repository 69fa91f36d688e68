//! Taking the contact into a playbook and out of it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    action::{ActionKind, Effect, Needs},
    condition::{
        path::Path,
        reference::{IdKind, Reference},
        sentence::{Phrasing, say},
    },
    error::UserError,
};

/// Enrols the contact in a playbook.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct StartPlaybook {
    /// The playbook.
    pub playbook_id: Uuid,
}

/// Ends the contact's enrolment in a playbook.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct StopPlaybook {
    /// The playbook.
    pub playbook_id: Uuid,
}

impl ActionKind for StartPlaybook {
    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let name = phrasing.named(IdKind::Playbook, self.playbook_id);
        say!(
            phrasing,
            format!("プレイブック{name}を開始する"),
            format!("start the playbook {name}"),
            format!("启动剧本{name}")
        )
    }

    names_one! { playbook_id, "playbookId", Playbook, StartPlaybook }
}

impl ActionKind for StopPlaybook {
    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let name = phrasing.named(IdKind::Playbook, self.playbook_id);
        say!(
            phrasing,
            format!("プレイブック{name}を終了する"),
            format!("stop the playbook {name}"),
            format!("停止剧本{name}")
        )
    }

    names_one! { playbook_id, "playbookId", Playbook, StopPlaybook }
}
