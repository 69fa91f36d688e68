//! Asking the contact to answer a survey.

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

/// Asks the contact by email to answer a survey, once in each of its waves.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SendSurvey {
    /// The survey.
    pub survey_id: Uuid,
}

impl ActionKind for SendSurvey {
    fn check(&self, _at: &Path, _refusals: &mut Vec<UserError>) {}

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let name = phrasing.named(IdKind::Survey, self.survey_id);
        say!(
            phrasing,
            format!("アンケート{name}をメールで送る"),
            format!("send the survey {name} by email"),
            format!("用邮件发送问卷{name}")
        )
    }

    fn effects(&self, wanted: &mut Vec<Effect>) {
        wanted.push(Effect::SendSurvey {
            survey_id: self.survey_id,
        });
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        found.push(Reference::new(
            &at.at("surveyId"),
            IdKind::Survey,
            self.survey_id,
        ));
    }

    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        if kind == IdKind::Survey && self.survey_id == from {
            self.survey_id = to;
        }
    }

    fn needs(&self) -> Needs {
        Needs::Contact
    }
}
