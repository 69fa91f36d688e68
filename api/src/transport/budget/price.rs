//! The points of one field: its weight, and how many objects are asked for.

use async_graphql::{Positioned, Value as ConstValue, parser::types::Field};
use async_graphql_value::Value;

use super::{
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
            Value::Number(number) => Some(self.clamp(number.as_u64())),
            Value::List(items) => Some(items.len() as u64),
            Value::Variable(name) => {
                self.is_sized_by_variables = true;
                match self.variables?.get(name)? {
                    ConstValue::Number(number) => Some(self.clamp(number.as_u64())),
                    ConstValue::List(items) => Some(items.len() as u64),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// A size that is no count (negative, a fraction) is refused by the resolver.
    fn clamp(&self, size: Option<u64>) -> u64 {
        size.unwrap_or(0).min(self.limits.list_max)
    }
}
