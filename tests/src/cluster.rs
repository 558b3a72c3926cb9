//! Several daemons that share one database, one Redis and one store of files, as behind a load
//! balancer. The servers come from the environment, as `scripts/servers.sh` sets it.
//!
//! What the daemons wrote is read by [`Shared::records`], past all of them; what lies between them
//! and the servers is broken by [`Shared::ways`].

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use clipmill_storage::testing::Proxy;
use clipmill_storage::{Mongo, MongoSettings};
use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::s3::{self, S3};

/// Any two different ones will do, as long as all daemons have the same.
const SECRETS: [(&str, &str); 2] = [
    ("JWT_PUBLIC_SECRET", "the-public-secret-of-all-nodes"),
    ("JWT_PRIVATE_SECRET", "the-private-secret-of-all-nodes"),
];

/// What all daemons of a cluster share, and no other test has.
pub struct Shared {
    name: String,
    store: Store,
    config: String,
    environment: Vec<(String, String)>,
}

/// Where the daemons keep their files.
enum Store {
    Folder(TempDir),
    Bucket(S3),
}

/// Networks between some daemons and the two servers, which a test can break.
pub struct Ways {
    /// To MongoDB.
    pub mongodb: Proxy,
    /// To Redis.
    pub redis: Proxy,
}

/// Where a server is.
///
/// # Panics
/// When it is not known: a suite that skips itself proves nothing.
pub fn server(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set; run the tests by scripts/servers.sh"))
}

impl Shared {
    /// Daemons with a folder that all of them see, and these lines of config.toml.
    pub fn with_folder(config: &str) -> Shared {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Shared::new(Store::Folder(folder), config)
    }

    /// Daemons with a bucket, and these lines of config.toml.
    pub fn with_bucket(config: &str) -> Shared {
        let s3 = S3::new();
        let config = format!("{}{config}", s3.section("cluster"));
        Shared::new(Store::Bucket(s3), &config)
    }

    fn new(store: Store, config: &str) -> Shared {
        static CLUSTERS: AtomicU32 = AtomicU32::new(0);
        let number = CLUSTERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("e{}-{number}", std::process::id());
        let mut environment: Vec<(String, String)> =
            SECRETS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        match &store {
            Store::Bucket(_) => {
                let keys = s3::WRITER.map(|(name, value)| (name.to_owned(), value.to_owned()));
                environment.extend(keys);
            }
            Store::Folder(folder) => {
                for (variable, name) in [("DOWNLOADS_DIR", "files"), ("UPLOADS_DIR", "uploads")] {
                    let folder = folder.path().join(name);
                    environment.push((variable.to_owned(), folder.display().to_string()));
                }
            }
        }
        let mongodb = database(&server("CLIPMILL_TEST_MONGODB_URI"), &name);
        environment.push(("MONGODB_URI".to_owned(), mongodb));
        environment.push(("REDIS_URI".to_owned(), server("CLIPMILL_TEST_REDIS_URI")));
        environment.push(("CLIPMILL_STORAGE_REDIS_PREFIX".to_owned(), format!("{name}:")));
        Shared { name, store, config: config.to_owned(), environment }
    }

    /// Starts one more daemon.
    pub fn daemon(&self) -> Daemon {
        self.daemon_with(&[])
    }

    /// Starts one more daemon, with other variables.
    pub fn daemon_with(&self, other: &[(&str, &str)]) -> Daemon {
        self.daemon_with_flags(&[], other)
    }

    /// The same, with flags of `clipmill serve`.
    pub fn daemon_with_flags(&self, flags: &[&str], other: &[(&str, &str)]) -> Daemon {
        let environment = self.environment_with(other);
        let environment: Vec<_> =
            environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Daemon::start_by(&self.config, flags, &environment)
    }

    /// Several daemons at once.
    pub fn daemons<const N: usize>(&self) -> [Daemon; N] {
        std::array::from_fn(|_| self.daemon())
    }

    /// Networks for daemons that are started with [`Shared::daemon_by`].
    pub async fn ways(&self) -> Ways {
        let to = |name| Proxy::before(host_of(self.variable(name)));
        let (mongodb, redis) = tokio::join!(to("MONGODB_URI"), to("REDIS_URI"));
        Ways { mongodb, redis }
    }

