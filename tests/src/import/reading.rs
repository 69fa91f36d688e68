//! How a file is read before anything is taken in: encodings, delimiters, columns, and requests that
//! make no sense.

use domain::{
    error::Error,
    import::{self, Column, NewImport, Reading},
    sheet::encoding::encode,
};
use entity::kind::{ImportField as F, ImportOutcome as O, SheetEncoding, SubjectKind};

use super::steps::{by_email, count, lines, run, send, wanted};
use crate::support::on_both;

#[test]
fn files_are_read_as_they_are_meant() {
    on_both(|world| async move {
        let japanese = "氏名,フリガナ,メールアドレス,会社名,好きな色\n田中太郎,タナカタロウ,t@example.com,株式会社テスト,青\n";
        let chinese = "姓名;邮箱;手机号\n王小明;w@example.cn;+8613800138000\n";
        let marked = ["\u{feff}", japanese].concat();
        // As Excel writes it.
        let named = "sep=;\r\n氏名;メールアドレス;色,柄\r\n佐藤次郎;s@example.com;青,縞\r\n";
        let both = || vec![Some(F::Name), Some(F::Email), None];
        let cases: [(&str, Vec<u8>, SheetEncoding, char, Vec<Option<F>>); 7] = [
            (
                "Shift_JIS",
                encode(SheetEncoding::ShiftJis, japanese).into_owned(),
                SheetEncoding::ShiftJis,
                ',',
                vec![
                    Some(F::Name),
                    Some(F::Kana),
                    Some(F::Email),
                    Some(F::AccountName),
                    None,
                ],
            ),
            (
                "GBK",
                encode(SheetEncoding::Gbk, chinese).into_owned(),
                SheetEncoding::Gbk,
                ';',
                vec![Some(F::Name), Some(F::Email), Some(F::Phone)],
            ),
            (
                "UTF-8 with a mark",
                marked.into_bytes(),
                SheetEncoding::Utf8,
                ',',
                vec![
                    Some(F::Name),
                    Some(F::Kana),
                    Some(F::Email),
                    Some(F::AccountName),
                    None,
                ],
            ),
            (
                "Shift_JIS whose first line names the separator",
                encode(SheetEncoding::ShiftJis, named).into_owned(),
                SheetEncoding::ShiftJis,
                ';',
                both(),
            ),
            (
                "UTF-8 with a mark whose first line names the separator",
                ["\u{feff}", named].concat().into_bytes(),
                SheetEncoding::Utf8,
                ';',
                both(),
            ),
            (
                "a named tab",
                b"SEP=\t\nName\tE-mail\tA,B,C\nB\tb@example.com\tA,B,C\n".to_vec(),
                SheetEncoding::Utf8,
                '\t',
                both(),
            ),
            (
                "tabs",
                b"Name\tE-mail\nA\ta@example.com\n".to_vec(),
                SheetEncoding::Utf8,
                '\t',
                vec![Some(F::Name), Some(F::Email)],
            ),
        ];
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        for (name, bytes, encoding, delimiter, fields) in cases {
            let upload = send(&world, name, &bytes).await;
            let kind = SubjectKind::Contact;
            let seen = import::preview(ctx, workspace, upload, kind, Reading::default(), 10).await;
            let seen = seen.unwrap();
            assert_eq!(
                (seen.encoding, seen.delimiter),
                (encoding, delimiter),
                "{name}"
            );
            let found: Vec<_> = seen.columns.iter().map(|column| column.field).collect();
            assert_eq!(found, fields, "{name}");
            assert_eq!(seen.rows.len(), 1, "{name}");
            assert_eq!(seen.rows[0].len(), fields.len(), "{name}");
            run(&world, wanted(upload)).await;
        }
        let tanaka = by_email(&world, "t@example.com").await;
        assert_eq!(tanaka.name, "田中太郎");
        assert_eq!(tanaka.kana.as_deref(), Some("タナカタロウ"));
        assert_eq!(by_email(&world, "s@example.com").await.name, "佐藤次郎");
        assert_eq!(by_email(&world, "b@example.com").await.name, "B");
        let wang = by_email(&world, "w@example.cn").await;
        assert_eq!(
            (wang.name.as_str(), wang.phone.as_deref()),
            ("王小明", Some("+8613800138000"))
        );
        // The wrong encoding is told, cell by cell.
        let bytes = encode(SheetEncoding::ShiftJis, japanese).into_owned();
        let upload = send(&world, "wrong", &bytes).await;
        let reading = Reading {
            encoding: Some(SheetEncoding::Utf8),
            ..Reading::default()
        };
        let columns = Some(vec![
            Column {
                column: 0,
                field: F::Name,
                attribute: None,
            },
            Column {
                column: 2,
                field: F::Email,
                attribute: None,
            },
        ]);
        let new = NewImport {
            reading,
            columns,
            ..wanted(upload)
        };
        let done = run(&world, new).await;
        let lines = lines(&world, &done).await;
        assert_eq!(lines[0].outcome, O::Error);
        assert_eq!(lines[0].problems[0].field, Some(F::Name));
        assert!(lines[0].problems[0].message.contains("UTF-8"));
        world
    });
}

