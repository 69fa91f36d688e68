//! What becomes of the lines of a file of contacts: what each cell sets, what a policy leaves alone,
//! which tags are meant, and who is not taken in.

use domain::{
    account::{self, merge},
    attribute, contact,
    import::NewImport,
    page::PageRequest,
    search,
};
use entity::kind::{
    AttributeType, ImportOutcome as O, ImportPolicy, LifecycleStage, SubjectKind, TagKind,
    TagSelection,
};

use super::steps::{by_email, count, counts, import_text, lines, paths, run, send, told, wanted};
use crate::support::on_both;

#[test]
fn a_contact_is_taken_in_with_everything_a_line_says() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = attribute::NewAttribute {
            subject: SubjectKind::Contact,
            key: "seats".to_owned(),
            name: "座席数".to_owned(),
            description: String::new(),
            value_type: AttributeType::Number,
            options: Vec::new(),
        };
        let seats = attribute::definition::create(ctx, owner, new)
            .await
            .unwrap();
        world.group("業種", TagSelection::Single).await;
        let text = "\
氏名,カナ,メール,電話番号,顧客ID,会社名,会社ドメイン,ステージ,担当者,来源,キャンペーン,座席数,タグ
田中 太郎,ﾀﾅｶ ﾀﾛｳ,Tanaka@Test.example,'+81312345678,C-1,株式会社テスト,test.example,顧客,owner@example.com,LINE,春の展示会,\"1,200\",業種/IT/SaaS; VIP
佐藤,,sato@test.example,,,,,,,,,,
";
        let done = import_text(&world, text).await;
        let expected = [
            ("accountsCreated", 1),
            ("campaignsCreated", 1),
            ("created", 2),
            ("tagsCreated", 3),
        ];
        assert_eq!(counts(&done), told(&expected));
        assert_eq!((done.total, done.done, done.failed), (Some(2), 2, 0));
        let tanaka = by_email(&world, "tanaka@test.example").await;
        assert_eq!(tanaka.name, "田中 太郎");
        assert_eq!(tanaka.phone.as_deref(), Some("+81312345678"));
        assert_eq!(tanaka.external_id.as_deref(), Some("C-1"));
        assert_eq!(tanaka.stage, Some(LifecycleStage::Customer));
        assert_eq!(tanaka.owner_id, Some(owner.member));
        assert_eq!(tanaka.source_channel.map(|one| one.word()), Some("LINE"));
        assert!(tanaka.source_campaign_id.is_some());
        let account = account::find(ctx, owner.workspace, tanaka.account_id.unwrap()).await;
        let account = account.unwrap().unwrap();
        assert_eq!(
            (account.name.as_str(), account.domain.as_deref()),
            ("株式会社テスト", Some("test.example"))
        );
        assert_eq!(paths(&world, tanaka.id.0).await, ["VIP", "業種/IT/SaaS"]);
        let values = attribute::load(ctx, owner.workspace, &[tanaka.id.0])
            .await
            .unwrap();
        assert_eq!(
            (values[0].attribute_id, values[0].number),
            (seats.id, Some(1200.0))
        );
        // Everything that goes with a contact is there, in the import's name.
        let id = format!("= '{}'", tanaka.id);
        for (what, expected) in [
            ("contact_identity", 4),
            ("contact_activity", 2),
            ("contact_health", 2),
            (
                "tagging WHERE CAST(added_by AS TEXT) LIKE '%IMPORT%' AND added_reason = 'Import of people.csv'",
                2,
            ),
            (
                "stage_change WHERE to_stage = 'CUSTOMER' AND CAST(by_origin AS TEXT) LIKE '%IMPORT%'",
                1,
            ),
            ("timeline_entry WHERE kind = 'TAG_ADDED'", 2),
            ("change WHERE kind = 'contact.created'", 2),
            ("change WHERE kind = 'account.created'", 1),
            ("change WHERE kind = 'owner.changed'", 1),
            ("change WHERE kind = 'attribute.set'", 1),
            ("audit_entry WHERE action = 'contact.create_many'", 1),
            ("audit_entry WHERE action = 'import.start'", 1),
            ("audit_entry WHERE after LIKE '%people.csv%'", 0),
            ("tag_rank", 3),
        ] {
            assert_eq!(count(&world, what).await, expected, "{what} {id}");
        }
        world.drain().await;
        let needle = search::Needle::parse("田中", &["text"]).unwrap().unwrap();
        let found = search::find(
            ctx,
            owner.workspace,
            &needle,
            &[search::Kind::Contact],
            &PageRequest::first(5),
        )
        .await;
        assert!(!found.unwrap().rows.is_empty());
        // People without a company join that of their domain from the next step on.
        import_text(&world, "email\nkato@test.example\n").await;
        let kato = by_email(&world, "kato@test.example").await;
        assert_eq!(
            (kato.name.as_str(), kato.account_id),
            ("kato", tanaka.account_id)
        );
        world
    });
}

