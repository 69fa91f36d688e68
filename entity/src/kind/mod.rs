//! The closed lists of words that rows contain: the same word in SQL, Rust and GraphQL.
//!
//! The files are the nouns the lists belong to; everybody names a list as `kind::<List>`. A list that
//! exists is stored, so words are added to it and never renamed. Nothing here decides anything.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $text:literal,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(
                Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sea_orm::EnumIter,
                sea_orm::DeriveActiveEnum, async_graphql::Enum, serde::Serialize,
                serde::Deserialize,
            )]
            #[sea_orm(rs_type = "String", db_type = "Text")]
            #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
            pub enum $name {
                $(
                    $(#[$value_doc])*
                    #[sea_orm(string_value = $text)]
                    $value,
                )*
            }

            impl $name {
                /// The word as stored and as GraphQL shows it.
                pub fn word(self) -> &'static str {
                    match self {
                        $(Self::$value => $text,)*
                    }
                }

                /// The value whose stored word is `word`.
                pub fn from_word(word: &str) -> Option<Self> {
                    <Self as sea_orm::Iterable>::iter().find(|value| value.word() == word)
                }
            }
        )*
    };
}

mod automation;
mod conversation;
mod email;
mod fact;
mod member;
mod notification;
mod person;
mod sheet;
mod survey;
mod tag;
mod work;

pub use self::{
    automation::*, conversation::*, email::*, fact::*, member::*, notification::*, person::*,
    sheet::*, survey::*, tag::*, work::*,
};

#[cfg(test)]
mod tests {
    use sea_orm::Iterable as _;

    use super::*;

    #[test]
    fn the_stored_word_is_the_word_graphql_and_json_show() {
        for role in Role::iter() {
            assert_eq!(serde_json::to_value(role).unwrap(), role.word());
            assert_eq!(Role::from_word(role.word()), Some(role));
        }
        for channel in Channel::iter() {
            assert_eq!(serde_json::to_value(channel).unwrap(), channel.word());
        }
    }
}
