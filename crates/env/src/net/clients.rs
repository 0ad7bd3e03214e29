//! Connections of clients: streams of bytes from programs that are no nodes.
//!
//! Deliberately absent: encryption, which belongs to the protocol spoken over them; a simulated side, since what clients
//! ask is simulated above the protocol.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
};

/// Connections that the system holds for us until we take them.
const BACKLOG: u32 = 1024;

/// Where clients connect.
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    pub(super) fn real(address: SocketAddr) -> io::Result<Listener> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart need not wait for the last run's connections to be forgotten.
        socket.set_reuseaddr(true)?;
        // Inherited by the connections: a client whose machine has died is noticed in the end.
        socket.set_keepalive(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        Ok(Listener { listener, address })
    }

    /// In use, port included.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection and where it comes from. May be called again after an error, better not at once: most likely
    /// too many files are open.
    pub async fn accept(&mut self) -> io::Result<(Stream, SocketAddr)> {
        let (stream, address) = self.listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok((Stream(stream), address))
    }
}

/// One client's connection. Closed when dropped.
pub struct Stream(TcpStream);

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn bytes_go_both_ways() {
        let mut listener = Listener::real(([127, 0, 0, 1], 0).into()).unwrap();
        let mut client = TcpStream::connect(listener.address()).await.unwrap();
        let (mut stream, address) = listener.accept().await.unwrap();
        assert_eq!(address, client.local_addr().unwrap());
        client.write_all(b"ping").await.unwrap();
        let mut received = [0; 4];
        stream.read_exact(&mut received).await.unwrap();
        stream.write_all(&received).await.unwrap();
        drop(stream);
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"ping");
    }
}
