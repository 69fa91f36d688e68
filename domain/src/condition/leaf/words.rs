//! Clauses about fields, and the words for kinds in sentences.

use entity::{
    id::Id,
    kind::{HealthBand, LifecycleStage},
};

use crate::condition::{
    reference::IdKind,
    scalar::Ref,
    sentence::{Phrasing, say},
    test::{NumberTest, TextTest, TimeTest},
};

/// A name in Japanese, English and Chinese.
pub(crate) type Named = [&'static str; 3];

/// The clauses of a leaf about the fields of one thing.
pub(crate) struct Clauses<'a> {
    phrasing: &'a Phrasing<'a>,
    subject: String,
    clauses: Vec<String>,
}

impl<'a> Clauses<'a> {
    pub(crate) fn new(phrasing: &'a Phrasing<'a>, subject: impl Into<String>) -> Self {
        Self {
            phrasing,
            subject: subject.into(),
            clauses: Vec::new(),
        }
    }

    /// The field of the thing: “the contact's name”.
    fn of(&self, [ja, en, zh]: Named) -> String {
        let subject = &self.subject;
        say!(
            self.phrasing,
            format!("{subject}の{ja}"),
            format!("{subject}'s {en}"),
            format!("{subject}的{zh}")
        )
    }

    pub(crate) fn push(&mut self, clause: String) {
        self.clauses.push(clause);
    }

    pub(crate) fn text(&mut self, test: Option<&TextTest>, field: Named) {
        if let Some(test) = test {
            self.clauses
                .push(test.phrase(self.phrasing, &self.of(field)));
        }
    }

    pub(crate) fn time(&mut self, test: Option<&TimeTest>, field: Named) {
        if let Some(test) = test {
            self.clauses
                .push(test.phrase(self.phrasing, &self.of(field)));
        }
    }

    pub(crate) fn number(&mut self, test: Option<&NumberTest>, field: Named) {
        if let Some(test) = test {
            let field = self.of(field);
            let number = test.phrase(self.phrasing);
            self.clauses.push(say!(
                self.phrasing,
                format!("{field}が{number}である"),
                format!("{field} is {number}"),
                format!("{field}{number}")
            ));
        }
    }

    pub(crate) fn set(&mut self, wanted: Option<bool>, field: Named) {
        let Some(wanted) = wanted else { return };
        let (subject, [ja, en, zh]) = (&self.subject, field);
        let article = if en.starts_with(['a', 'e', 'i', 'o', 'u']) {
            "an"
        } else {
            "a"
        };
        self.clauses.push(if wanted {
            say!(
                self.phrasing,
                format!("{subject}に{ja}が設定されている"),
                format!("{subject} has {article} {en}"),
                format!("{subject}有{zh}")
            )
        } else {
            say!(
                self.phrasing,
                format!("{subject}に{ja}が設定されていない"),
                format!("{subject} has no {en}"),
                format!("{subject}没有{zh}")
            )
        });
    }

    pub(crate) fn labels<W: Copy>(
        &mut self,
        values: Option<&Vec<W>>,
        field: Named,
        label: impl Fn(&Phrasing<'_>, W) -> String,
    ) {
        if let Some(values) = values {
            let labels: Vec<String> = values
                .iter()
                .map(|&value| label(self.phrasing, value))
                .collect();
            self.is_one_of(&labels, field);
        }
    }

    pub(crate) fn ids<I: Id>(&mut self, ids: Option<&Vec<Ref<I>>>, field: Named, kind: IdKind) {
        if let Some(ids) = ids {
            let names: Vec<String> = ids
                .iter()
                .map(|id| self.phrasing.named(kind, id.uuid()))
                .collect();
            self.is_one_of(&names, field);
        }
    }

    fn is_one_of(&mut self, names: &[String], field: Named) {
        let field = self.of(field);
        let names = self.phrasing.or(names);
        self.clauses.push(say!(
            self.phrasing,
            format!("{field}が{names}である"),
            format!("{field} is {names}"),
            format!("{field}为{names}")
        ));
    }

    pub(crate) fn joined(self) -> String {
        self.phrasing.both(&self.clauses)
    }
}

/// The stage's name in a sentence.
pub(crate) fn stage_label(phrasing: &Phrasing<'_>, stage: LifecycleStage) -> String {
    match stage {
        LifecycleStage::Subscriber => say!(phrasing, "購読者", "subscriber", "订阅者"),
        LifecycleStage::Lead => say!(phrasing, "リード", "lead", "线索"),
        LifecycleStage::Qualified => say!(phrasing, "有望", "qualified", "合格线索"),
        LifecycleStage::Opportunity => say!(phrasing, "商談中", "opportunity", "商机"),
        LifecycleStage::Customer => say!(phrasing, "顧客", "customer", "客户"),
        LifecycleStage::Advocate => say!(phrasing, "推奨者", "advocate", "推荐者"),
        LifecycleStage::Former => say!(phrasing, "元顧客", "former customer", "前客户"),
    }
    .to_owned()
}

/// The band's name in a sentence.
pub(crate) fn band_label(phrasing: &Phrasing<'_>, band: HealthBand) -> String {
    match band {
        HealthBand::Healthy => say!(phrasing, "良好", "healthy", "健康"),
        HealthBand::Neutral => say!(phrasing, "注意", "neutral", "一般"),
        HealthBand::AtRisk => say!(phrasing, "危険", "at risk", "有风险"),
        HealthBand::Unknown => say!(phrasing, "不明", "unknown", "未知"),
    }
    .to_owned()
}
