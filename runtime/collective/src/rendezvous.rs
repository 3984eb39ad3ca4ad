//! Where processes meet.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::str::FromStr;
use std::time::{Duration, Instant};

/// How long a name that is not known yet is left alone: a cluster names its machines while they start.
const AGAIN: Duration = Duration::from_millis(500);

/// The address of a meeting: a host and a port, as `10.0.0.7:29500` or `trainer-0.trainer:29500`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendezvous {
    /// A name or an address.
    pub host: String,
    /// The port; for rank 0 it may be 0, a free one.
    pub port: u16,
    /// Whether the starter of the processes holds the store, as `torchrun` does; else rank 0 does.
    pub is_held: bool,
    /// What keys in the store begin with: attempts of one job keep out of each other's way.
    pub prefix: String,
}

impl Rendezvous {
    /// A meeting at a store of rank 0's.
    pub fn at(host: &str, port: u16) -> Self {
        Rendezvous { host: host.to_owned(), port, is_held: false, prefix: "mlsys".to_owned() }
    }

    /// A socket on the address, as soon as its name is known. Of an address of this machine's own loopback it listens there alone; of others
    /// on all, since the name of a service need not be an address of this machine.
    pub(crate) fn bind(&self, timeout: Duration) -> Result<TcpListener, String> {
        let began = Instant::now();
        let resolved = loop {
            match self.resolve() {
                Ok(resolved) => break resolved,
                Err(reason) if began.elapsed() >= timeout => return Err(reason),
                Err(_) => std::thread::sleep(AGAIN),
            }
        };
        let address = match resolved.ip() {
            ip if ip.is_loopback() => ip,
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        TcpListener::bind((address, self.port)).map_err(|error| error.to_string())
    }

    /// The address of this machine from which the meeting is reached. Nothing is sent for it.
    pub(crate) fn own_address(&self) -> Result<IpAddr, String> {
        let there = self.resolve()?;
        let any: IpAddr = if there.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0)).map_err(|error| error.to_string())?;
        // Any port will do to ask for the way.
        socket.connect((there.ip(), self.port.max(1))).map_err(|error| error.to_string())?;
        Ok(socket.local_addr().map_err(|error| error.to_string())?.ip())
    }

    fn resolve(&self) -> Result<SocketAddr, String> {
        let found = (self.host.as_str(), self.port).to_socket_addrs().map_err(|error| error.to_string())?;
        let found: Vec<SocketAddr> = found.collect();
        // Where a name has both, the older one is what every network has.
        let older = found.iter().find(|address| address.is_ipv4());
        older.or(found.first()).copied().ok_or_else(|| "the name has no address".to_owned())
    }
}

impl FromStr for Rendezvous {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no host and port: write it like `10.0.0.7:29500`");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() || host.chars().any(char::is_whitespace) { Err(wrong()) } else { Ok(Self::at(host, port)) }
    }
}

impl fmt::Display for Rendezvous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Rendezvous;

    #[test]
    fn addresses_are_read_and_written() {
        for text in ["127.0.0.1:29500", "trainer-0.trainer:1", "[::1]:0"] {
            assert_eq!(text.parse::<Rendezvous>().unwrap().to_string(), text);
        }
        for text in ["", "host", ":1", "host:", "host:70000", "a b:1", "host:-1"] {
            assert!(text.parse::<Rendezvous>().unwrap_err().contains("host and port"), "{text}");
        }
    }

    #[test]
    fn loopback_stays_on_this_machine() {
        let here = Rendezvous::at("127.0.0.1", 0);
        assert!(here.bind(Duration::ZERO).unwrap().local_addr().unwrap().ip().is_loopback());
        assert!(here.own_address().unwrap().is_loopback());
        let nowhere = Rendezvous::at("no-such-host.invalid", 1);
        assert!(nowhere.bind(Duration::from_millis(1)).is_err() && nowhere.own_address().is_err());
    }
}
