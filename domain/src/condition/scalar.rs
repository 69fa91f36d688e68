//! Numbers and ids inside conditions: the same Rust type in GraphQL and in stored JSON, so that a
//! leaf is written down once.

use std::{fmt, hash, marker::PhantomData};

use async_graphql::{
    ContextSelectionSet, ID, InputType, InputValueError, InputValueResult, OutputType, Positioned,
    ServerResult, Value, parser::types::Field, registry::Registry,
};
use entity::id::Id;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A number in a test. Never NaN, so it can be compared and hashed.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Number(f64);

impl Number {
    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        // Minus zero is zero.
        Self(if value.is_nan() { 0.0 } else { value + 0.0 })
    }
}

impl Eq for Number {}

impl hash::Hash for Number {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::from)
    }
}

/// A whole number from 0 on. What is given and does not fit, such as a number below zero, is read as the
/// largest there is: every such number has a limit far below, so it is refused where it stands and with
/// the limit, like any other that is too large.
#[derive(
    Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default,
)]
pub struct Natural(u32);

impl Natural {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }

    fn read(given: i64) -> Self {
        Self(u32::try_from(given).unwrap_or(u32::MAX))
    }

    fn shown(self) -> i64 {
        self.0.into()
    }
}

impl From<u32> for Natural {
    fn from(number: u32) -> Self {
        Self(number)
    }
}

impl fmt::Display for Natural {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id of something a condition names. A text that is no id of that kind is read as the id of
/// nothing, which is refused as unknown where it stands, like any id the workspace does not have.
pub struct Ref<I> {
    id: Uuid,
    kind: PhantomData<fn() -> I>,
}

impl<I: Id> Ref<I> {
    /// Names this one.
    pub fn new(id: I) -> Self {
        Self::from_uuid(id.uuid())
    }

    pub(crate) fn from_uuid(id: Uuid) -> Self {
        Self {
            id,
            kind: PhantomData,
        }
    }

    pub(crate) fn uuid(self) -> Uuid {
        self.id
    }

    fn text(self) -> String {
        I::from(self.id).to_string()
    }
}

impl<I> Clone for Ref<I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I> Copy for Ref<I> {}

impl<I> fmt::Debug for Ref<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

impl<I> PartialEq for Ref<I> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<I> Eq for Ref<I> {}

impl<I> hash::Hash for Ref<I> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl<I> Serialize for Ref<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.id.serialize(serializer)
    }
}

impl<'de, I: Id> Deserialize<'de> for Ref<I> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::from_uuid)
    }
}

/// Presents a type to GraphQL as another that it can be read from and shown as.
macro_rules! shown_as {
    ([$($generic:tt)*] $ours:ty, $theirs:ty, $read:expr, $show:expr) => {
        impl<$($generic)*> InputType for $ours {
            type RawValueType = Self;

            fn type_name() -> std::borrow::Cow<'static, str> {
                <$theirs as InputType>::type_name()
            }

            fn create_type_info(registry: &mut Registry) -> String {
                <$theirs as InputType>::create_type_info(registry)
            }

            fn parse(value: Option<Value>) -> InputValueResult<Self> {
                <$theirs as InputType>::parse(value)
                    .map($read)
                    .map_err(InputValueError::propagate)
            }

            fn to_value(&self) -> Value {
                InputType::to_value(&$show(*self))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
        }

        #[async_trait::async_trait]
        impl<$($generic)*> OutputType for $ours {
            fn type_name() -> std::borrow::Cow<'static, str> {
                <$theirs as OutputType>::type_name()
            }

            fn create_type_info(registry: &mut Registry) -> String {
                <$theirs as OutputType>::create_type_info(registry)
            }

            async fn resolve(
                &self,
                _context: &ContextSelectionSet<'_>,
                _field: &Positioned<Field>,
            ) -> ServerResult<Value> {
                Ok(InputType::to_value(self))
            }
        }
    };
}

shown_as!([] Number, f64, Number::from, Number::get);
shown_as!([] Natural, i64, Natural::read, Natural::shown);
shown_as!(
    [I: Id + 'static] Ref<I>, ID,
    |text: ID| Ref::from_uuid(text.parse::<I>().map(Id::uuid).unwrap_or_default()),
    |id: Ref<I>| ID(id.text())
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_does_not_fit_is_too_large() {
        for (given, read) in [
            (0, 0),
            (30, 30),
            (-3, u32::MAX),
            (5_000_000_000, u32::MAX),
            (i64::MIN, u32::MAX),
        ] {
            let number = <Natural as InputType>::parse(Some(Value::from(given)));
            let number = number.unwrap_or_else(|_| panic!("{given} is not read"));
            assert_eq!(number.get(), read, "{given}");
        }
    }
}
