//! The way to a tag as text: for people `Group / Parent / Child`, in files `Group/Parent/Child`.
//!
//! A name may have a slash in it. In files it is written `\/`, and a backslash `\\`, so that what was
//! written is read again.

/// The way to a tag for people to read.
pub fn shown(group: Option<&str>, names: &[String]) -> String {
    let names = names.iter().map(String::as_str);
    group
        .into_iter()
        .chain(names)
        .collect::<Vec<_>>()
        .join(" / ")
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

/// The names in a way as [`written`], without the blanks around them. Empty ones are left out.
pub fn read(text: &str) -> Vec<String> {
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
    names
        .iter()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
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
            assert_eq!(read(&written(Some(&way[0]), &way[1..])), way);
        }
    }

    #[test]
    fn a_person_may_write_blanks_around_the_slash() {
        assert_eq!(
            read(" Industry / IT // SaaS "),
            names(&["Industry", "IT", "SaaS"])
        );
        assert!(read(" / ").is_empty());
    }
}
