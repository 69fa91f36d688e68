//! A mail server on loopback that answers as told and remembers every mail.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A mail that was taken.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// The mail as it came, with the dots of the protocol taken out.
    pub(crate) raw: String,
}

/// How the server behaves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manners {
    /// Answers to commands by their beginning, such as `RCPT TO:<a@b.example>`.
    pub(crate) answers: BTreeMap<String, &'static str>,
    /// The answer to a whole mail, instead of taking it.
    pub(crate) verdict: Option<&'static str>,
    /// Says nothing at all.
    pub(crate) silent: bool,
    /// Hangs up instead of answering the mail.
    pub(crate) hangs_up: bool,
}

/// The server; it ends with this value.
pub(crate) struct MailServer {
    pub(crate) port: u16,
    taken: Arc<Mutex<Vec<Taken>>>,
    serving: JoinHandle<()>,
}

impl MailServer {
    pub(crate) async fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let taken: Arc<Mutex<Vec<Taken>>> = Arc::default();
        let kept = Arc::clone(&taken);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, manners) = (Arc::clone(&kept), manners.clone());
                tokio::spawn(async move {
                    // A client that hangs up is no concern of the server's.
                    let _ = talk(stream, kept, manners).await;
                });
            }
        });
        Self {
            port,
            taken,
            serving,
        }
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().expect("the mails").clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn talk(
    stream: TcpStream,
    kept: Arc<Mutex<Vec<Taken>>>,
    manners: Manners,
) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    if manners.silent {
        let mut line = String::new();
        lines.read_line(&mut line).await?;
        return Ok(());
    }
    write.write_all(b"220 mail.example ESMTP\r\n").await?;
    let (mut from, mut to) = (String::new(), Vec::new());
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let told = manners.answers.iter();
        let told = told.filter(|(start, _)| line.starts_with(start.as_str()));
        if let Some((_, answer)) = told.last() {
            write.write_all(format!("{answer}\r\n").as_bytes()).await?;
            continue;
        }
        let answer = match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => "250-mail.example\r\n250-8BITMIME\r\n250 AUTH PLAIN",
            "MAIL" => {
                line.clone_into(&mut from);
                "250 fine"
            }
            "RCPT" => {
                let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                to.push(address.to_owned());
                "250 fine"
            }
            "AUTH" => "235 welcome",
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let raw = mail(&mut lines).await?;
                if manners.hangs_up {
                    return Ok(());
                }
                match manners.verdict {
                    Some(verdict) => verdict,
                    None => {
                        let (from, to) = (from.clone(), std::mem::take(&mut to));
                        let one = Taken { from, to, raw };
                        kept.lock().expect("the mails").push(one);
                        "250 queued as 1"
                    }
                }
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "502 what?",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

async fn mail(lines: &mut BufReader<tokio::net::tcp::OwnedReadHalf>) -> std::io::Result<String> {
    let mut raw = String::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(raw);
        }
        raw.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
