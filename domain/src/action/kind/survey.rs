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
    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let name = phrasing.named(IdKind::Survey, self.survey_id);
        say!(
            phrasing,
            format!("アンケート{name}をメールで送る"),
            format!("send the survey {name} by email"),
            format!("用邮件发送问卷{name}")
        )
    }

    names_one! { survey_id, "surveyId", Survey, SendSurvey }
}
