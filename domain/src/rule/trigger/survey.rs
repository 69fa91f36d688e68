//! A contact answered a survey.

use entity::kind::SurveyKind;
use uuid::Uuid;

use super::{
    Asked, Happened, Key, TriggerKind,
    shape::{self, lets, lets_text},
    words::{bracketed, labels},
};
use crate::{
    condition::{
        Condition, Context, Survey, TextTest, Whose,
        path::Path,
        reference::{IdKind, Reference},
        sentence::{Phrasing, say},
        trace::TraceNode,
    },
    error::{UserError, UserErrorCode},
    survey::scale,
};

shape::trigger! {
    /// Looks at contacts as they answer a survey, and again when they correct an answer to a score that
    /// counts from one that did not.
    #[derive(Default)]
    SurveyAnswered, RuleSurveyAnsweredTrigger, RuleSurveyAnsweredTriggerInput;
    required {}
    optional {
        /// The kinds of survey; empty for every one.
        kinds: many SurveyKind,
        /// The keys of surveys, as their source names them; empty for every one.
        survey_keys: texts,
        /// The lowest score that counts.
        min_score: maybe i64,
        /// The highest score that counts.
        max_score: maybe i64,
        /// What the comment of the very answer must be, as it stands when the rule looks.
        comment: maybe TextTest [skip_serializing_if = "Option::is_none"],
    }
}

impl TriggerKind for SurveyAnswered {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        self.check_lists(at, refusals);
        if let Some(test) = &self.comment {
            test.check(&at.at("comment"), refusals);
        }
        if let (Some(min), Some(max)) = (self.min_score, self.max_score)
            && min > max
        {
            refusals.push(at.at("maxScore").refuse(
                UserErrorCode::Contradictory,
                "The highest score is below the lowest. Change one of the two.",
            ));
        }
        let (least, most) = if self.kinds.is_empty() {
            (0, 10)
        } else {
            let scales = self.kinds.iter().map(|&kind| scale(kind));
            scales.fold((10, 0), |(least, most), scale| {
                (least.min(*scale.start()), most.max(*scale.end()))
            })
        };
        for (field, is_possible) in [
            ("minScore", self.min_score.is_none_or(|min| min <= most)),
            ("maxScore", self.max_score.is_none_or(|max| max >= least)),
        ] {
            if !is_possible {
                let message = format!("No answer has such a score. Choose from {least} to {most}.");
                refusals.push(at.at(field).refuse(UserErrorCode::Contradictory, message));
            }
        }
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        self.note_references(at, found);
        // Of several kinds, any may be that of the survey.
        let &[kind] = self.kinds.as_slice() else {
            return;
        };
        for (index, key) in self.survey_keys.iter().enumerate() {
            let at = at.at("surveyKeys").nth(index);
            found.push(Reference::to_survey(&at, kind, key));
        }
    }

    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        self.rename(kind, from, to);
    }

    fn context(&self) -> Context {
        Context::Contact
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let kinds = if self.kinds.is_empty() {
            say!(phrasing, "アンケート", "a survey", "问卷").to_owned()
        } else {
            phrasing.or(&labels(&self.kinds, phrasing, |_, kind| {
                kind.word().to_owned()
            }))
        };
        let keys: Vec<String> = self
            .survey_keys
            .iter()
            .map(|key| phrasing.quote(key))
            .collect();
        let keys = phrasing.or(&keys);
        let named = if keys.is_empty() {
            kinds
        } else {
            say!(
                phrasing,
                format!("{kinds}{keys}"),
                format!("{kinds} {keys}"),
                format!("{kinds}{keys}")
            )
        };
        let mut asked = match (self.min_score, self.max_score) {
            (None, None) => String::new(),
            (Some(min), None) => say!(
                phrasing,
                format!("（{min}点以上）"),
                format!(" with {min} or more"),
                format!("（{min}分以上）")
            ),
            (None, Some(max)) => say!(
                phrasing,
                format!("（{max}点以下）"),
                format!(" with {max} or less"),
                format!("（{max}分以下）")
            ),
            (Some(min), Some(max)) => say!(
                phrasing,
                format!("（{min}〜{max}点）"),
                format!(" with {min} to {max}"),
                format!("（{min}至{max}分）")
            ),
        };
        if let Some(test) = &self.comment {
            let comment = say!(phrasing, "コメント", "the comment", "评论");
            asked += &bracketed(&test.phrase(phrasing, comment), phrasing);
        }
        say!(
            phrasing,
            format!("コンタクトが{named}に回答し{asked}"),
            format!("a contact answers {named}{asked}"),
            format!("联系人回答{named}{asked}")
        )
    }

    fn implies(&self) -> Vec<Condition> {
        // It may have been any of several kinds.
        let &[kind] = self.kinds.as_slice() else {
            return Vec::new();
        };
        let answered = |survey_key: Option<String>| {
            Condition::Survey(Box::new(Survey {
                of: Whose::Contact,
                kind,
                survey_key,
                within_days: None,
                count: None,
                latest_score: None,
                mean_score: None,
                days_since_last: None,
            }))
        };
        let mut implied = vec![answered(None)];
        if let [key] = self.survey_keys.as_slice() {
            implied.push(answered(Some(key.clone())));
        }
        implied
    }

    fn note_asked(&self, asked: &mut Asked) {
        asked.comments |= self.comment.is_some();
    }

    fn judge(&self, happened: &Happened<'_>) -> Vec<TraceNode> {
        match (&self.comment, happened) {
            (Some(test), &Happened::Survey { comment, .. }) if self.waits_for(happened) => {
                let at = Path::root("trigger").at("surveyAnswered").at("comment");
                vec![TraceNode::of_trigger(
                    &at,
                    lets_text(Some(test), comment),
                    comment,
                )]
            }
            _ => Vec::new(),
        }
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Survey]
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        match happened {
            &Happened::Survey { comment, .. } => {
                self.waits_for(happened) && lets_text(self.comment.as_ref(), comment)
            }
            _ => false,
        }
    }
}

