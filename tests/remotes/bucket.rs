//! An S3 service in this process: the real protocol over a folder, with writes to one key one after the other.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use dccd::remote::{Provider, S3, Target};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A bucket named `data`, served until this is dropped.
pub(crate) struct Served {
    pub(crate) folder: TempDir,
    pub(crate) endpoint: String,
    puts: Puts,
    _serving: JoinSet<()>,
}

/// How many objects were written, by the path of each.
type Puts = Arc<Mutex<BTreeMap<String, u64>>>;

type Locks = Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>;

impl Served {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single("us", "s3cret"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        let puts = Puts::default();
        serving.spawn(serve(listener, builder.build(), Arc::clone(&puts)));
        Served { folder, endpoint, puts, _serving: serving }
    }

    pub(crate) fn target(&self) -> Target {
        let address = "s3://data/fleet".to_owned();
        Target { provider: Provider::S3, address, endpoint: Some(self.endpoint.clone()) }
    }

    pub(crate) fn environment() -> BTreeMap<String, String> {
        [("AWS_ACCESS_KEY_ID", "us"), ("AWS_SECRET_ACCESS_KEY", "s3cret")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    pub(crate) fn s3(&self) -> S3 {
        S3::with_environment(&self.target(), &Served::environment()).unwrap()
    }

    /// How many objects were written below a folder of the bucket.
    #[allow(dead_code, reason = "for the tests of the fleet")]
    pub(crate) fn puts_below(&self, folder: &str) -> u64 {
        let below = format!("/data/{folder}/");
        let puts = self.puts.lock().unwrap();
        puts.iter().filter(|(path, _)| path.starts_with(&below)).map(|(_, count)| count).sum()
    }

    /// The content of an object.
    #[allow(dead_code, reason = "for the tests of the fleet")]
    pub(crate) fn object(&self, key: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.path().join("data").join(key)).ok()
    }

    /// The content of every object, by its key.
    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let root = self.folder.path().join("data");
        let (mut objects, mut folders) = (BTreeMap::new(), vec![root.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path: PathBuf = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let key = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                    objects.insert(key, fs::read(path).unwrap());
                }
            }
        }
        objects
    }
}

async fn serve(listener: TcpListener, service: S3Service, puts: Puts) {
    let (locks, mut open) = (Locks::default(), JoinSet::new());
    while let Ok((stream, _)) = listener.accept().await {
        let (service, locks, puts) = (service.clone(), Arc::clone(&locks), Arc::clone(&puts));
        open.spawn(async move {
            let answer = service_fn(move |request: hyper::Request<Incoming>| {
                let lock = {
                    let mut locks = locks.lock().unwrap();
                    Arc::clone(locks.entry(request.uri().path().to_owned()).or_default())
                };
                let service = service.clone();
                if request.method() == hyper::Method::PUT {
                    *puts.lock().unwrap().entry(request.uri().path().to_owned()).or_default() += 1;
                }
                // Its check of a condition and the write are two steps.
                async move {
                    let _one = lock.lock().await;
                    hyper::service::Service::call(&service, request).await
                }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}
