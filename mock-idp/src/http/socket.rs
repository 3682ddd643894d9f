//! Connections that a handler can end with a TCP reset, as a broken network does.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// The client's connection, for handlers.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    address: SocketAddr,
    broken: Arc<AtomicBool>,
}

impl Peer {
    /// Resets the connection at the next write.
    pub(crate) fn reset(&self) {
        tracing::info!(peer = %self.address, "resetting the connection: a chosen fault");
        self.broken.store(true, Ordering::Relaxed);
    }
}

/// A listener that gives handlers a [`Peer`] for each connection.
pub(crate) struct Breakable(pub TcpListener);

impl Listener for Breakable {
    type Io = Stream;
    type Addr = Peer;

    async fn accept(&mut self) -> (Stream, Peer) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        let broken = Arc::new(AtomicBool::new(false));
        let peer = Peer {
            address,
            broken: Arc::clone(&broken),
        };
        (Stream { stream, broken }, peer)
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Ok(Peer {
            address: self.0.local_addr()?,
            broken: Arc::default(),
        })
    }
}

/// A TCP stream that [`Peer::reset`] can break.
pub(crate) struct Stream {
    stream: TcpStream,
    broken: Arc<AtomicBool>,
}

impl Stream {
    fn whole(&self) -> io::Result<()> {
        if self.broken.load(Ordering::Relaxed) {
            // With a linger time of zero, closing the socket sends RST.
            self.stream.set_zero_linger()?;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
