//! Tables, typed ids and scoped finders.
//!
//! One file per table that is read as whole rows; tables that only set-based statements touch
//! (counters, roll-ups, cursors) have none. The crate knows nothing of the business. Every finder
//! takes the workspace: see [`Scoped`].

pub mod access_token;
pub mod account;
pub mod attempt;
pub mod attribute_definition;
pub mod attribute_value;
pub mod audit_entry;
pub mod campaign;
pub mod contact;
pub mod contact_activity;
pub mod contact_health;
pub mod contact_identity;
pub mod conversation;
pub mod conversation_step;
pub mod delivery;
pub mod document;
pub mod due_item;
pub mod email_event;
pub mod email_source;
pub mod enrolment;
pub mod enrolment_step;
pub mod event;
pub mod health_history;
pub mod health_model;
pub mod id;
pub mod in_app_notification;
pub mod inbox;
pub mod invoice;
pub mod kind;
pub mod member;
pub mod message;
pub mod note;
pub mod notification_target;
pub mod operation;
pub mod opportunity;
pub mod order_line;
pub mod owner_change;
pub mod playbook;
pub mod playbook_version;
pub mod quarantine;
pub mod rule;
pub mod rule_firing;
pub mod rule_miss;
pub mod rule_version;
pub mod sales_order;
pub mod segment;
pub mod segment_member;
pub mod segment_move;
pub mod stage_change;
pub mod survey;
pub mod survey_answer;
pub mod survey_invitation;
pub mod tag;
pub mod tag_group;
pub mod tag_quality_finding;
pub mod tag_quality_run;
pub mod tagging;
pub mod task;
pub mod team;
pub mod ticket;
pub mod tracked_link;
pub mod upload;
pub mod webhook_key;
pub mod workspace;

mod scope;

pub use scope::Scoped;
