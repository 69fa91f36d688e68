//! A server that only sends: one `send` of a finished frame on each of its connections. What the product
//! takes longer than this is reading the change, executing the document and writing the answer.

use std::{
    env,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::sleep,
};

use super::crowd::Crowd;
use crate::{
    process::Program,
    run::{Run, free_port},
};

/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(10);
/// A frame that is a whole text.
const WHOLE_TEXT: u8 = 0x81;
/// Instead of a length: it follows in two bytes.
const LONG: u8 = 126;

/// Waits for as many connections as there are subscribers, behind one that asks. Then sends each subscriber
/// whatever comes from there, a length of four bytes before it.
pub(crate) fn serve(address: &str, subscribers: usize) -> Result<()> {
    let listener = TcpListener::bind(address)?;
    let (mut asking, _) = listener.accept()?;
    let mut sockets = Vec::with_capacity(subscribers);
    for _ in 0..subscribers {
        sockets.push(listener.accept()?.0);
    }
    // All are there.
    asking.write_all(&[1])?;
    let (mut length, mut frame) = ([0_u8; 4], Vec::new());
    while asking.read_exact(&mut length).is_ok() {
        frame.resize(u32::from_be_bytes(length) as usize, 0);
        asking.read_exact(&mut frame)?;
        for socket in &mut sockets {
            socket.write_all(&frame)?;
        }
    }
    Ok(())
}

/// The server with its subscribers.
pub(super) struct Bare {
    pub(super) crowd: Crowd,
    asking: TcpStream,
    _server: Program,
}

impl Bare {
    /// Starts this program again, as that server.
    pub(super) async fn start(run: &Run, subscribers: usize) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let count = subscribers.to_string();
        let arguments = [Path::new("bare"), Path::new(&address), Path::new(&count)];
        let log = run.plan.folder.join("bare.log");
        let server = Program::start_with(&env::current_exe()?, &arguments, &log, &[])?;
        let mut asking = connect(&address).await?;
        let crowd = Crowd::open_bare(&address, subscribers).await?;
        asking.read_exact(&mut [0]).await?;
        Ok(Self {
            crowd,
            asking,
            _server: server,
        })
    }

    /// Has `text` sent to every subscriber.
    pub(super) async fn send(&mut self, text: &str) -> Result<()> {
        let frame = frame(text)?;
        let mut asked = u32::try_from(frame.len())?.to_be_bytes().to_vec();
        asked.extend(frame);
        self.asking.write_all(&asked).await?;
        Ok(())
    }
}

async fn connect(address: &str) -> Result<TcpStream> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Ok(stream) = TcpStream::connect(address).await {
            return Ok(stream);
        }
        sleep(Duration::from_millis(20)).await;
    }
    bail!("{address} does not answer")
}

/// A text as a server writes it.
fn frame(text: &str) -> Result<Vec<u8>> {
    let mut frame = vec![WHOLE_TEXT];
    match u8::try_from(text.len()) {
        Ok(length) if length < LONG => frame.push(length),
        _ => {
            let length = u16::try_from(text.len()).context("a short text")?;
            frame.push(LONG);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend(text.as_bytes());
    Ok(frame)
}
