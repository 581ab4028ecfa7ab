//! The peer: a bare tonic server with mutual TLS and its default settings that acks each report at once,
//! without journal, state or judgement. It runs as a process of its own so that its processor time is its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tenken_proto::wire;
use tenken_proto::wire::reporting_server::{Reporting, ReportingServer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use harness::client::Identity;

/// A running peer and what a client needs for it.
pub(crate) struct Echo {
    pub child: Child,
    pub address: SocketAddr,
    pub roots: Arc<RootCertStore>,
    pub identity: Identity,
}

impl Echo {
    pub(crate) fn start() -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        let mut ca = CertificateParams::new(Vec::<String>::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
        let leaf = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let key = KeyPair::generate().unwrap();
            (CertificateParams::new(names).unwrap().signed_by(&key, &ca).unwrap(), key)
        };
        let (server, server_key) = leaf(&["localhost"]);
        let (client, client_key) = leaf(&[]);
        std::fs::write(folder.path().join("ca.der"), ca.der()).unwrap();
        std::fs::write(folder.path().join("server.der"), server.der()).unwrap();
        std::fs::write(folder.path().join("server.key"), server_key.serialize_der()).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("echo-peer")
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(ca.der().clone()).unwrap();
        let key = PrivateKeyDer::try_from(client_key.serialize_der()).unwrap();
        Self {
            child,
            address: line.trim().parse().expect("the peer prints its address"),
            roots: Arc::new(roots),
            identity: Identity { chain: vec![client.der().clone()], key },
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The peer's own process: FOLDER with its certificates; prints its address and serves until it is killed.
pub(crate) fn serve(args: &[&str]) {
    let folder = std::path::Path::new(args.first().expect("a folder"));
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(read("ca.der"))).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![CertificateDer::from(read("server.der"))],
            PrivateKeyDer::try_from(read("server.key")).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(listen(TlsAcceptor::from(Arc::new(config))));
}

async fn listen(acceptor: TlsAcceptor) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    std::io::stdout().flush().unwrap();
    let (ready, streams) = tokio::sync::mpsc::channel(64);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, ready) = (acceptor.clone(), ready.clone());
            tokio::spawn(async move {
                let _ = tcp.set_nodelay(true);
                if let Ok(tls) = acceptor.accept(tcp).await {
                    let _ = ready.send(Ok::<_, std::io::Error>(Io(tls))).await;
                }
            });
        }
    });
    let service = ReportingServer::new(AckAtOnce);
    let incoming = tokio_stream::wrappers::ReceiverStream::new(streams);
    tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
}

struct Io(tokio_rustls::server::TlsStream<tokio::net::TcpStream>);

impl tonic::transport::server::Connected for Io {
    type ConnectInfo = ();
    fn connect_info(&self) {}
}

impl tokio::io::AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, buf)
    }
}

impl tokio::io::AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, buf)
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}

struct AckAtOnce;

#[tonic::async_trait]
impl Reporting for AckAtOnce {
    type ReportStream = Pin<Box<dyn Stream<Item = Result<wire::Down, Status>> + Send>>;

    async fn report(&self, request: Request<Streaming<wire::Up>>) -> Result<Response<Self::ReportStream>, Status> {
        let replies = request.into_inner().filter_map(|up| {
            let down = |message| Some(Ok(wire::Down { message: Some(message) }));
            match up {
                Ok(wire::Up { message: Some(wire::up::Message::Hello(_)) }) => {
                    down(wire::down::Message::HelloReply(wire::HelloReply::default()))
                }
                Ok(wire::Up { message: Some(wire::up::Message::Report(report)) }) => {
                    down(wire::down::Message::Ack(wire::Ack {
                        epoch: report.epoch,
                        first: report.sequence,
                        sequence: report.sequence,
                    }))
                }
                Ok(_) => None,
                Err(status) => Some(Err(status)),
            }
        });
        Ok(Response::new(Box::pin(replies)))
    }
}
