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

fn reference(at: &Path, id: Uuid) -> Reference {
    Reference {
        path: at.at("playbookId").steps().to_vec(),
        kind: IdKind::Playbook,
        id,
    }
}

impl ActionKind for StartPlaybook {
    fn check(&self, _at: &Path, _refusals: &mut Vec<UserError>) {}

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let name = phrasing.named(IdKind::Playbook, self.playbook_id);
        say!(
            phrasing,
            format!("プレイブック{name}を開始する"),
            format!("start the playbook {name}"),
            format!("启动剧本{name}")
        )
    }

    fn effects(&self, wanted: &mut Vec<Effect>) {
        wanted.push(Effect::StartPlaybook {
            playbook_id: self.playbook_id,
        });
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        found.push(reference(at, self.playbook_id));
    }

    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        if kind == IdKind::Playbook && self.playbook_id == from {
            self.playbook_id = to;
        }
    }

    fn needs(&self) -> Needs {
        Needs::Contact
    }
}

impl ActionKind for StopPlaybook {
    fn check(&self, _at: &Path, _refusals: &mut Vec<UserError>) {}

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let name = phrasing.named(IdKind::Playbook, self.playbook_id);
        say!(
            phrasing,
            format!("プレイブック{name}を終了する"),
            format!("stop the playbook {name}"),
            format!("停止剧本{name}")
        )
    }

    fn effects(&self, wanted: &mut Vec<Effect>) {
        wanted.push(Effect::StopPlaybook {
            playbook_id: self.playbook_id,
        });
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        found.push(reference(at, self.playbook_id));
    }

    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        if kind == IdKind::Playbook && self.playbook_id == from {
            self.playbook_id = to;
        }
    }

    fn needs(&self) -> Needs {
        Needs::Contact
    }
}
