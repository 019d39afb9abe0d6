//! Copies in a bucket, and the ledger several processes share there.

use std::fs;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use dccd::remote::{
    Bucket, Provider, Remote, RemoteError, S3, Seal, Target, fetch, open, read, upload, verify,
};
use dccd::store::{Copied, Ledger, Links, sha256, verify_series};
use tokio::process::Command;

use crate::bucket::Served;
use crate::home::{Home, closes, hours, span};

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn what_is_put_is_found_read_listed_and_removed_also_in_parts() {
    let served = Served::new().await;
    let s3 = served.s3();
    let folder = tempfile::tempdir().unwrap();
    let keys =
        ["a/b/file.bin", "binance/ohlc/币安人生-USDT/1h/file.bin", "binance/ohlc/kPEPE-USDT/1h/file.bin"];
    for (size, key) in [0_usize, 5, (8 << 20) + 7].into_iter().zip(keys) {
        let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let (file, back) = (folder.path().join("file"), folder.path().join("back"));
        fs::write(&file, &bytes).unwrap();
        let seal = Seal { bytes: size as u64, sha256: sha256(&bytes) };

        assert!(upload(&s3, key, &file, &seal).await.unwrap(), "{size}");
        assert!(!upload(&s3, key, &file, &seal).await.unwrap(), "sent twice");
        assert_eq!(fetch(&s3, key, &back).await.unwrap(), Some(seal));
        assert_eq!(fs::read(&back).unwrap(), bytes);
        assert_eq!(s3.list("file.bin").await.unwrap(), [key]);
        s3.delete(key).await.unwrap();
        assert_eq!(s3.head(key).await.unwrap(), None);
        assert_eq!(fetch(&s3, key, &back).await.unwrap(), None);
        assert!(!back.exists(), "a file that did not come leaves nothing");
    }
}

#[tokio::test]
async fn a_file_that_is_not_what_its_ledger_says_is_not_sent_over_a_good_copy() {
    let served = Served::new().await;
    let s3 = served.s3();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"good").unwrap();
    let seal = Seal { bytes: 4, sha256: sha256(b"good") };
    upload(&s3, "key", &file, &seal).await.unwrap();
    let newer = Seal { bytes: 4, sha256: sha256(b"next") };
    fs::write(&file, b"rott").unwrap();

    let refused = upload(&s3, "key", &file, &newer).await.unwrap_err();

    assert!(matches!(refused, RemoteError::Damaged { .. }), "{refused}");
    assert_eq!(read(&s3, "key", 9).await.unwrap().as_deref(), Some(&b"good"[..]));
    assert_eq!(verify(&s3, "key", &seal).await.unwrap(), None);
    assert!(read(&s3, "key", 3).await.is_err(), "more than may be");
}

#[tokio::test]
async fn a_service_that_is_not_there_or_refuses_is_told_without_the_secret() {
    let served = Served::new().await;
    let mut environment = Served::environment();
    environment.insert("AWS_SECRET_ACCESS_KEY".into(), "wr0ngsecret".into());
    let refused = S3::with_environment(&served.target(), &environment).unwrap();
    let error = refused.head("key").await.unwrap_err();
    assert!(matches!(error, RemoteError::Refused { .. }), "{error:?}");
    assert!(!format!("{error} {error:?} {refused:?}").contains("wr0ngsecret"), "{error:?}");

    let unreachable = Target { endpoint: Some("http://127.0.0.1:9".into()), ..served.target() };
    let gone = S3::with_environment(&unreachable, &Served::environment()).unwrap();
    let error = gone.head("key").await.unwrap_err();
    assert!(matches!(error, RemoteError::Unreachable { .. }), "{error:?}");
    let off = Target { provider: Provider::S3, address: "bucket".into(), endpoint: None };
    assert!(open(&off).unwrap_err().to_string().contains("s3://bucket/prefix"));
}

