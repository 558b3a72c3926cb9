//! Where Redis is, from the operator's URL. Its password is in nothing that
//! this module says.

use std::fmt;
use std::time::Duration;

use ::redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use ::redis::{
    Client, ConnectionAddr, ErrorKind, IntoConnectionInfo, ProtocolVersion, RedisResult,
};

use crate::{Result, StorageError};

/// Firewalls forget connections that are silent for some minutes.
const KEEPALIVE: Duration = Duration::from_secs(60);

pub(super) struct Address(Client);

impl Address {
    /// # Errors
    /// `Refused`, with what is wrong with the URL.
    pub(super) fn parse(url: &str) -> Result<Address> {
        client(url).map(Address).map_err(|error| {
            let error = error.to_string().replace(" - InvalidClientConfig", "");
            StorageError::Refused(format!(
                "the address of Redis makes no sense ({error}); it looks like \
                 redis://USER:PASSWORD@HOST:PORT/NUMBER, or rediss:// for TLS"
            ))
        })
    }

    /// The number of the database, mostly 0.
    pub(super) fn database(&self) -> i64 {
        self.0.get_connection_info().redis_settings().db()
    }

    pub(super) fn client(&self) -> &Client {
        &self.0
    }
}

/// Host and port.
impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.0.get_connection_info().addr();
        address.fmt(out)?;
        // Whether both ends agree on this, neither can say.
        match address {
            ConnectionAddr::TcpTls { .. } => out.write_str(" over TLS"),
            _ => Ok(()),
        }
    }
}

fn client(url: &str) -> RedisResult<Client> {
    let info = url.into_connection_info()?;
    if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
        return Err((ErrorKind::InvalidClientConfig, "certificates are always verified").into());
    }
    // The older protocol: it does everything that is asked here, on every Redis.
    let settings =
        info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2).set_skip_set_lib_name();
    let tcp = TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE));
    Client::open(info.set_redis_settings(settings).set_tcp_settings(tcp))
}
