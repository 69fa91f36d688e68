//! The points of one field: its weight, and how many objects are asked for.

use async_graphql::{Positioned, Value as ConstValue, parser::types::Field};
use async_graphql_value::Value;

use super::{
    super::limits::DocumentLimits,
    measure::Measure,
    table::{FieldInfo, Size},
    walk::Walker,
};

impl Walker<'_> {
    /// The points of a field of which the schema is known.
    pub(super) fn price(
        &mut self,
        field: &Positioned<Field>,
        info: &FieldInfo,
        inner: &Measure,
    ) -> Measure {
        let each = info.weight.saturating_add(inner.total(self.limits));
        match info.size {
            Size::One => Measure::points(each),
            Size::List => Measure::points(each.saturating_mul(self.asked_size(field, info))),
            Size::Page => Measure {
                per_item: each,
                ..Measure::default()
            },
            Size::Connection => {
                let items = inner.per_item.saturating_mul(self.asked_size(field, info));
                let own = info.weight.saturating_add(inner.fixed);
                Measure::points(own.saturating_add(items))
            }
        }
    }

    fn asked_size(&mut self, field: &Positioned<Field>, info: &FieldInfo) -> u64 {
        for name in info.size_arguments() {
            if let Some(value) = field.node.get_argument(name)
                && let Some(size) = self.size_of(&value.node)
            {
                return size;
            }
        }
        info.assumed.unwrap_or(self.limits.list_default)
    }

    fn size_of(&mut self, value: &Value) -> Option<u64> {
        match value {
            Value::Number(number) => Some(clamp(number.as_u64(), self.limits)),
            Value::List(items) => Some(items.len() as u64),
            Value::Variable(name) => {
                self.sized_by.insert(name.clone());
                size(self.variables?.get(name)?, self.limits)
            }
            _ => None,
        }
    }
}

/// How many objects a variable asks for that is given for a size. Nothing else of variables bears on an
/// estimate.
pub(super) fn size(value: &ConstValue, limits: &DocumentLimits) -> Option<u64> {
    match value {
        ConstValue::Number(number) => Some(clamp(number.as_u64(), limits)),
        ConstValue::List(items) => Some(items.len() as u64),
        _ => None,
    }
}

/// A size that is no count (negative, a fraction) is refused by the resolver.
fn clamp(size: Option<u64>, limits: &DocumentLimits) -> u64 {
    size.unwrap_or(0).min(limits.list_max)
}
