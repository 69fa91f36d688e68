//! What items say of contacts and accounts alike, and the mistakes found in them. Pure.

use entity::{
    id::{CampaignId, MemberId, TagId},
    kind::LifecycleStage,
};

use crate::{
    attribute::{Value, definition::MAX_ATTRIBUTES},
    error::{UserError, UserErrorCode},
    mail::EmailAddress,
};

/// Tags one item may name.
const MAX_TAGS: usize = 50;

/// An item as its door read it.
#[derive(Debug, Clone, Default)]
pub struct Told<T> {
    /// What it says, as far as it could be read.
    pub item: T,
    /// What could not be read of it, with its place in the input.
    pub errors: Vec<UserError>,
}

/// A way to name a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberRef {
    /// By our id.
    Id(MemberId),
    /// By the address they log in with.
    Email(String),
}

impl MemberRef {
    /// Brings it to the form in which it is looked up; a mistake is noted at `field`.
    pub(super) fn check(&mut self, field: &str, mistakes: &mut Mistakes) {
        if let Self::Email(email) = self {
            match EmailAddress::parse(email) {
                Ok(address) => *email = address.to_string(),
                Err(error) => {
                    let path = [field, "email"];
                    mistakes.refuse(&path, UserErrorCode::Invalid, error.to_string());
                }
            }
        }
    }
}

/// A way to name a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CampaignRef {
    /// By our id.
    Id(CampaignId),
    /// By the id it has where it is sent from.
    ExternalId(String),
}

/// A way to name a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagRef {
    /// By our id.
    Id(TagId),
    /// By its path, as in a file: `Group/Parent/Child`.
    Path(String),
}

/// An attribute and its new value.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeItem {
    /// The attribute's key.
    pub key: String,
    /// The value; nothing takes the value away.
    pub value: Option<Value>,
}

/// What is said of contacts and accounts alike. What is left out stays; `Some(None)` takes away.
#[derive(Debug, Clone, Default)]
pub struct Common {
    /// The member who looks after it.
    pub owner: Option<Option<MemberRef>>,
    /// The lifecycle stage.
    pub stage: Option<Option<LifecycleStage>>,
    /// Values of custom attributes.
    pub attributes: Vec<AttributeItem>,
    /// Tags to put on.
    pub tags: Vec<TagRef>,
}

impl Common {
    /// Brings it to the form in which it is looked up; mistakes are noted.
    pub(super) fn check(&mut self, mistakes: &mut Mistakes) {
        if let Some(Some(owner)) = &mut self.owner {
            owner.check("owner", mistakes);
        }
        for (field, given, limit) in [
            ("tags", self.tags.len(), MAX_TAGS),
            ("attributes", self.attributes.len(), MAX_ATTRIBUTES),
        ] {
            if given > limit {
                let message = format!("Give at most {limit}.");
                mistakes.refuse(&[field], UserErrorCode::LimitReached, message);
            }
        }
    }
}

/// What is wrong with one item, each with its place in the input.
#[derive(Debug, Clone)]
pub(super) struct Mistakes {
    list: &'static str,
    index: String,
    errors: Vec<UserError>,
}

impl Mistakes {
    /// Those of item number `index` of `list`, beginning with what its door could not read.
    pub(super) fn new(list: &'static str, index: usize, errors: Vec<UserError>) -> Self {
        Self {
            list,
            index: index.to_string(),
            errors,
        }
    }

    /// The place in the input of the part of the item that `path` names.
    pub(super) fn at<'p>(&'p self, path: &[&'p str]) -> Vec<&'p str> {
        let item: &[&str] = &[self.list, &self.index];
        [item, path].concat()
    }

    /// Notes a mistake in the part of the item that `path` names.
    pub(super) fn refuse(
        &mut self,
        path: &[&str],
        code: UserErrorCode,
        message: impl Into<String>,
    ) {
        let error = UserError::new(&self.at(path), code, message);
        self.errors.push(error);
    }

    /// The value, or nothing and the mistake noted.
    pub(super) fn keep<T>(&mut self, checked: Result<T, UserError>) -> Option<T> {
        checked.map_err(|error| self.errors.push(error)).ok()
    }

    /// Whether nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// All of them.
    pub(super) fn all(self) -> Vec<UserError> {
        self.errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_names_its_place_in_the_call() {
        let mut mistakes = Mistakes::new("contacts", 7, Vec::new());
        let mut said = Common {
            owner: Some(Some(MemberRef::Email("nobody".to_owned()))),
            tags: vec![TagRef::Path("VIP".to_owned()); MAX_TAGS + 1],
            ..Common::default()
        };
        said.check(&mut mistakes);
        mistakes.refuse(&[], UserErrorCode::Required, "Say who.");
        let told: Vec<String> = mistakes
            .all()
            .iter()
            .map(|error| format!("{} {:?}", error.path.join("."), error.code))
            .collect();
        assert_eq!(
            told,
            [
                "contacts.7.owner.email Invalid",
                "contacts.7.tags LimitReached",
                "contacts.7 Required",
            ]
        );
    }

    #[test]
    fn an_address_is_compared_in_its_normal_form() {
        let mut mistakes = Mistakes::new("accounts", 0, Vec::new());
        let mut said = Common {
            owner: Some(Some(MemberRef::Email(" Owner@Example.com ".to_owned()))),
            ..Common::default()
        };
        said.check(&mut mistakes);
        assert!(mistakes.is_empty());
        let normal = MemberRef::Email("owner@example.com".to_owned());
        assert_eq!(said.owner, Some(Some(normal)));
    }
}
