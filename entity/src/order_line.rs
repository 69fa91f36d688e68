//! One product in an order.

use sea_orm::entity::prelude::*;

use crate::id::{OrderId, WorkspaceId};

/// One product in an order. The lines of an order are replaced together.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "order_line")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The order it is part of.
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: OrderId,
    /// Its place in the order, from 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    /// The source's id of the product.
    pub product_id: String,
    /// What the product is called.
    pub product_name: String,
    /// How many, in the product's unit.
    pub quantity: f64,
    /// The price of one, in the order's currency's minor unit.
    pub unit_price: i64,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