#[tokio::test]
async fn sync_purge_a_late_row_and_restore_work_on_a_bucket() {
    let served = Served::new().await;
    let home = Home::with_two_years();
    let synced = dccd(&served, &home, &["sync"]).await;
    assert!(synced.contains(": 3 file(s), ") && synced.contains("nothing pending."), "{synced}");
    let key = |file: &str| format!("fleet/binance/ohlc/BTC-USDT/1h/{file}");
    assert_eq!(served.objects()[&key("2023.parquet")], fs::read(home.file("2023")).unwrap());

    dccd(&served, &home, &["purge", "--min-free-gb", "900000"]).await;
    assert!(!home.file("2023").exists() && home.file("2024").exists());
    home.late_row(Arc::new(served.s3())).await;
    let mut expected = closes(-2, 5, 1.0);
    expected.insert(-3, 5.0);
    assert_eq!(home.stored(), expected);
    dccd(&served, &home, &["sync"]).await;
    assert_eq!(served.objects()[&key("2023.parquet")], fs::read(home.file("2023")).unwrap());

    fs::remove_dir_all(home.layout.root()).unwrap();
    let restored = dccd(&served, &home, &["restore"]).await;
    assert!(restored.contains("Restored 2 file(s)"), "{restored}");
    assert_eq!(home.stored(), expected);
    assert_eq!(verify_series(&home.layout, &home.series).unwrap(), []);
}

#[tokio::test]
async fn of_two_writers_the_late_one_is_refused_and_changes_nothing() {
    let served = Served::new().await;
    let s3 = Arc::new(served.s3());
    let (first, second) = (Home::with_two_years(), Home::with_two_years());
    let bucket = Bucket::new(Arc::clone(&s3), first.series.clone());
    bucket.take_over(1).await.unwrap();
    let owned = |home: &Home, fence: u64| Ledger { fence, ..home.ledger() };
    bucket.publish(&first.layout, &owned(&first, 1), &Links::default()).await.unwrap();

    // Another takes over and publishes; the first goes on, not knowing it.
    assert_eq!(bucket.take_over(2).await.unwrap().ledger.rows(), 5);
    second.take(3, 2, 2.0);
    bucket.publish(&second.layout, &owned(&second, 2), &Links::default()).await.unwrap();
    let before = served.objects();
    first.take(3, 1, 9.0);
    let refused = bucket.publish(&first.layout, &owned(&first, 1), &Links::default()).await.unwrap_err();

    assert!(matches!(refused, RemoteError::Fenced { theirs: 2, ours: 1, .. }), "{refused}");
    assert!(matches!(bucket.take_over(1).await, Err(RemoteError::Fenced { .. })));
    assert!(matches!(bucket.commit(&owned(&first, 1)).await, Err(RemoteError::Fenced { .. })));
    assert_eq!(served.objects(), before);
}

#[tokio::test]
async fn however_two_writers_race_the_higher_fence_stands_and_no_coverage_is_lost() {
    let served = Served::new().await;
    let s3 = Arc::new(served.s3());
    let (low, high) = (Home::with_two_years(), Home::with_two_years());
    let bucket = Bucket::new(s3, low.series.clone());
    for round in 0..8_u64 {
        let (lower, higher) = (2 * round + 1, 2 * round + 2);
        let owns = |home: &Home, fence: u64| {
            let (bucket, layout, ledger) = (bucket.clone(), home.layout.clone(), home.ledger());
            async move {
                bucket.take_over(fence).await?;
                bucket.publish(&layout, &Ledger { fence, ..ledger }, &Links::default()).await.map(drop)
            }
        };
        high.take(3 + i64::try_from(round).unwrap(), 1, 2.0);
        let before = bucket.ledger().await.unwrap().map_or_else(Ledger::default, |(ledger, _)| ledger);

        let (late, winner) = tokio::join!(owns(&low, lower), owns(&high, higher));

        winner.unwrap();
        let (after, _) = bucket.ledger().await.unwrap().unwrap();
        assert_eq!(after.fence, higher);
        assert_eq!(after.restore_needed(&before), None, "round {round}");
        assert_eq!(after.restore_needed(&high.ledger()), None, "round {round}");
        let refused = late.err();
        let is_refusal = |error: &RemoteError| {
            matches!(
                error,
                RemoteError::Fenced { .. } | RemoteError::RestoreNeeded { .. } | RemoteError::Changed { .. }
            )
        };
        assert!(refused.as_ref().is_none_or(is_refusal), "{refused:?}");
        // Every file in the ledger is there, byte for byte.
        let objects = served.objects();
        for (name, entry) in after.files.iter() {
            let key = format!("fleet/binance/ohlc/BTC-USDT/1h/{name}.parquet");
            assert_eq!(sha256(&objects[&key]), entry.sha256, "{name} in round {round}");
        }
    }
}