impl SurveyAnswered {
    /// Whether it waits for such an answer, whatever its comment.
    fn waits_for(&self, happened: &Happened<'_>) -> bool {
        let Happened::Survey {
            kind,
            survey_key,
            score,
            previous,
            ..
        } = happened
        else {
            return false;
        };
        lets(&self.kinds, kind)
            && (self.survey_keys.is_empty() || self.survey_keys.iter().any(|key| key == survey_key))
            && self.counts(*score)
            // Whoever lowers a 3 to a 2 has been looked at.
            && previous.is_none_or(|previous| !self.counts(previous))
    }

    fn counts(&self, score: i64) -> bool {
        self.min_score.is_none_or(|min| score >= min)
            && self.max_score.is_none_or(|max| score <= max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_is_looked_at_when_it_comes_to_a_score_that_counts() {
        let trigger = |max_score| SurveyAnswered {
            kinds: vec![SurveyKind::Nps],
            max_score,
            ..SurveyAnswered::default()
        };
        for (previous, score, detractor, any) in [
            (None, 3, true, true),
            (None, 9, false, true),
            (Some(9), 1, true, false),
            (Some(3), 2, false, false),
            (Some(1), 9, false, false),
            (Some(9), 9, false, false),
        ] {
            let happened = Happened::Survey {
                kind: SurveyKind::Nps,
                survey_key: "nps",
                score,
                previous,
                comment: None,
            };
            let found = [Some(6), None].map(|max| trigger(max).accepts(&happened));
            assert_eq!(found, [detractor, any], "{previous:?} to {score}");
        }
    }

    #[test]
    fn an_answer_is_let_in_by_its_comment() {
        let trigger: SurveyAnswered =
            serde_json::from_value(serde_json::json!({"comment": {"contains": ["Price"]}}))
                .unwrap();
        for (comment, accepted) in [
            (Some("Your prices are too high"), true),
            (Some("All is well"), false),
            (None, false),
        ] {
            let happened = Happened::Survey {
                kind: SurveyKind::Nps,
                survey_key: "nps",
                score: 3,
                previous: None,
                comment,
            };
            assert_eq!(trigger.accepts(&happened), accepted, "{comment:?}");
            let judged: Vec<bool> = trigger
                .judge(&happened)
                .iter()
                .map(|one| one.holds)
                .collect();
            assert_eq!(judged, [accepted], "{comment:?}");
        }
    }
}
