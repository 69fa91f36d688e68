//! The actions there are, each with what it stores, its check, its sentence and the effects it asks for.
//!
//! Called by `action`, for rules and the steps of playbooks. Nothing here reads the database or changes anything:
//! `board` decides about the effects, `perform` carries them out.

/// All but the sentence of an action that does one thing about the contact with one thing it names.
macro_rules! names_one {
    ($field:ident, $name:literal, $kind:ident, $effect:ident) => {
        fn check(&self, _at: &Path, _refusals: &mut Vec<UserError>) {}

        fn effects(&self, wanted: &mut Vec<Effect>) {
            wanted.push(Effect::$effect {
                $field: self.$field,
            });
        }

        fn references(&self, at: &Path, found: &mut Vec<Reference>) {
            found.push(Reference::new(&at.at($name), IdKind::$kind, self.$field));
        }

        fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
            if kind == IdKind::$kind && self.$field == from {
                self.$field = to;
            }
        }

        fn needs(&self) -> Needs {
            Needs::Contact
        }
    };
}

/// The ids of an action that names none.
macro_rules! names_nothing {
    () => {
        fn references(&self, _at: &Path, _found: &mut Vec<Reference>) {}

        fn replace(&mut self, _kind: IdKind, _from: Uuid, _to: Uuid) {}
    };
}

/// The ids of an action that names a member, or nobody.
macro_rules! names_member {
    () => {
        fn references(&self, at: &Path, found: &mut Vec<Reference>) {
            let at = at.at("memberId");
            let member = self.member_id;
            found.extend(member.map(|id| Reference::new(&at, IdKind::Member, id)));
        }

        fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
            if kind == IdKind::Member && self.member_id == Some(from) {
                self.member_id = Some(to);
            }
        }
    };
}

pub(super) mod conversation;
pub(super) mod notify;
pub(super) mod playbook;
pub(super) mod profile;
pub(super) mod survey;
pub(super) mod tag;
pub(super) mod task;