#[tokio::test]
async fn an_owner_that_was_overtaken_by_itself_merges_and_commits() {
    let served = Served::new().await;
    let bucket = Bucket::new(Arc::new(served.s3()), Home::empty().series);
    let (old, new) = (Home::empty(), Home::empty());
    old.take(-2, 2, 1.0);
    new.take(0, 3, 1.0);
    bucket.take_over(4).await.unwrap();
    let owned = |home: &Home| Ledger { fence: 4, ..home.ledger() };

    let (olds, news) = (owned(&old), owned(&new));
    let none = Links::default();
    let (one, two) =
        tokio::join!(bucket.publish(&old.layout, &olds, &none), bucket.publish(&new.layout, &news, &none));
    one.unwrap();
    two.unwrap();

    let (after, _) = bucket.ledger().await.unwrap().unwrap();
    assert_eq!(after.files.keys().collect::<Vec<_>>(), ["2023", "2024"]);
    assert_eq!((after.rows(), after.covered.len()), (5, 1));
}

/// The steps of a new owner of a series up to its first publish.
async fn take_over(bucket: &Bucket, home: &Home, fence: u64) {
    let taken = bucket.take_over(fence).await.unwrap();
    let folder = tempfile::tempdir_in(home.layout.root().parent().unwrap()).unwrap();
    let from = bucket.bring_all(folder.path(), &taken).await.unwrap();
    home.store().inherit(&home.series, &from).unwrap();
}

#[tokio::test]
async fn a_new_owner_begins_from_the_bucket_and_rows_that_only_it_had_are_merged_without_coverage() {
    let served = Served::new().await;
    let bucket = Bucket::new(Arc::new(served.s3()), Home::empty().series);
    let (first, second) = (Home::with_two_years(), Home::empty());
    bucket.take_over(1).await.unwrap();
    bucket.publish(&first.layout, &Ledger { fence: 1, ..first.ledger() }, &Links::default()).await.unwrap();
    // Hours that the first has too, with another close, and one that it has not.
    second.take(1, 3, 7.0);

    take_over(&bucket, &second, 2).await;
    let merged = second.store().merge_earlier(&second.series).unwrap();

    let mut expected = closes(-2, 5, 1.0);
    expected.insert(3, 7.0);
    assert_eq!((second.stored(), merged.rows, merged.files), (expected, 1, 1));
    let ledger = second.ledger();
    assert_eq!(ledger.covered.iter().collect::<Vec<_>>(), [span(-2, 5)], "a late row proves nothing");
    assert_eq!(ledger.fence, 2);
    assert_eq!(verify_series(&second.layout, &second.series).unwrap(), []);
    assert_eq!(fs::read_dir(second.layout.earlier(&second.series)).unwrap().count(), 0);
    assert_eq!(second.store().merge_earlier(&second.series).unwrap().files, 0);
}

#[tokio::test]
async fn an_object_newer_than_the_ledger_is_judged_by_its_own_footer_and_a_missing_one_is_a_gap() {
    let served = Served::new().await;
    let bucket = Bucket::new(Arc::new(served.s3()), Home::empty().series);
    let (first, second) = (Home::with_two_years(), Home::empty());
    bucket.take_over(1).await.unwrap();
    bucket.publish(&first.layout, &Ledger { fence: 1, ..first.ledger() }, &Links::default()).await.unwrap();
    // Cut short after a file; and one file is gone.
    first.take(3, 1, 2.0);
    let folder = served.folder.path().join("data/fleet/binance/ohlc/BTC-USDT/1h");
    fs::copy(first.file("2024"), folder.join("2024.parquet")).unwrap();
    fs::remove_file(folder.join("2023.parquet")).unwrap();

    take_over(&bucket, &second, 2).await;
    second.open();

    let mut expected = closes(0, 3, 1.0);
    expected.insert(3, 2.0);
    assert_eq!(second.stored(), expected);
    assert_eq!(second.ledger().covered.iter().collect::<Vec<_>>(), [span(0, 4)]);
}

