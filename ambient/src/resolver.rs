//! Resolves names below `localhost` the way browsers do.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::localhost::is_localhost;

/// Resolves names with the system resolver. If it does not find a name below `localhost`,
/// resolves that name to 127.0.0.1 (RFC 6761 §6.3), as browsers do and Debian's resolver does
/// not. The system resolver comes first because in a container network such a name can belong
/// to another container.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalhostResolver;

impl Resolve for LocalhostResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        Box::pin(async move {
            match tokio::net::lookup_host((name.as_str(), 0)).await {
                Ok(found) => Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs),
                Err(_) if is_localhost(name.strip_suffix('.').unwrap_or(&name)) => {
                    let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
                    Ok(Box::new(std::iter::once(loopback)) as Addrs)
                }
                Err(error) => Err(error.into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_below_localhost_is_this_machine() {
        for name in ["portal.rehearsal.localhost", "Portal.LOCALHOST."] {
            let found = LocalhostResolver.resolve(name.parse().unwrap()).await;
            let found: Vec<_> = found.unwrap().collect();
            assert!(found.iter().all(|it| it.ip().is_loopback()), "{found:?}");
            assert!(!found.is_empty(), "{name}");
        }
        let other = LocalhostResolver.resolve("localhost.invalid".parse().unwrap());
        assert!(other.await.is_err());
    }
}