    /// Starts one more daemon, which reaches the servers by these networks only.
    pub fn daemon_by(&self, ways: &Ways) -> Daemon {
        self.daemon_by_with(ways, &[])
    }

    /// The same, with other variables.
    pub fn daemon_by_with(&self, ways: &Ways, other: &[(&str, &str)]) -> Daemon {
        // Or the driver would go to where the server says that it is.
        let mongodb = by_way_of(self.variable("MONGODB_URI"), ways.mongodb.address());
        let more = if mongodb.ends_with('?') { "" } else { "&" };
        let mongodb = format!("{mongodb}{more}directConnection=true");
        let redis = by_way_of(self.variable("REDIS_URI"), ways.redis.address());
        let own = [("MONGODB_URI", mongodb.as_str()), ("REDIS_URI", redis.as_str())];
        self.daemon_with(&[own.as_slice(), other].concat())
    }

    /// The records of the cluster, as they are.
    pub async fn records(&self) -> Mongo {
        let settings = MongoSettings {
            url: self.variable("MONGODB_URI").to_owned(),
            redis_url: self.variable("REDIS_URI").to_owned(),
            redis_prefix: self.variable("CLIPMILL_STORAGE_REDIS_PREFIX").to_owned(),
        };
        Mongo::open(&settings).await.expect("the servers of the tests answer")
    }

    /// The value of a variable that all daemons get.
    ///
    /// # Panics
    /// When they get no such variable.
    pub fn variable(&self, name: &str) -> &str {
        let found = self.environment.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str()).expect("a variable of the daemons")
    }

    /// The variables that a daemon of this cluster is started with, some of them replaced.
    pub fn environment_with(&self, other: &[(&str, &str)]) -> Vec<(String, String)> {
        let own =
            self.environment.iter().filter(|(own, _)| !other.iter().any(|(name, _)| name == own));
        let other = other.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        own.cloned().chain(other).collect()
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        &self.name
    }

    /// Where the finished files are on the disk, whatever the store.
    pub fn files_folder(&self) -> PathBuf {
        match &self.store {
            Store::Bucket(s3) => s3.folder().join("cluster/files"),
            Store::Folder(folder) => folder.path().join("files"),
        }
    }

    /// Names of the finished files in the store, sorted.
    pub fn files(&self) -> Vec<String> {
        self.names_in("files")
    }

    /// Names of the uploads in the store, sorted.
    pub fn uploads(&self) -> Vec<String> {
        self.names_in("uploads")
    }

    fn names_in(&self, part: &str) -> Vec<String> {
        let mut names: Vec<String> = match &self.store {
            Store::Bucket(s3) => s3.names_in(&format!("cluster/{part}")),
            Store::Folder(folder) => std::fs::read_dir(folder.path().join(part))
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .collect(),
        };
        // The mark of the store is no file of anybody.
        names.retain(|name| name != "clipmill-store.id");
        names.sort();
        names
    }

    /// The S3 service.
    ///
    /// # Panics
    /// When the cluster has a folder.
    pub fn s3(&self) -> &S3 {
        match &self.store {
            Store::Bucket(s3) => s3,
            Store::Folder(_) => panic!("this cluster keeps its files in a folder"),
        }
    }
}

/// The address of a MongoDB server with this database.
pub fn database(url: &str, name: &str) -> String {
    let (base, options) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = base.split_once("://").expect("a URL");
    let hosts = rest.split('/').next().unwrap_or(rest);
    format!("{scheme}://{hosts}/{name}?{options}")
}

/// Where the one host of a URL is, from and to.
fn host_in(url: &str) -> (usize, usize) {
    let begin = url.find("://").expect("a URL") + 3;
    let end = url[begin..].find(['/', '?']).map_or(url.len(), |at| begin + at);
    let begin = url[begin..end].rfind('@').map_or(begin, |at| begin + at + 1);
    (begin, end)
}

fn host_of(url: &str) -> &str {
    let (begin, end) = host_in(url);
    &url[begin..end]
}

/// The same server at another address.
pub fn by_way_of(url: &str, address: SocketAddr) -> String {
    let (begin, end) = host_in(url);
    format!("{}{address}{}", &url[..begin], &url[end..])
}
