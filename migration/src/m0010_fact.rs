//! Orders, invoices, tickets and opportunities: what other systems tell about customers.
//!
//! `updated_at` is the source's own time of a row, by which the last writer wins; `account_told` says
//! whether the source named the company, or whether it is the contact's and follows the contact.

use sea_orm_migration::prelude::*;

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(manager, SCRIPT).await
    }
}

const SCRIPT: &str = "
CREATE TABLE sales_order (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    external_id TEXT NOT NULL,
    contact_id UUID,
    account_id UUID,
    account_told BOOL NOT NULL,
    digest TEXT NOT NULL,
    number TEXT,
    status TEXT NOT NULL,
    amount INT NOT NULL,
    currency TEXT NOT NULL,
    placed_at TIME NOT NULL,
    updated_at TIME NOT NULL,
    created_at TIME NOT NULL,
    recorded_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id),
    FOREIGN KEY (workspace_id, account_id) REFERENCES account (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX sales_order_external_id ON sales_order (workspace_id, external_id);
CREATE INDEX sales_order_contact ON sales_order (workspace_id, contact_id, placed_at, id) WHERE contact_id IS NOT NULL;
CREATE INDEX sales_order_account ON sales_order (workspace_id, account_id, placed_at, id) WHERE account_id IS NOT NULL;
CREATE INDEX sales_order_placed ON sales_order (workspace_id, placed_at, id);
CREATE TABLE order_line (
    workspace_id UUID NOT NULL,
    order_id UUID NOT NULL,
    position INT NOT NULL,
    product_id TEXT NOT NULL,
    product_name TEXT NOT NULL,
    quantity REAL NOT NULL,
    unit_price INT NOT NULL,
    PRIMARY KEY (workspace_id, order_id, position),
    FOREIGN KEY (workspace_id, order_id) REFERENCES sales_order (workspace_id, id)
) STRICT;
CREATE INDEX order_line_product ON order_line (workspace_id, product_id, order_id);
CREATE TABLE invoice (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    external_id TEXT NOT NULL,
    contact_id UUID,
    account_id UUID,
    account_told BOOL NOT NULL,
    digest TEXT NOT NULL,
    number TEXT,
    status TEXT NOT NULL,
    amount INT NOT NULL,
    currency TEXT NOT NULL,
    issued_at TIME NOT NULL,
    due_at TIME,
    paid_at TIME,
    updated_at TIME NOT NULL,
    created_at TIME NOT NULL,
    recorded_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id),
    FOREIGN KEY (workspace_id, account_id) REFERENCES account (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX invoice_external_id ON invoice (workspace_id, external_id);
CREATE INDEX invoice_contact ON invoice (workspace_id, contact_id, issued_at, id) WHERE contact_id IS NOT NULL;
CREATE INDEX invoice_account ON invoice (workspace_id, account_id, issued_at, id) WHERE account_id IS NOT NULL;
CREATE INDEX invoice_issued ON invoice (workspace_id, issued_at, id);
CREATE INDEX invoice_open ON invoice (workspace_id, due_at) WHERE status = 'OPEN';
CREATE TABLE ticket (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    external_id TEXT NOT NULL,
    contact_id UUID,
    account_id UUID,
    account_told BOOL NOT NULL,
    digest TEXT NOT NULL,
    subject TEXT NOT NULL,
    status TEXT NOT NULL,
    priority TEXT NOT NULL,
    csat INT,
    opened_at TIME NOT NULL,
    solved_at TIME,
    updated_at TIME NOT NULL,
    created_at TIME NOT NULL,
    recorded_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id),
    FOREIGN KEY (workspace_id, account_id) REFERENCES account (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX ticket_external_id ON ticket (workspace_id, external_id);
CREATE INDEX ticket_contact ON ticket (workspace_id, contact_id, opened_at, id) WHERE contact_id IS NOT NULL;
CREATE INDEX ticket_account ON ticket (workspace_id, account_id, opened_at, id) WHERE account_id IS NOT NULL;
CREATE INDEX ticket_opened ON ticket (workspace_id, opened_at, id);
CREATE TABLE opportunity (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    external_id TEXT NOT NULL,
    contact_id UUID,
    account_id UUID,
    account_told BOOL NOT NULL,
    digest TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    stage TEXT,
    amount INT,
    currency TEXT,
    probability INT,
    expected_close DATE,
    opened_at TIME NOT NULL,
    closed_at TIME,
    updated_at TIME NOT NULL,
    created_at TIME NOT NULL,
    recorded_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id),
    FOREIGN KEY (workspace_id, account_id) REFERENCES account (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX opportunity_external_id ON opportunity (workspace_id, external_id);
CREATE INDEX opportunity_contact ON opportunity (workspace_id, contact_id, opened_at, id) WHERE contact_id IS NOT NULL;
CREATE INDEX opportunity_account ON opportunity (workspace_id, account_id, opened_at, id) WHERE account_id IS NOT NULL;
CREATE INDEX opportunity_opened ON opportunity (workspace_id, opened_at, id);
";
