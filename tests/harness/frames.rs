//! HTTP/2 written by hand onto a TLS connection: what no honest client sends.
//!
//! Frames as in RFC 9113 section 6, headers as in RFC 7541 appendix A without Huffman coding.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Kinds of frames.
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;
/// Flags of HEADERS.
pub const END_STREAM: u8 = 0x1;
pub const END_HEADERS: u8 = 0x4;
/// Largest payload that a peer takes unless it said otherwise.
pub const PAYLOAD_BYTES_MAX: usize = 16 * 1024;
/// What every connection begins with.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Connects from an address of this machine.
pub async fn tcp(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(to).await
}

/// Connects and shakes hands.
pub async fn dial(from: Ipv4Addr, to: SocketAddr, config: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    TlsConnector::from(config).connect(name, tcp(from, to).await?).await
}

/// One frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a payload of some KiB").to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Preface and settings: (identifier, value).
pub fn opening(settings: &[(u16, u32)]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (identifier, value) in settings {
        payload.extend_from_slice(&identifier.to_be_bytes());
        payload.extend_from_slice(&value.to_be_bytes());
    }
    let mut bytes = PREFACE.to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &payload));
    bytes
}

/// The headers of a gRPC call of a method.
pub fn call_headers(path: &str) -> Vec<u8> {
    // :method POST, :scheme http, then literals: a name from the static table or in full, and a value.
    let mut block = vec![0x83, 0x86];
    let mut literal = |name: &[u8], value: &str| {
        block.extend_from_slice(name);
        block.push(u8::try_from(value.len()).expect("shorter than 127 bytes"));
        block.extend_from_slice(value.as_bytes());
    };
    literal(&[0x04], path);
    literal(&[0x01], "localhost");
    literal(&[0x0f, 0x10], "application/grpc");
    literal(b"\x00\x02te", "trailers");
    block
}

/// Opens a call on a stream; with `END_STREAM` it has no body.
pub fn call(stream: u32, path: &str, flags: u8) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, &call_headers(path))
}

/// What became of a connection that was flooded.
#[derive(Debug, Clone, Default)]
pub struct Flooded {
    /// Bytes that the other side took.
    pub sent: usize,
    /// The other side ended it.
    pub ended: bool,
    /// Its error code, when it said one (RFC 9113 section 7).
    pub goaway: Option<u32>,
    /// From the first byte until the end, or until it was given up.
    pub took: Duration,
}

/// Whether the flooding side reads what it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    Always,
    Never,
}

/// Writes chunk after chunk until an empty one, at most so many bytes, and waits at most so long for the connection's end.
pub async fn flood(
    mut tls: TlsStream<TcpStream>,
    mut chunk: impl FnMut(u32) -> Vec<u8>,
    bytes_max: usize,
    patience: Duration,
    reads: Reads,
) -> Flooded {
    let (began, mut flooded) = (Instant::now(), Flooded::default());
    if reads == Reads::Never {
        let write = write_all(&mut tls, &mut chunk, bytes_max, &mut flooded.sent);
        flooded.ended = tokio::time::timeout(patience, write).await.is_ok_and(|written| written.is_err());
        while !flooded.ended && began.elapsed() < patience {
            // An end is seen by writing: nothing is read here.
            tokio::time::sleep(Duration::from_millis(100)).await;
            let one =
                tokio::time::timeout(Duration::from_millis(100), tls.write_all(&frame(PING, 0, 0, &[0; 8]))).await;
            flooded.ended = one.is_ok_and(|written| written.is_err());
        }
        flooded.took = began.elapsed();
        return flooded;
    }
    let (mut reader, mut writer) = tokio::io::split(tls);
    let mut goaway = None;
    let both = async {
        let read = read_until_end(&mut reader, &mut goaway);
        let write = async {
            // When writing fails the other side has ended, and the reader sees it.
            drop(write_all(&mut writer, &mut chunk, bytes_max, &mut flooded.sent).await);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = read => {}
            () = write => {}
        }
    };
    flooded.ended = tokio::time::timeout(patience, both).await.is_ok();
    flooded.goaway = goaway;
    flooded.took = began.elapsed();
    flooded
}

async fn write_all(
    writer: &mut (impl tokio::io::AsyncWrite + Unpin),
    chunk: &mut impl FnMut(u32) -> Vec<u8>,
    bytes_max: usize,
    sent: &mut usize,
) -> io::Result<()> {
    let mut number = 0;
    while *sent < bytes_max {
        let bytes = chunk(number);
        if bytes.is_empty() {
            break;
        }
        writer.write_all(&bytes).await?;
        writer.flush().await?;
        *sent += bytes.len();
        number += 1;
    }
    Ok(())
}

/// Reads frames until the other side ends; remembers the code of its GOAWAY.
pub async fn read_until_end(reader: &mut (impl AsyncRead + Unpin), goaway: &mut Option<u32>) {
    let mut head = [0_u8; 9];
    while reader.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).expect("24 bits")];
        if reader.read_exact(&mut payload).await.is_err() {
            return;
        }
        if head[3] == GOAWAY
            && let Some(code) = payload.get(4..8)
        {
            *goaway = code.try_into().ok().map(u32::from_be_bytes);
        }
    }
}
