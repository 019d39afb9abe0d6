//! Copies of before open files were named `YYYY_open.parquet`: whatever lies on a remote under the older name is found
//! there, sent under its own, and only then removed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dccd::model::{Micros, Series};
use dccd::remote::{Bucket, Mirror, Restorer, Restoring, pending};
use dccd::store::{
    Bounds, Copied, Layout, Ledger, Links, Store, StoreSettings, period_files, scan, sha256, verify_series,
};
use dccd::telemetry::Telemetry;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::bucket::Served;
use crate::home::{HOUR, YEAR_2024, hours};

const FILES: [&str; 4] = ["2023.parquet", "2024.open.parquet", "2024.parquet", "_series.json"];

#[tokio::test]
async fn a_copy_under_an_older_name_is_sent_anew_and_only_then_removed() {
    let served = Served::new().await;
    let (tree, remote) = (Tree::older(), served.s3());
    tree.is_copied_to(&served, dccd::remote::Remote::name(&remote));
    let store = tree.store();
    let mirror = tree.mirror(&served, store.clone());
    assert_eq!(pending(&tree.ledger(), &tree.series, mirror.remote.name()).files, 3);

    let synced = mirror.sync().await;

    assert!(synced.failures.is_empty() && synced.pending_files == 0, "{synced:?}");
    assert_eq!(tree.names_on(&served), ["2023.parquet", "2024.parquet", "2024_open.parquet", "_series.json"]);
    tree.is_as_on(&served);
    assert!(tree.ledger().older_names.is_empty());
    assert_eq!(mirror.sync().await.files, 0, "once is enough");

    // The growing file continues under its own name.
    tree.take(&store, 26);
    assert_eq!(mirror.sync().await.files, 2);
    tree.is_as_on(&served);
}

#[tokio::test]
async fn an_older_copy_comes_back_whole_and_is_renamed_on_the_remote_by_the_next_sync() {
    let served = Served::new().await;
    let older = Tree::older();
    older.is_copied_to(&served, "elsewhere");
    let tree = Tree::empty();
    let store = tree.store();
    let remote: Arc<dyn dccd::remote::Remote> = Arc::new(served.s3());
    let (layout, telemetry) = (tree.layout.clone(), Telemetry::new());

    let restoring = Restoring { store: store.clone(), layout, telemetry, remote };
    let restored = restoring.restore(&tree.series).await.unwrap().unwrap();

    assert_eq!(restored.files, 3);
    assert_eq!(tree.rows(), stored(26));
    assert_eq!(verify_series(&tree.layout, &tree.series).unwrap(), []);
    let synced = tree.mirror(&served, store).sync().await;
    assert!(synced.failures.is_empty() && synced.pending_files == 0, "{synced:?}");
    assert_eq!(tree.names_on(&served), ["2023.parquet", "2024.parquet", "2024_open.parquet", "_series.json"]);
    tree.is_as_on(&served);
}

#[tokio::test]
async fn a_new_owner_begins_from_a_bucket_with_older_names_and_leaves_none() {
    let served = Served::new().await;
    let older = Tree::older();
    older.is_copied_to(&served, "elsewhere");
    let bucket = Bucket::new(Arc::new(served.s3()), older.series.clone());
    let heir = Tree::empty();
    let store = heir.store();

    let taken = bucket.take_over(1).await.unwrap();
    let folder = tempfile::tempdir_in(heir.layout.root()).unwrap();
    let from = bucket.bring_all(folder.path(), &taken).await.unwrap();
    store.inherit(&heir.series, &from).unwrap();
    let (writer, findings) = store.writer(&heir.series).unwrap();
    drop(writer);

    assert!(findings.iter().all(|finding| finding.kind == dccd::store::FindingKind::Renamed), "{findings:?}");
    assert_eq!(heir.rows(), stored(26));
    heir.publish(&bucket, &store).await;
    assert_eq!(heir.names_on(&served), ["2023.parquet", "2024.parquet", "2024_open.parquet", "_series.json"]);
    heir.is_as_on(&served);
    assert!(heir.ledger().older_names.is_empty());
    heir.take(&store, 26);
    heir.publish(&bucket, &store).await;
    heir.is_as_on(&served);
}

