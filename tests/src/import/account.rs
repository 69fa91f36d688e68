//! What becomes of the lines of a file of accounts.

use domain::{account, import::NewImport, page::PageRequest};
use entity::kind::SubjectKind;

use super::steps::{counts, lines, paths, run, send, told, wanted};
use crate::support::on_both;

#[test]
fn accounts_are_taken_in_too() {
    on_both(|world| async move {
        let text = "会社名,ドメイン,ウェブサイト,外部ID,ステージ,説明,電話番号,タグ\n\
            株式会社テスト,https://www.test.example/about,https://test.example,A-1,CUSTOMER,\"一行目\n二行目\",03-1234-5678,大口\n\
            名前だけ,,,,,,,\n\
            名前だけ,,,,,,,\n\
            ,,,,,,,\n\
            ,,https://x.example,,,,,\n";
        let upload = send(&world, "accounts.csv", text.as_bytes()).await;
        let new = || NewImport {
            subject: SubjectKind::Account,
            ..wanted(upload)
        };
        let dry = run(
            &world,
            NewImport {
                dry_run: true,
                ..new()
            },
        )
        .await;
        let done = run(&world, new()).await;
        assert_eq!(counts(&done), counts(&dry));
        assert_eq!(
            counts(&done),
            told(&[("created", 2), ("errors", 2), ("tagsCreated", 1)])
        );
        let lines = lines(&world, &done).await;
        assert_eq!(
            lines.iter().map(|line| line.line).collect::<Vec<_>>(),
            [5, 7]
        );
        let page = PageRequest::first(10);
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let filter = account::AccountFilter::default();
        let found = account::list(
            ctx,
            workspace,
            &filter,
            account::AccountOrder::CreatedAsc,
            &page,
        );
        let found = found.await.unwrap();
        let found: Vec<_> = found.rows.into_iter().map(|(_, row)| row).collect();
        let test = found
            .iter()
            .find(|row| row.name == "株式会社テスト")
            .unwrap();
        assert_eq!(test.domain.as_deref(), Some("test.example"));
        assert_eq!(test.phone.as_deref(), Some("+81312345678"));
        assert_eq!(test.description.as_deref(), Some("一行目\n二行目"));
        assert_eq!(paths(&world, test.id.0).await, ["大口"]);
        let again = run(&world, new()).await;
        assert_eq!(counts(&again), told(&[("errors", 2), ("skipped", 2)]));
        world
    });
}
