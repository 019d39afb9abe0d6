//! The catalogue beside looks that last, changes and refreshes.

use super::*;
use crate::config::{Surroundings, check};
use crate::model::{Batch, Candle, Kind};
use crate::store::{Accepted, Store, StoreSettings};

struct World {
    folder: tempfile::TempDir,
    store: Store,
    db: Database,
    config: Config,
    catalogue: Catalogue,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let (store, _) = Store::open(&layout, StoreSettings::of(7, Micros(0))).unwrap();
        std::fs::create_dir_all(layout.own()).unwrap();
        let db = Database::open(&layout.own()).await.unwrap();
        let text = "histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 60}]";
        let config = check(text, Path::new("config.yml"), &Surroundings::default()).unwrap();
        World { folder, store, db, config, catalogue: Catalogue::default() }
    }

    fn append(&self, name: &str) {
        let (writer, _) = self.store.writer(&name.parse().unwrap()).unwrap();
        let mut rows = Batch::of(Kind::Ohlc);
        rows.candles_mut().push(Candle {
            ts: Micros(0),
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: 1.0,
            quote_volume: None,
            trades: None,
        });
        writer.accept(Accepted { rows, covered: None, empty: None, derived: false }).unwrap();
        writer.flush().unwrap();
    }

    async fn names(&self) -> Vec<String> {
        let layout = Layout::new(self.folder.path());
        let known = self.catalogue.all(&layout, &self.config, &self.db).await.unwrap();
        known.iter().map(|own| own.name.clone()).collect()
    }

    /// Lets what was found be older than it is.
    async fn age(&self, by: Duration) {
        let mut looks = self.catalogue.state.lock().await;
        looks.found.iter_mut().for_each(|(at, _)| *at -= by);
    }
}

const ONE: &str = "binance/BTC-USDT/ohlc/1m";
const OTHER: &str = "binance/ETH-USDT/ohlc/1m";

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_look_that_lasts_a_reader_gets_what_was_found_before_and_later_what_it_found() {
    let world = World::new().await;
    world.append(ONE);
    assert_eq!(world.names().await, [ONE]);
    world.append(OTHER);
    let accounts = Arc::clone(&world.catalogue.accounts);
    let (lasts, ends) = std::sync::mpsc::channel::<()>();
    let (held, is_held) = std::sync::mpsc::channel();
    let looking = std::thread::spawn(move || {
        let _accounts = accounts.lock().unwrap();
        held.send(()).unwrap();
        ends.recv().unwrap();
    });
    is_held.recv().unwrap();

    world.age(GOOD_FOR * 2).await;
    let beside = world.names().await;
    lasts.send(()).unwrap();
    looking.join().unwrap();
    world.age(OLDEST).await;
    let after = world.names().await;

    assert_eq!((beside, after), (vec![ONE.to_owned()], vec![ONE.to_owned(), OTHER.to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_change_an_answer_is_of_a_look_that_began_later() {
    let world = World::new().await;
    world.append(ONE);
    assert_eq!(world.names().await, [ONE]);
    let layout = Layout::new(world.folder.path());
    {
        // A look that began before the change.
        let mut looks = world.catalogue.state.lock().await;
        world.catalogue.look(&mut looks, &layout, &world.config, &world.db);
    }
    world.catalogue.expire().await;
    world.append(OTHER);

    assert_eq!(world.names().await, [ONE, OTHER]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refreshed_is_there_for_the_first_reader() {
    let world = World::new().await;
    world.append(ONE);
    let layout = Layout::new(world.folder.path());
    world.catalogue.refresh(&layout, &world.config, &world.db).await.unwrap();

    let found = world.catalogue.state.lock().await.found_within(OLDEST);

    assert_eq!(found.unwrap().len(), 1);
}