#[tokio::test]
async fn a_takeover_amid_the_renaming_finds_the_newer_of_both() {
    let served = Served::new().await;
    let older = Tree::older();
    older.is_copied_to(&served, "elsewhere");
    let bucket = Bucket::new(Arc::new(served.s3()), older.series.clone());
    // The owner before sent the file under its own name, with more in it, and died.
    let first = Tree::older();
    first.take(&first.store(), 26);
    let at = |name: &str| served.folder.path().join("data/fleet").join(Layout::key(&older.series)).join(name);
    fs::copy(first.file("2024_open.parquet"), at("2024_open.parquet")).unwrap();
    let heir = Tree::empty();
    let store = heir.store();

    let taken = bucket.take_over(1).await.unwrap();
    let folder = tempfile::tempdir_in(heir.layout.root()).unwrap();
    let from = bucket.bring_all(folder.path(), &taken).await.unwrap();
    store.inherit(&heir.series, &from).unwrap();
    drop(store.writer(&heir.series).unwrap());

    assert_eq!(heir.rows(), stored(27));
    heir.publish(&bucket, &store).await;
    assert_eq!(heir.names_on(&served), ["2023.parquet", "2024.parquet", "2024_open.parquet", "_series.json"]);
    heir.is_as_on(&served);
}

#[tokio::test]
async fn an_open_file_that_is_only_on_a_remote_is_brought_back_from_under_its_older_name() {
    let served = Served::new().await;
    let tree = Tree::older();
    tree.is_copied_to(&served, dccd::remote::Remote::name(&served.s3()));
    fs::remove_file(tree.file("2024.open.parquet")).unwrap();
    let store = tree.store();
    drop(store.writer(&tree.series).unwrap());
    assert!(tree.ledger().is_away("2024"));
    store.restore_with(Arc::new(Restorer {
        remotes: vec![Arc::new(served.s3())],
        telemetry: Telemetry::new(),
        runtime: Handle::current(),
        stop: CancellationToken::new(),
    }));

    let (own, series) = (store.clone(), tree.series.clone());
    tokio::task::spawn_blocking(move || {
        let (writer, _) = own.writer(&series).unwrap();
        writer.accept(hours(26, 1, 3.0)).unwrap();
        writer.flush().unwrap();
    })
    .await
    .unwrap();

    assert_eq!(tree.rows(), stored(27));
    let synced = tree.mirror(&served, store).sync().await;
    assert!(synced.failures.is_empty() && synced.pending_files == 0, "{synced:?}");
    assert_eq!(tree.names_on(&served), ["2023.parquet", "2024.parquet", "2024_open.parquet", "_series.json"]);
    tree.is_as_on(&served);
}

/// The hours of the older tree.
struct Tree {
    _folder: TempDir,
    layout: Layout,
    series: Series,
}

impl Tree {
    fn empty() -> Self {
        let folder = TempDir::new().unwrap();
        let layout = Layout::new(folder.path());
        Tree { layout, _folder: folder, series: "binance/BTC-USDT/ohlc/1h".parse().unwrap() }
    }

    fn older() -> Self {
        let tree = Tree::empty();
        let from =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/older/tree").join(Layout::key(&tree.series));
        fs::create_dir_all(tree.layout.folder(&tree.series)).unwrap();
        for name in FILES {
            fs::copy(from.join(name), tree.file(name)).unwrap();
        }
        tree
    }

    fn file(&self, name: &str) -> PathBuf {
        self.layout.folder(&self.series).join(name)
    }

    fn ledger(&self) -> Ledger {
        Ledger::read(&self.layout.ledger(&self.series), &self.series).unwrap().unwrap()
    }

