//! Tracked links that were shown to customers, and who followed them: people we know by links of their own,
//! people we do not, and a machine that looked ahead.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{id::TagId, kind::Channel};

use super::{Person, back_then, review::id_of};
use crate::{
    access::Actor,
    ctx::Ctx,
    error::Result,
    link::{self, Followed, NewLink, Utm, Visitor},
};

/// A link: its name, where it leads, where it is shown, and who followed it.
struct Shown {
    name: &'static str,
    target: &'static str,
    channel: Channel,
    source: &'static str,
    /// Hours ago, the place among the people of those who are known, and how, in the order of time.
    followed: &'static [(i64, Option<usize>, Followed)],
}

/// Days ago when the links were made.
const MADE: i64 = 12;

const LINKS: [Shown; 2] = [
    Shown {
        name: "展示会の QR コード / Booth QR code / 展位二维码",
        target: "https://www.demo.example/booth",
        channel: Channel::Line,
        source: "expo",
        followed: &[
            (220, Some(1), Followed::Scan),
            (219, None, Followed::Scan),
            (218, Some(11), Followed::Scan),
            (196, Some(31), Followed::Scan),
            (195, None, Followed::Scan),
            (30, Some(1), Followed::Click),
        ],
    },
    Shown {
        name: "线上研讨会 / Webinar / オンラインセミナー",
        target: "https://www.demo.example/webinar",
        channel: Channel::Wechat,
        source: "wechat",
        followed: &[
            (122, None, Followed::ByMachine),
            (121, Some(21), Followed::Click),
            (98, Some(34), Followed::Click),
            (97, None, Followed::Click),
            (51, Some(41), Followed::Click),
            (3, Some(21), Followed::Click),
        ],
    },
];

/// Makes the links, and lets them be followed. `tag` is put on whoever is known.
pub(super) async fn spread(
    ctx: &Ctx,
    actor: &Actor,
    people: &[Person],
    tag: TagId,
    now: DateTime<Utc>,
) -> Result<()> {
    for shown in LINKS {
        let new = NewLink {
            name: shown.name.to_owned(),
            target_url: shown.target.to_owned(),
            channel: Some(shown.channel),
            tags: vec![tag],
            utm: Utm {
                source: Some(shown.source.to_owned()),
                ..Utm::default()
            },
            ..NewLink::default()
        };
        let past = back_then(ctx, now - TimeDelta::days(MADE));
        let made = link::create(&past, actor, new).await?;
        let Some(opened) = link::open(ctx, &made.slug).await? else {
            continue;
        };
        for &(hours, place, how) in shown.followed {
            let visitor = match place.and_then(|place| people.get(place)) {
                Some(person) => Visitor::Contact(id_of(ctx, actor, &person.email).await?),
                None => Visitor::Unknown,
            };
            let past = back_then(ctx, now - TimeDelta::hours(hours));
            Box::pin(link::follow(&past, &opened, how, &visitor)).await?;
        }
    }
    Ok(())
}
