//! A network that a test can break: a TCP proxy before one server.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

/// How many clients may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Passes bytes between its clients and a server until it is told otherwise.
/// Its address stays the same all the time. It ends when it is dropped.
///
/// What a method says is so when it returns, for connections that are there and
/// for new ones.
pub struct Proxy {
    address: SocketAddr,
    server: String,
    network: watch::Sender<Network>,
    door: Mutex<Door>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    Works,
    Stalled,
    AnswersAreLost,
    Cut,
}

enum Door {
    /// Takes new clients.
    Open(JoinHandle<()>),
    /// Keeps the address and refuses everybody.
    Shut(TcpSocket),
}

impl Proxy {
    /// Before the server at `HOST:PORT`.
    pub async fn before(server: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let network = watch::Sender::new(Network::Works);
        let door = open(listener, server, &network);
        Proxy { address, server: server.to_owned(), network, door: Mutex::new(door) }
    }

    /// Where clients find it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All works. Connections that have lost answers are reset, since no client can
    /// make sense of what comes after a gap.
    pub async fn heal(&self) {
        self.network.send_replace(Network::Works);
        let mut door = self.door.lock().await;
        if let Door::Shut(_) = &*door {
            // The socket can't be taken out without another door in its place.
            let shut = std::mem::replace(&mut *door, Door::Open(tokio::spawn(async {})));
            let Door::Shut(socket) = shut else { unreachable!("it was shut") };
            let listener = socket.listen(BACKLOG).expect("a bound socket listens");
            *door = open(listener, &self.server, &self.network);
        }
    }

    /// Connections are taken and stay open, and not a byte moves. What is under
    /// way arrives after [`heal`](Proxy::heal).
    pub fn stall(&self) {
        self.network.send_replace(Network::Stalled);
    }

    /// Requests arrive, answers do not.
    pub fn lose_answers(&self) {
        self.network.send_replace(Network::AnswersAreLost);
    }

    /// Connections are reset, and new ones refused.
    pub async fn cut(&self) {
        let mut door = self.door.lock().await;
        if let Door::Open(accepting) = &mut *door {
            accepting.abort();
            // Only then is the listener gone.
            accepting.await.ok();
            let socket = TcpSocket::new_v4().expect("there are sockets");
            socket.set_reuseaddr(true).expect("an address can be used again");
            socket.bind(self.address).expect("a port is not taken within microseconds");
            *door = Door::Shut(socket);
        }
        self.network.send_replace(Network::Cut);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Door::Open(accepting) = self.door.get_mut() {
            accepting.abort();
        }
        self.network.send_replace(Network::Cut);
    }
}

fn open(listener: TcpListener, server: &str, network: &watch::Sender<Network>) -> Door {
    let (server, network) = (server.to_owned(), network.subscribe());
    Door::Open(tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, server.clone(), network.clone()));
        }
    }))
}

/// One connection, until one side closes it or the network resets it.
async fn serve(mut client: TcpStream, server: String, mut network: watch::Receiver<Network>) {
    // A stalled network looks the same whether there is a server behind it or not.
    if network.wait_for(|network| *network != Network::Stalled).await.is_err() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    for stream in [&client, &server] {
        stream.set_nodelay(true).ok();
    }
    let is_closed = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            closed = pass(from_client, to_server, network.clone(), false) => closed,
            closed = pass(from_server, to_client, network.clone(), true) => closed,
            _ = network.wait_for(|network| *network == Network::Cut) => false,
        }
    };
    if !is_closed {
        for stream in [&client, &server] {
            stream.set_zero_linger().ok();
        }
    }
}

/// Passes bytes one way. Answers whether the connection ended by itself.
async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut network: watch::Receiver<Network>,
    are_answers: bool,
) -> bool {
    let mut bytes = vec![0; 64 * 1024];
    let mut is_torn = false;
    loop {
        let read = tokio::select! {
            read = from.read(&mut bytes) => read,
            changed = network.changed() => match changed {
                Ok(()) if is_torn && *network.borrow() == Network::Works => return false,
                Ok(()) => continue,
                Err(_) => return false,
            },
        };
        let Ok(size @ 1..) = read else { return true };
        // What was read moves on only when something moves.
        let moves = network.wait_for(|network| *network != Network::Stalled).await;
        match moves.map(|network| *network) {
            Ok(Network::AnswersAreLost) if are_answers => is_torn = true,
            Ok(_) if is_torn => return false,
            Ok(_) => {
                if to.write_all(&bytes[..size]).await.is_err() {
                    return true;
                }
            }
            Err(_) => return false,
        }
    }
}