    /// Every file lies in the bucket as an older program copied it, and the ledger here says that `remote` holds it.
    fn is_copied_to(&self, served: &Served, remote: &str) {
        let folder = served.folder.path().join("data/fleet").join(Layout::key(&self.series));
        fs::create_dir_all(&folder).unwrap();
        for name in FILES {
            fs::copy(self.file(name), folder.join(name)).unwrap();
        }
        let mut ledger = self.ledger();
        assert!(ledger.is_older);
        let copy = ledger.copy().to_bytes(&self.series).unwrap();
        fs::write(folder.join("_series.json"), copy).unwrap();
        for entry in ledger.files.values_mut().chain(ledger.open_files.values_mut()) {
            entry.remotes = vec![remote.to_owned()];
        }
        ledger.synced.insert(remote.to_owned(), ledger.digest(&self.series, remote).unwrap());
        ledger.write(&self.layout.ledger(&self.series), &self.series).unwrap();
    }

    fn store(&self) -> Store {
        fs::create_dir_all(self.layout.own()).unwrap();
        let bounds = Bounds { small_rows: 4, ..Bounds::default() };
        let settings =
            StoreSettings { bounds, ..StoreSettings::drawn(&self.layout, Micros(YEAR_2024), false).unwrap() };
        Store::open(&self.layout, settings).unwrap().0
    }

    fn mirror(&self, served: &Served, store: Store) -> Mirror {
        let (layout, telemetry) = (self.layout.clone(), Telemetry::new());
        Mirror { store, layout, telemetry, remote: Arc::new(served.s3()), sends_again: true }
    }

    /// Accepts and publishes one more hour.
    fn take(&self, store: &Store, hour: i64) {
        let (writer, _) = store.writer(&self.series).unwrap();
        writer.accept(hours(hour, 1, 3.0)).unwrap();
        writer.flush().unwrap();
    }

    async fn publish(&self, bucket: &Bucket, store: &Store) {
        let published = bucket.publish(&self.layout, &self.ledger(), &Links::default()).await.unwrap();
        let (remote, files, renamed) = (bucket.name(), published.verified, published.renamed);
        store.copied(&self.series, Copied { remote, files, renamed, ..Copied::default() }).unwrap();
        assert_eq!(store.merge_earlier(&self.series).unwrap().rows, 0);
    }

    /// Every stored row as (hour, close).
    fn rows(&self) -> BTreeMap<i64, f64> {
        let mut found = BTreeMap::new();
        for rows in scan(&self.layout, &self.series, None, None).unwrap() {
            for candle in rows.unwrap().candles().iter() {
                let hour = (candle.ts.0 - YEAR_2024).div_euclid(HOUR);
                assert_eq!(found.insert(hour, candle.close), None, "a row is there twice");
            }
        }
        assert_eq!(period_files(&self.layout, &self.series, "2024").unwrap().len(), 2);
        found
    }

    fn names_on(&self, served: &Served) -> Vec<String> {
        let prefix = format!("fleet/{}/", Layout::key(&self.series));
        let names = served.objects().into_keys();
        names.filter_map(|key| key.strip_prefix(&prefix).map(str::to_owned)).collect()
    }

    /// Every object is what the ledger there says, which says what is here.
    fn is_as_on(&self, served: &Served) {
        let objects = served.objects();
        let object = |name: &str| &objects[&format!("fleet/{}/{name}", Layout::key(&self.series))];
        let theirs = Ledger::decode(object("_series.json"), &self.series).unwrap();
        let ours = self.ledger();
        assert_eq!((theirs.rows(), &theirs.covered), (ours.rows(), &ours.covered));
        for (period, entry) in &theirs.files {
            assert_eq!(sha256(object(&format!("{period}.parquet"))), entry.sha256, "{period}");
        }
        for (period, entry) in &theirs.open_files {
            assert_eq!(sha256(object(&format!("{period}_open.parquet"))), entry.sha256, "{period}");
        }
    }
}

fn stored(until: i64) -> BTreeMap<i64, f64> {
    let close = |hour: i64| match hour {
        ..20 => 1.0,
        20..23 => 2.0,
        _ => 3.0,
    };
    (-20..until).map(|hour| (hour, close(hour))).collect()
}
