//! Start and stop of a party in process, with a new database on disk.
//!
//! The runtime has one thread, so that tasks run in the same order each time. SQLite has a thread
//! for each connection all the same; their waits are probably the noise that remains.

use std::path::{Path, PathBuf};

use ambient::Ambient;
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use crate::{Context, Repetition, Result};

fn ambient() -> Ambient {
    Ambient::simulated(Timestamp::UNIX_EPOCH, 22)
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// Names of new database files.
struct Databases {
    folder: PathBuf,
    next: u32,
}

impl Databases {
    fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            next: 0,
        }
    }

    fn url(&mut self) -> String {
        self.next += 1;
        let path = self.folder.join(format!("{:08}.db", self.next));
        format!("sqlite://{}?mode=rwc", path.display())
    }
}

/// The portal.
pub(crate) fn portal(context: Context<'_>) -> Result<Repetition> {
    let runtime = runtime()?;
    let mut databases = Databases::new(context.folder);
    let config = sp::Config {
        durable: false,
        // Otherwise the portal reads the DNS configuration of the machine. It asks this server
        // nothing.
        dns_servers: vec![([127, 0, 0, 1], 9).into()],
        signing_key: Some(sp::KeyMaterial {
            private_key: context.key.private_key,
            certificate: context.key.certificate,
        }),
        ..sp::Config::default()
    };
    Ok(Box::new(move || {
        let config = sp::Config {
            database_url: databases.url(),
            ..config.clone()
        };
        runtime.block_on(async {
            let portal = sp::start(config, ambient()).await?;
            // Its tasks begin to run before it is stopped.
            tokio::task::yield_now().await;
            portal.shutdown().await;
            Ok(())
        })
    }))
}

/// The identity provider.
pub(crate) fn idp(context: Context<'_>) -> Result<Repetition> {
    let runtime = runtime()?;
    let mut databases = Databases::new(context.folder);
    let config = mock_idp::Config {
        durable: false,
        signing_key: Some(mock_idp::KeyMaterial {
            private_key: context.key.private_key,
            certificate: context.key.certificate,
        }),
        ..mock_idp::Config::default()
    };
    Ok(Box::new(move || {
        let config = mock_idp::Config {
            database_url: databases.url(),
            ..config.clone()
        };
        runtime.block_on(async {
            let idp = mock_idp::start(config, ambient()).await?;
            tokio::task::yield_now().await;
            idp.shutdown().await;
            Ok(())
        })
    }))
}
