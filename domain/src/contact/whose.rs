//! The ways in which programs name a contact, and the form in which the contact is then found.

use std::collections::HashMap;

use entity::{
    id::{ContactId, WorkspaceId},
    kind::IdentityKind,
};

use super::{bulk::Key, identity::normal};
use crate::{
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    locale::Locale,
    mail::EmailAddress,
    workspace,
};

/// A way to name a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactRef {
    /// By our id.
    Id(ContactId),
    /// By the id another system gave.
    ExternalId(String),
    /// By email address.
    Email(String),
    /// By phone number.
    Phone(String),
    /// By handle, with its network before a colon.
    Handle(String),
    /// By the id of a visitor nobody knows yet.
    AnonymousId(String),
}

impl ContactRef {
    /// The name of its field in the input.
    pub(crate) fn field(&self) -> &'static str {
        match self {
            Self::Id(_) => "id",
            Self::ExternalId(_) => "externalId",
            Self::Email(_) => "email",
            Self::Phone(_) => "phone",
            Self::Handle(_) => "handle",
            Self::AnonymousId(_) => "anonymousId",
        }
    }

    /// Reads it. Numbers without a country code are of `home`; `path` is its place in the input.
    pub(crate) fn read(&self, home: Locale, path: &[&str]) -> Result<Whom, UserError> {
        let (kind, value) = match self {
            Self::Id(id) => return Ok(Whom::Id(*id)),
            Self::ExternalId(value) => (IdentityKind::ExternalId, value),
            Self::Email(value) => (IdentityKind::Email, value),
            Self::Phone(value) => (IdentityKind::Phone, value),
            Self::Handle(value) => (IdentityKind::Handle, value),
            Self::AnonymousId(value) => (IdentityKind::AnonymousId, value),
        };
        Ok(Whom::Key((kind, normal(kind, value, home, path)?)))
    }
}

/// Whose a message or an event is, as its sender says: exactly one of the two is to be given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whose {
    /// The contact's email address.
    pub email: Option<String>,
    /// The contact, named in any way there is.
    pub contact: Option<ContactRef>,
}

impl From<String> for Whose {
    fn from(email: String) -> Self {
        Self {
            email: Some(email),
            contact: None,
        }
    }
}

impl From<ContactRef> for Whose {
    fn from(contact: ContactRef) -> Self {
        Self {
            email: None,
            contact: Some(contact),
        }
    }
}

impl Whose {
    /// Whether it is to be known for it how people at home write phone numbers.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.contact, Some(ContactRef::Phone(_)))
    }

    /// Reads it. `item` is the place in the input of what is theirs.
    pub(crate) fn read(&self, home: Locale, item: [&str; 2]) -> Result<Whom, UserError> {
        let [list, index] = item;
        match (&self.contact, &self.email) {
            (Some(contact), None) => contact.read(home, &[list, index, "contact", contact.field()]),
            (None, Some(email)) => {
                let path = [list, index, "contactEmail"];
                let value = normal(IdentityKind::Email, email, home, &path)?;
                Ok(Whom::Key((IdentityKind::Email, value)))
            }
            (None, None) => {
                let message = "Name the contact.";
                let path = [list, index, "contact"];
                Err(UserError::new(&path, UserErrorCode::Required, message))
            }
            (Some(_), Some(_)) => {
                let message = "Name the contact once: leave out contact or contactEmail.";
                let path = [list, index, "contactEmail"];
                Err(UserError::new(&path, UserErrorCode::Contradictory, message))
            }
        }
    }
}

/// A contact in the form in which they are found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Whom {
    /// By our id.
    Id(ContactId),
    /// By an identity in its normal form.
    Key(Key),
}

impl Whom {
    pub(crate) fn id(&self) -> Option<ContactId> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Key(_) => None,
        }
    }

    pub(crate) fn key(&self) -> Option<&Key> {
        match self {
            Self::Id(_) => None,
            Self::Key(key) => Some(key),
        }
    }

    /// Whether it is an email address.
    pub(crate) fn is_email(&self) -> bool {
        self.key()
            .is_some_and(|(kind, _)| *kind == IdentityKind::Email)
    }
}