#[test]
fn a_policy_says_what_becomes_of_what_is_there() {
    on_both(|world| async move {
        import_text(&world, "email,name,stage,tags\na@example.com,A,LEAD,One\n").await;
        let text = "email,name,stage,kana,tags,external id\na@example.com,B,CUSTOMER,ア,Two,X-1\n";
        for (policy, name, stage, kana, tags) in [
            (
                ImportPolicy::Skip,
                "A",
                LifecycleStage::Lead,
                None,
                vec!["One"],
            ),
            (
                ImportPolicy::FillEmpty,
                "A",
                LifecycleStage::Lead,
                Some("ア"),
                vec!["One", "Two"],
            ),
            (
                ImportPolicy::Update,
                "B",
                LifecycleStage::Customer,
                Some("ア"),
                vec!["One", "Two"],
            ),
        ] {
            let upload = send(&world, "again.csv", text.as_bytes()).await;
            run(
                &world,
                NewImport {
                    policy,
                    ..wanted(upload)
                },
            )
            .await;
            let now = by_email(&world, "a@example.com").await;
            assert_eq!(
                (now.name.as_str(), now.stage),
                (name, Some(stage)),
                "{policy:?}"
            );
            assert_eq!(now.kana.as_deref(), kana, "{policy:?}");
            assert_eq!(paths(&world, now.id.0).await, tags, "{policy:?}");
        }
        // An empty cell takes nothing away, and a new address leaves the old one an identity.
        import_text(
            &world,
            "external id,email,name,stage\nX-1,b@example.com,,\n",
        )
        .await;
        let now = by_email(&world, "a@example.com").await;
        assert_eq!(now.email.as_deref(), Some("b@example.com"));
        assert_eq!(
            (now.name.as_str(), now.stage),
            ("B", Some(LifecycleStage::Customer))
        );
        world
    });
}

#[test]
fn tags_are_found_and_made_by_their_paths() {
    on_both(|world| async move {
        world.group("Size", TagSelection::Single).await;
        let top = world.tag(TagKind::Contact, "R/D", None).await;
        world.tag(TagKind::Contact, "Deep", Some(top)).await;
        let text = "email,tags\n\
            a@example.com,Size/Small\n\
            b@example.com,size / ＳＭＡＬＬ; R\\/D/Deep\n\
            c@example.com,Deep;Deep\n\
            d@example.com,Size/Small;Size/Large\n\
            e@example.com,Size\n\
            f@example.com,a\\;b\n";
        let upload = send(&world, "tags.csv", text.as_bytes()).await;
        let closed = run(
            &world,
            NewImport {
                create: Vec::new(),
                dry_run: true,
                ..wanted(upload)
            },
        )
        .await;
        let said = lines(&world, &closed).await;
        assert_eq!(said[0].outcome, O::Error, "no tag may be made");
        assert!(
            said[0].problems[0].message.contains("Size / Small"),
            "{:?}",
            said[0]
        );
        assert_eq!(said[2].outcome, O::Create);
        let done = run(&world, wanted(upload)).await;
        assert_eq!(
            counts(&done),
            told(&[("created", 4), ("errors", 2), ("tagsCreated", 2)])
        );
        let wrong = lines(&world, &done).await;
        assert_eq!(
            wrong.iter().map(|line| line.line).collect::<Vec<_>>(),
            [5, 6]
        );
        for (email, expected) in [
            ("a@example.com", vec!["Size/Small"]),
            ("b@example.com", vec!["R\\/D/Deep", "Size/Small"]),
            ("c@example.com", vec!["R\\/D/Deep"]),
            ("f@example.com", vec!["a;b"]),
        ] {
            let contact = by_email(&world, email).await;
            assert_eq!(paths(&world, contact.id.0).await, expected, "{email}");
        }
        // Another value of a SINGLE group replaces the first.
        import_text(&world, "email,tags\na@example.com,Size/Large\n").await;
        let contact = by_email(&world, "a@example.com").await;
        assert_eq!(paths(&world, contact.id.0).await, ["Size/Large"]);
        world
    });
}

#[test]
fn people_who_were_erased_are_not_taken_in_again() {
    on_both(|world| async move {
        import_text(&world, "email\ngone@example.com\nstays@example.com\n").await;
        let gone = by_email(&world, "gone@example.com").await;
        contact::erase::erase(&world.ctx, &world.owner, gone.id)
            .await
            .unwrap();
        let done = import_text(&world, "email\ngone@example.com\nstays@example.com\n").await;
        assert_eq!(counts(&done), told(&[("errors", 1), ("skipped", 1)]));
        let lines = lines(&world, &done).await;
        let code = lines[0].problems[0].code;
        assert_eq!(code, Some(domain::error::UserErrorCode::Erased));
        world
    });
}

#[test]
fn nobody_is_taken_in_at_an_account_that_is_merged_meanwhile() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let mut companies = Vec::new();
        for domain in ["stays.example", "goes.example"] {
            let new = account::NewAccount {
                name: domain.to_owned(),
                domain: Some(domain.to_owned()),
                ..account::NewAccount::default()
            };
            companies.push(account::create(ctx, owner, new).await.unwrap().id);
        }
        let (stays, goes) = (companies[0], companies[1]);
        for round in 0..8 {
            let email = format!("p{round}@customer.example");
            let text = format!("メール,会社ドメイン\n{email},goes.example\n");
            let upload = send(&world, "people.csv", text.as_bytes()).await;
            let (merged, _) = tokio::join!(
                merge::merge(ctx, owner, stays, goes, ""),
                run(&world, wanted(upload)),
            );
            let merged = merged.unwrap();
            assert_eq!(by_email(&world, &email).await.account_id, Some(stays));
            merge::unmerge(ctx, owner, merged.id).await.unwrap();
        }
        world
    });
}
