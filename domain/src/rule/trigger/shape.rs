//! Writes a trigger down once: its stored form, its form in the API both ways, and what follows from
//! its fields alone.

/// `ids` and `id` name things of a kind, `many` and `one` are values of a list of words, `texts` are
/// texts, `flag` is false if left out, `number` is a whole number, `value` is a value of an attribute.
/// What stands in brackets behind an optional field is for its stored form: a field that was added later
/// is left out of it while it says nothing, as older programs wrote it. A name in braces is what the API
/// calls the field, where that is no name in Rust.
macro_rules! trigger {
    (
        $(#[$doc:meta])*
        $name:ident, $output:ident, $input:ident;
        required { $($(#[$rdoc:meta])* $rfield:ident: $rkind:ident $($rarg:ident)?,)* }
        optional {
            $(
                $(#[$odoc:meta])*
                $ofield:ident: $okind:ident $($oarg:ident)? $({$oname:tt})? $([$($oserde:tt)*])?,
            )*
        }
    ) => {
        $(#[$doc])*
        #[derive(serde::Serialize, serde::Deserialize, Debug, Clone, PartialEq, Eq)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $($(#[$rdoc])* pub $rfield: shape::stored!($rkind $($rarg)?),)*
            $(
                $(#[$odoc])*
                #[serde(default)]
                $(#[serde($($oserde)*)])?
                pub $ofield: shape::stored!($okind $($oarg)?),
            )*
        }

        $(#[$doc])*
        #[derive(async_graphql::InputObject, Debug, Clone)]
        pub struct $input {
            $($(#[$rdoc])* pub $rfield: shape::given!($rkind $($rarg)?),)*
            $(
                $(#[$odoc])*
                #[graphql(default $(, name = $oname)?)]
                pub $ofield: shape::given!($okind $($oarg)?),
            )*
        }

        $(#[$doc])*
        #[derive(async_graphql::SimpleObject, Debug, Clone)]
        pub struct $output {
            $($(#[$rdoc])* pub $rfield: shape::shown!($rkind $($rarg)?),)*
            $(
                $(#[$odoc])*
                $(#[graphql(name = $oname)])?
                pub $ofield: shape::shown!($okind $($oarg)?),
            )*
        }

        impl $input {
            #[allow(
                unused_variables,
                clippy::ptr_arg,
                clippy::allow_attributes,
                reason = "a trigger may have no field that needs them"
            )]
            pub(crate) fn into_trigger(
                self,
                ids: &dyn crate::condition::reference::IdReader,
                at: &crate::condition::path::Path,
                refusals: &mut Vec<crate::error::UserError>,
            ) -> $name {
                $name {
                    $($rfield: shape::read!(
                        $rkind $($rarg)?, self.$rfield, ids,
                        at.at(&shape::camel(stringify!($rfield))), refusals
                    ),)*
                    $($ofield: shape::read!(
                        $okind $($oarg)?, self.$ofield, ids,
                        at.at(&shape::called!($ofield $($oname)?)), refusals
                    ),)*
                }
            }
        }

        #[allow(
            unused_variables,
            dead_code,
            clippy::ptr_arg,
            clippy::allow_attributes,
            reason = "a trigger may have no field that needs them"
        )]
        impl $name {
            pub(crate) fn to_output(
                &self,
                ids: &dyn crate::condition::reference::IdWriter,
            ) -> $output {
                $output {
                    $($rfield: shape::show!($rkind $($rarg)?, self.$rfield, ids),)*
                    $($ofield: shape::show!($okind $($oarg)?, self.$ofield, ids),)*
                }
            }

            pub(crate) fn to_input(
                &self,
                ids: &dyn crate::condition::reference::IdWriter,
            ) -> $input {
                $input {
                    $($rfield: shape::show!($rkind $($rarg)?, self.$rfield, ids),)*
                    $($ofield: shape::show!($okind $($oarg)?, self.$ofield, ids),)*
                }
            }

            fn check_lists(
                &self,
                at: &crate::condition::path::Path,
                refusals: &mut Vec<crate::error::UserError>,
            ) {
                $(shape::check!($rkind $($rarg)?, self.$rfield,
                    at.at(&shape::camel(stringify!($rfield))), refusals);)*
                $(shape::check!($okind $($oarg)?, self.$ofield,
                    at.at(&shape::called!($ofield $($oname)?)), refusals);)*
            }

            fn note_references(
                &self,
                at: &crate::condition::path::Path,
                found: &mut Vec<crate::condition::reference::Reference>,
            ) {
                $(shape::refer!($rkind $($rarg)?, self.$rfield,
                    at.at(&shape::camel(stringify!($rfield))), found);)*
                $(shape::refer!($okind $($oarg)?, self.$ofield,
                    at.at(&shape::called!($ofield $($oname)?)), found);)*
            }

            fn rename(
                &mut self,
                kind: crate::condition::reference::IdKind,
                from: uuid::Uuid,
                to: uuid::Uuid,
            ) {
                $(shape::rename!($rkind $($rarg)?, self.$rfield, kind, from, to);)*
                $(shape::rename!($okind $($oarg)?, self.$ofield, kind, from, to);)*
            }
        }
    };
}

/// What the API calls a field.
macro_rules! called {
    ($field:ident) => {
        shape::camel(stringify!($field))
    };
    ($field:ident $name:tt) => {
        String::from($name)
    };
}

macro_rules! stored {
    (ids $kind:ident) => { Vec<uuid::Uuid> };
    (id $kind:ident) => { uuid::Uuid };
    (many $of:ident) => { Vec<$of> };
    (one $of:ident) => { $of };
    (maybe $of:ident) => { Option<$of> };
    (texts) => { Vec<String> };
    (text) => { String };
    (flag) => { bool };
    (number) => { i64 };
    (value) => { Option<serde_json::Value> };
}

macro_rules! given {
    (ids $kind:ident) => { Vec<async_graphql::ID> };
    (id $kind:ident) => { async_graphql::ID };
    (value) => { Option<crate::attribute::AttributeValueOf> };
    ($($other:tt)*) => { shape::stored!($($other)*) };
}

macro_rules! shown {
    (ids $kind:ident) => { Vec<async_graphql::ID> };
    (id $kind:ident) => { async_graphql::ID };
    (value) => { Option<crate::attribute::WantedAttributeValue> };
    ($($other:tt)*) => { shape::stored!($($other)*) };
}

macro_rules! read {
    (ids $kind:ident, $from:expr, $ids:expr, $at:expr, $refusals:expr) => {
        crate::condition::reference::read_list(
            $ids,
            crate::condition::reference::IdKind::$kind,
            &$from,
            &$at,
            $refusals,
        )
    };
    (id $kind:ident, $from:expr, $ids:expr, $at:expr, $refusals:expr) => {
        crate::condition::reference::read_one(
            $ids,
            crate::condition::reference::IdKind::$kind,
            &$from,
            &$at,
            $refusals,
        )
    };
    (value, $from:expr, $ids:expr, $at:expr, $refusals:expr) => {
        $from.map(|value| serde_json::json!(crate::attribute::Value::from(value)))
    };
    (texts, $from:expr, $ids:expr, $at:expr, $refusals:expr) => {
        $from
            .iter()
            .map(|text| crate::text::printable(text))
            .collect()
    };
    ($kind:ident $($arg:ident)?, $from:expr, $ids:expr, $at:expr, $refusals:expr) => {
        $from
    };
}

macro_rules! show {
    (ids $kind:ident, $from:expr, $ids:expr) => {
        crate::condition::reference::write_list(
            $ids,
            crate::condition::reference::IdKind::$kind,
            &$from,
        )
    };
    (id $kind:ident, $from:expr, $ids:expr) => {
        $ids.write(crate::condition::reference::IdKind::$kind, $from)
            .into()
    };
    (value, $from:expr, $ids:expr) => {
        $from
            .clone()
            .and_then(|value| serde_json::from_value::<crate::attribute::Value>(value).ok())
            .map(Into::into)
    };
    ($kind:ident $($arg:ident)?, $from:expr, $ids:expr) => {
        $from.clone()
    };
}

macro_rules! check {
    (ids $kind:ident, $of:expr, $at:expr, $refusals:expr) => {
        shape::list(&$of, &$at, $refusals)
    };
    (many $kind:ident, $of:expr, $at:expr, $refusals:expr) => {
        shape::list(&$of, &$at, $refusals)
    };
    (texts, $of:expr, $at:expr, $refusals:expr) => {
        shape::list(&$of, &$at, $refusals)
    };
    ($kind:ident $($arg:ident)?, $of:expr, $at:expr, $refusals:expr) => {};
}

macro_rules! refer {
    (ids $kind:ident, $of:expr, $at:expr, $found:expr) => {
        crate::condition::reference::list(
            &$at,
            crate::condition::reference::IdKind::$kind,
            &$of,
            $found,
        )
    };
    (id $kind:ident, $of:expr, $at:expr, $found:expr) => {
        $found.push(crate::condition::reference::Reference::new(
            &$at,
            crate::condition::reference::IdKind::$kind,
            $of,
        ))
    };
    ($kind:ident $($arg:ident)?, $of:expr, $at:expr, $found:expr) => {};
}

macro_rules! rename {
    (ids $kind:ident, $of:expr, $renamed:expr, $from:expr, $to:expr) => {
        if $renamed == crate::condition::reference::IdKind::$kind {
            crate::condition::reference::replace(&mut $of, $from, $to);
        }
    };
    (id $kind:ident, $of:expr, $renamed:expr, $from:expr, $to:expr) => {
        if $renamed == crate::condition::reference::IdKind::$kind && $of == $from {
            $of = $to;
        }
    };
    ($kind:ident $($arg:ident)?, $of:expr, $renamed:expr, $from:expr, $to:expr) => {};
}

pub(super) use {called, check, given, read, refer, rename, show, shown, stored, trigger};

use entity::id::Id;
use uuid::Uuid;

use crate::{
    condition::{Ref, TextTest, check as limits, path::Path},
    error::{UserError, UserErrorCode},
    text::name_key,
};

/// A field's name as the API has it.
pub(super) fn camel(field: &str) -> String {
    let mut words = field.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.extend(letters);
    }
    name
}

/// Notes repeated entries and a list that is too long; an empty one means everything.
pub(super) fn list<T: PartialEq>(items: &[T], at: &Path, refusals: &mut Vec<UserError>) {
    if !items.is_empty() {
        limits::list(items, limits::MAX_IDS, at, refusals, "entry");
    }
}

/// Notes that something has to go from the one value there may be before to the same.
pub(super) fn change<T: PartialEq>(from: &[T], to: &[T], at: &Path, refusals: &mut Vec<UserError>) {
    if from.len() == 1 && from == to {
        let message = "A value never changes into itself. Change one of the two, or leave one out.";
        refusals.push(at.refuse(UserErrorCode::Contradictory, message));
    }
}

/// Ids as conditions have them; nothing if an empty list means everything.
pub(super) fn refs<I: Id>(ids: &[Uuid]) -> Option<Vec<Ref<I>>> {
    let refs = ids.iter().map(|&id| Ref::from_uuid(id));
    (!ids.is_empty()).then(|| refs.collect())
}

/// Whether a list that means everything when it is empty has the value.
pub(super) fn lets<T: PartialEq>(list: &[T], value: &T) -> bool {
    list.is_empty() || list.contains(value)
}

/// The same of a value that may be missing: only a list that means everything lets that in.
pub(super) fn lets_some<T: PartialEq>(list: &[T], value: Option<&T>) -> bool {
    list.is_empty() || value.is_some_and(|value| list.contains(value))
}

/// Whether a text, where there is one, passes what may be asked of it.
pub(super) fn lets_text(test: Option<&TextTest>, text: Option<&str>) -> bool {
    test.is_none_or(|test| test.holds(text.map(name_key).as_deref()))
}

/// The parts of a `TriggerKind` that follow from the fields.
macro_rules! plumbing {
    () => {
        fn check(
            &self,
            at: &crate::condition::path::Path,
            refusals: &mut Vec<crate::error::UserError>,
        ) {
            self.check_lists(at, refusals);
        }

        shape::naming!();
    };
}

/// The same without the check.
macro_rules! naming {
    () => {
        fn references(
            &self,
            at: &crate::condition::path::Path,
            found: &mut Vec<crate::condition::reference::Reference>,
        ) {
            self.note_references(at, found);
        }

        fn replace(
            &mut self,
            kind: crate::condition::reference::IdKind,
            from: uuid::Uuid,
            to: uuid::Uuid,
        ) {
            self.rename(kind, from, to);
        }
    };
}

pub(super) use {naming, plumbing};