impl From<&EmailAddress> for Whom {
    fn from(address: &EmailAddress) -> Self {
        Self::Key((IdentityKind::Email, address.to_string()))
    }
}

/// The language numbers without a country code are read in, which is asked for only if there `is_any`.
pub(crate) async fn home_if(ctx: &Ctx, workspace: WorkspaceId, is_any: bool) -> Result<Locale> {
    if !is_any {
        return Ok(Locale::default());
    }
    let workspace = workspace::find(ctx, workspace).await?;
    Ok(Locale::from_word(&workspace.locale).unwrap_or_default())
}

/// Refuses a call that names contacts by ids nobody has. `whom` are those named, each with the number of
/// its item in `list`; those who were named by an identity and not found were erased.
pub(crate) fn refuse_missing<'w>(
    list: &str,
    whom: impl Iterator<Item = (usize, &'w Whom)>,
    found: &HashMap<Whom, ContactId>,
) -> Result<()> {
    let mut missing: Vec<usize> = whom
        .filter(|(_, one)| one.id().is_some() && !found.contains_key(*one))
        .map(|(index, _)| index)
        .collect();
    missing.sort_unstable();
    let errors: Vec<UserError> = missing
        .into_iter()
        .map(|index| {
            let path = [list, &index.to_string(), "contact", "id"];
            UserError::new(&path, UserErrorCode::NotFound, "There is no such contact.")
        })
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Refused(errors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(whose: &Whose) -> Result<Whom, String> {
        whose
            .read(Locale::Ja, ["messages", "3"])
            .map_err(|error| format!("{} {:?}", error.path.join("."), error.code))
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "it is compared with what was read"
    )]
    fn key(kind: IdentityKind, value: &str) -> Result<Whom, String> {
        Ok(Whom::Key((kind, value.to_owned())))
    }

    #[test]
    fn however_they_are_named_contacts_are_found_by_the_normal_form() {
        let text = str::to_owned;
        for (named, expected) in [
            (
                ContactRef::Email(text(" TARO@a.example")),
                key(IdentityKind::Email, "taro@a.example"),
            ),
            (
                ContactRef::Phone(text("03-1234-5678")),
                key(IdentityKind::Phone, "+81312345678"),
            ),
            (
                ContactRef::Handle(text("X:Enishi")),
                key(IdentityKind::Handle, "x:enishi"),
            ),
            (
                ContactRef::ExternalId(text(" 4711 ")),
                key(IdentityKind::ExternalId, "4711"),
            ),
            (
                ContactRef::AnonymousId(text("c-1")),
                key(IdentityKind::AnonymousId, "c-1"),
            ),
            (
                ContactRef::Phone(text("call me")),
                Err(text("messages.3.contact.phone Invalid")),
            ),
            (
                ContactRef::Handle(text("enishi")),
                Err(text("messages.3.contact.handle Invalid")),
            ),
            (
                ContactRef::AnonymousId(text(" ")),
                Err(text("messages.3.contact.anonymousId Required")),
            ),
        ] {
            assert_eq!(read(&named.clone().into()), expected, "{named:?}");
        }
    }

    #[test]
    fn a_contact_is_named_exactly_once() {
        let email = Whose::from("Taro@a.example".to_owned());
        assert_eq!(read(&email), key(IdentityKind::Email, "taro@a.example"));
        let wrong = Whose::from("nobody".to_owned());
        let refused = "messages.3.contactEmail Invalid".to_owned();
        assert_eq!(read(&wrong), Err(refused));
        let refused = "messages.3.contact Required".to_owned();
        assert_eq!(read(&Whose::default()), Err(refused));
        let both = Whose {
            contact: Some(ContactRef::AnonymousId("c-1".to_owned())),
            ..email
        };
        let refused = "messages.3.contactEmail Contradictory".to_owned();
        assert_eq!(read(&both), Err(refused));
    }
}