#[test]
fn a_line_in_another_encoding_than_the_file_is_an_error_and_never_mojibake() {
    on_both(|world| async move {
        let header = "氏名,メール\n";
        let person = |number: usize| format!("田中太郎,m{number}@example.com\n");
        for (most, other, said) in [
            (SheetEncoding::Utf8, SheetEncoding::ShiftJis, "Byte 1 "),
            (SheetEncoding::Utf8, SheetEncoding::Gbk, "Byte 1 "),
            (SheetEncoding::ShiftJis, SheetEncoding::Utf8, "in UTF-8"),
        ] {
            let mut file = encode(most, header).into_owned();
            for number in 0..5 {
                let encoding = if number == 3 { other } else { most };
                file.extend_from_slice(&encode(encoding, &person(number)));
            }
            let upload = send(&world, "mixed.csv", &file).await;
            let (ctx, workspace) = (&world.ctx, world.owner.workspace);
            let kind = SubjectKind::Contact;
            let seen = import::preview(ctx, workspace, upload, kind, Reading::default(), 10).await;
            let seen = seen.unwrap();
            assert_eq!((seen.encoding, seen.odd_lines), (most, vec![5]));
            let done = run(&world, wanted(upload)).await;
            assert_eq!((done.done, done.failed), (5, 1), "{most:?} {other:?}");
            let lines = lines(&world, &done).await;
            assert_eq!((lines[0].line, lines[0].outcome), (5, O::Error));
            let problem = &lines[0].problems[0];
            assert_eq!(problem.field, Some(F::Name));
            assert!(problem.message.contains(said), "{}", problem.message);
        }
        let strangers = count(&world, "contact WHERE name <> '田中太郎'").await;
        assert_eq!((count(&world, "contact").await, strangers), (4, 0));
        world
    });
}

#[test]
fn a_request_that_makes_no_sense_says_why() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let upload = send(&world, "x.csv", b"email,name\na@example.com,A\n").await;
        let column = |column, field| Column {
            column,
            field,
            attribute: None,
        };
        for (columns, path) in [
            (vec![column(5, F::Email)], vec!["columns", "0", "column"]),
            (
                vec![column(0, F::Email), column(1, F::Email)],
                vec!["columns", "1", "field"],
            ),
            (vec![column(0, F::Website)], vec!["columns", "0", "field"]),
            (
                vec![column(0, F::Attribute)],
                vec!["columns", "0", "attributeId"],
            ),
            (vec![column(1, F::Name)], vec!["columns"]),
        ] {
            let new = NewImport {
                columns: Some(columns),
                ..wanted(upload)
            };
            let refused = import::start(ctx, owner, new).await;
            assert!(
                matches!(&refused, Err(Error::Refused(errors)) if errors[0].path == path),
                "{refused:?}"
            );
        }
        for (bytes, word) in [
            (&b"PK\x03\x04\0\0\0"[..], "not a text file"),
            (b"\xff\xfea\0b\0", "UTF-16"),
            (b"{\"name\":\"A\"}\n", "JSON"),
            (b"", "empty"),
            (b"\n\n", "no table"),
            (b"\"a\nb", "Line 1"),
        ] {
            let upload = send(&world, "y.csv", bytes).await;
            let refused = import::start(ctx, owner, wanted(upload)).await;
            assert!(
                matches!(&refused, Err(Error::Refused(errors)) if errors[0].message.contains(word)),
                "{word} {refused:?}"
            );
        }
        world
    });
}
