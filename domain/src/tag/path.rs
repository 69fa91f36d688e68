//! The way to a tag as text: for people `Group / Parent / Child`, in files `Group/Parent/Child`.
//!
//! A name may have a slash in it. In files it is written `\/`, and a backslash `\\`, so that what was
//! written is read again. A group and a tag at the top may bear the same name: `/A/B` is always the tag
//! below the tag, `A//B` always the tag of the group.

use crate::text::visible;

/// A way to a tag, as a file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Where it begins.
    pub from: Start,
    /// The names, the outermost first.
    pub names: Vec<String>,
}

/// Where a way begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At a group or at a tag without one, whichever has the rest.
    Either,
    /// At a group.
    Group,
    /// At a tag at the top that is in no group.
    Top,
}

/// The way to a tag for people to read.
pub fn shown(group: Option<&str>, names: &[String]) -> String {
    let names = names.iter().map(String::as_str);
    group
        .into_iter()
        .chain(names)
        .collect::<Vec<_>>()
        .join(" / ")
}

/// The way to a tag for files, so that it cannot be taken for another.
pub fn written_exactly(group: Option<&str>, names: &[String]) -> String {
    match group {
        Some(group) => {
            let group = [group.to_owned()];
            format!("{}//{}", written(None, &group), written(None, names))
        }
        None => format!("/{}", written(None, names)),
    }
}

/// The way to a tag for files.
pub fn written(group: Option<&str>, names: &[String]) -> String {
    let names = names.iter().map(String::as_str);
    let escaped = group
        .into_iter()
        .chain(names)
        .map(|name| name.replace('\\', "\\\\").replace('/', "\\/"));
    escaped.collect::<Vec<_>>().join("/")
}

/// A way as [`written`] or [`written_exactly`], without the blanks around its names and what cannot be
/// seen in them. Other empty names
/// are left out.
pub fn read(text: &str) -> Way {
    let mut names = vec![String::new()];
    let mut escaped = false;
    for character in text.chars() {
        match character {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '/' if !escaped => names.push(String::new()),
            _ => {
                if let Some(name) = names.last_mut() {
                    name.push(character);
                }
            }
        }
        escaped = false;
    }
    let is_empty = |place: usize| names.get(place).is_some_and(|name| name.trim().is_empty());
    let rest = names.iter().skip(2).any(|name| !name.trim().is_empty());
    let from = match (is_empty(0), is_empty(1) && rest) {
        (true, _) => Start::Top,
        (false, true) => Start::Group,
        (false, false) => Start::Either,
    };
    let names = names.iter().map(|name| visible(name).trim().to_owned());
    Way {
        from,
        names: names.filter(|name| !name.is_empty()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn people_read_a_way_with_room_between_the_names() {
        assert_eq!(
            shown(Some("業種"), &names(&["IT", "SaaS"])),
            "業種 / IT / SaaS"
        );
        assert_eq!(shown(None, &names(&["VIP"])), "VIP");
    }

    #[test]
    fn what_is_written_is_read_again() {
        for way in [
            vec!["業種", "IT"],
            vec!["R/D", "a\\b"],
            vec!["\\", "/", "x"],
        ] {
            let way = names(&way);
            let read_as = |from: Start| Way {
                from,
                names: way.clone(),
            };
            let (group, below) = (Some(way[0].as_str()), &way[1..]);
            assert_eq!(read(&written(group, below)), read_as(Start::Either));
            assert_eq!(read(&written_exactly(group, below)), read_as(Start::Group));
            assert_eq!(read(&written_exactly(None, &way)), read_as(Start::Top));
        }
    }

    #[test]
    fn a_person_may_write_blanks_around_the_slash() {
        assert_eq!(
            read(" Industry / IT // SaaS "),
            Way {
                from: Start::Either,
                names: names(&["Industry", "IT", "SaaS"]),
            }
        );
        assert_eq!(read("VIP //").from, Start::Either);
        assert_eq!(read("Industry / / IT").from, Start::Group);
        assert!(read(" / ").names.is_empty());
    }
}