#[tokio::test]
async fn a_file_of_another_owner_that_no_ledger_speaks_of_is_merged_before_it_is_replaced() {
    let served = Served::new().await;
    let s3 = Arc::new(served.s3());
    let bucket = Bucket::new(Arc::clone(&s3), Home::empty().series);
    let (old, new) = (Home::with_two_years(), Home::empty());
    bucket.take_over(1).await.unwrap();
    bucket.publish(&old.layout, &Ledger { fence: 1, ..old.ledger() }, &Links::default()).await.unwrap();
    take_over(&bucket, &new, 2).await;
    // A write of the old owner that was on the wire lands after that.
    old.take(3, 1, 6.0);
    let bytes = fs::read(old.file("2024")).unwrap();
    let seal = Seal { bytes: bytes.len() as u64, sha256: sha256(&bytes) };
    let key = "binance/ohlc/BTC-USDT/1h/2024.parquet";
    let (_, tag) = s3.stamp(key).await.unwrap().unwrap();
    s3.put_if(key, bytes.into(), &dccd::remote::Stamp { seal, fence: 1 }, Some(&tag)).await.unwrap();
    assert_eq!(bucket.gone(&new.ledger()).await.unwrap().len(), 1, "it is found by asking");

    new.take(5, 1, 2.0);
    let published = bucket.publish(&new.layout, &new.ledger(), &Links::default()).await.unwrap();
    assert_eq!((published.met, published.files), (1, 1));
    assert_eq!(new.store().merge_earlier(&new.series).unwrap().rows, 1);
    bucket.publish(&new.layout, &new.ledger(), &Links::default()).await.unwrap();

    let mut expected = closes(-2, 5, 1.0);
    expected.extend([(3, 6.0), (5, 2.0)]);
    assert_eq!(new.stored(), expected);
    let (after, _) = bucket.ledger().await.unwrap().unwrap();
    assert_eq!(sha256(&served.objects()[&format!("fleet/{key}")]), after.files["2024"].sha256);
    assert_eq!(after.covered.iter().collect::<Vec<_>>(), [span(-2, 5), span(5, 1)]);
}

#[tokio::test]
async fn a_purged_period_of_a_fleet_gets_a_late_row_and_the_bucket_keeps_all_its_rows() {
    let served = Served::new().await;
    let bucket = Bucket::new(Arc::new(served.s3()), Home::empty().series);
    let home = Home::with_two_years();
    bucket.take_over(1).await.unwrap();
    home.store().acquire(&home.series, 1).unwrap();
    let published = bucket.publish(&home.layout, &home.ledger(), &Links::default()).await.unwrap();
    let (files, remote) = (published.verified, bucket.name());
    home.store().copied(&home.series, Copied { remote, files, ..Copied::default() }).unwrap();
    let sha256 = home.ledger().files["2023"].sha256.clone();
    assert!(home.store().drop_copied(&home.series, "2023", &sha256).unwrap().is_some());
    assert!(!home.file("2023").exists());

    home.late_row(Arc::new(served.s3())).await;
    bucket.publish(&home.layout, &home.ledger(), &Links::default()).await.unwrap();

    let heir = Home::empty();
    take_over(&bucket, &heir, 2).await;
    heir.open();
    let mut expected = closes(-2, 5, 1.0);
    expected.insert(-3, 5.0);
    assert_eq!((heir.stored(), home.stored()), (expected.clone(), expected));
}

#[test]
fn frames_of_an_earlier_ownership_are_late_rows_without_coverage() {
    let home = Home::empty();
    home.take(0, 3, 1.0);
    let store = home.store();
    store.acquire(&home.series, 1).unwrap();
    let (writer, _) = store.writer(&home.series).unwrap();
    writer.accept(hours(2, 3, 5.0)).unwrap();
    drop((writer, store));
    // Another owner's account took the place of this one before the frames were published.
    Ledger { fence: 2, ..home.ledger() }.write(&home.layout.ledger(&home.series), &home.series).unwrap();

    home.store();

    let mut expected = closes(0, 3, 1.0);
    expected.extend(closes(3, 2, 5.0));
    assert_eq!(home.stored(), expected, "where the series is covered its rows stand");
    assert_eq!(home.ledger().covered.iter().collect::<Vec<_>>(), [span(0, 3)]);
}

async fn dccd(served: &Served, home: &Home, args: &[&str]) -> String {
    let config = served.folder.path().join("config.yml");
    let text = format!(
        "settings: {{data_path: '{}'}}\nstorage: {{remotes: [{{provider: s3, remote: 's3://data/fleet', endpoint: '{}'}}]}}\n\
         histo_jobs: [{{exchange: binance, pairs: [BTC/USDT], span: 3600}}]\n",
        home.layout.root().display(),
        served.endpoint
    );
    fs::write(&config, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd"));
    command.args(args).arg("--config").arg(&config).envs(Served::environment()).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("stuck").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    format!("{}{}", text(ended.stdout), text(ended.stderr))
}
