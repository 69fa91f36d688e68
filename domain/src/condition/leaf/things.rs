//! Things of somebody in a sentence: how many there are, when the first and the last was.

use super::words::Named;
use crate::condition::{
    sentence::{Phrasing, say},
    test::NumberTest,
};

/// Things of somebody: the contact's paid orders of the last 30 days.
pub(crate) struct Things<'a> {
    phrasing: &'a Phrasing<'a>,
    subject: &'static str,
    many: String,
    one: String,
}

impl<'a> Things<'a> {
    /// `many` and `one` name them in the language of `phrasing`, in the plural and in the singular.
    pub(crate) fn new(
        phrasing: &'a Phrasing<'a>,
        subject: &'static str,
        many: String,
        one: String,
    ) -> Self {
        Self {
            phrasing,
            subject,
            many,
            one,
        }
    }

    fn all(&self) -> String {
        let Self { subject, many, .. } = self;
        say!(
            self.phrasing,
            format!("{subject}の{many}"),
            format!("{subject}'s {many}"),
            format!("{subject}{many}")
        )
    }

    /// There are some.
    pub(crate) fn some(&self) -> String {
        let Self { subject, many, .. } = self;
        say!(
            self.phrasing,
            format!("{subject}に{many}がある"),
            format!("{subject} has {many}"),
            format!("{subject}有{many}")
        )
    }

    /// There are so many.
    pub(crate) fn count(&self, test: &NumberTest) -> String {
        let number = test.phrase_in(self.phrasing, ["件", "", "个"]);
        let subject = self.subject;
        let things = if test.is_of_one() {
            &self.one
        } else {
            &self.many
        };
        let ja = if test.asks_for_some() {
            format!("{subject}に{}が{number}ある", self.many)
        } else {
            format!("{}が{number}である", self.all())
        };
        say!(
            self.phrasing,
            ja,
            format!(
                "{subject} has {} {things}",
                number.replace("less than", "fewer than")
            ),
            format!("{subject}有{number}{things}")
        )
    }

    /// The first or the last was so many days ago.
    pub(crate) fn days_since(&self, is_last: bool, test: &NumberTest) -> String {
        let days = if test.is_of_one() { " day" } else { " days" };
        let number = test.phrase_in(self.phrasing, ["日", days, "天"]);
        let Self {
            subject, one, many, ..
        } = self;
        let [ja, en, zh] = if is_last {
            ["最後", "last", "最近一个"]
        } else {
            ["最初", "first", "首个"]
        };
        let all = self.all();
        say!(
            self.phrasing,
            format!("{subject}の{ja}の{many}からの経過日数が{number}である"),
            format!("{subject}'s {en} {one} was {number} ago"),
            format!("{all}中{zh}距今{number}")
        )
    }

    /// A figure of them all.
    pub(crate) fn figure(&self, name: Named, test: &NumberTest) -> String {
        self.figure_in(name, test, "")
    }

    /// A figure of them all that has a unit.
    pub(crate) fn figure_in(&self, [ja, en, zh]: Named, test: &NumberTest, unit: &str) -> String {
        let number = test.phrase_figure(self.phrasing, unit);
        let all = self.all();
        say!(
            self.phrasing,
            format!("{all}の{ja}が{number}である"),
            format!("the {en} of {all} is {number}"),
            format!("{all}的{zh}{number}")
        )
    }
}

/// The singular of an English noun of this module.
pub(crate) fn singular(noun: &str) -> String {
    match (noun.strip_suffix("ies"), noun.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) => stem.to_owned(),
        (None, None) => noun.to_owned(),
    }
}
