use tokio::task::JoinSet;

use super::*;
use crate::net::Silent;

const SECOND: Duration = Duration::from_secs(1);

fn limiter(weight: u32, rate: Option<f64>) -> Arc<Limiter> {
    let quota = Quota { weight, per: Duration::from_secs(60) };
    Arc::new(Limiter::new("binance", quota, rate, Arc::new(Silent)))
}

async fn pass(limiter: &Limiter, lane: Lane) {
    drop(limiter.wait(1, lane, &CancellationToken::new()).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_keep_every_window_inside_the_quota() {
    let limiter = limiter(60, None);
    let started = Instant::now();
    let mut senders = JoinSet::new();

    for _ in 0..200 {
        let limiter = Arc::clone(&limiter);
        senders.spawn(async move {
            pass(&limiter, Lane::New).await;
            started.elapsed()
        });
    }
    let mut sent = senders.join_all().await;
    sent.sort();

    for from in &sent {
        let within = sent.iter().filter(|at| *at >= from && **at < *from + 60 * SECOND).count();
        assert!(within <= 60, "{within} from {from:?}");
    }
    assert!(sent[199] < 250 * SECOND, "{:?}", sent[199]);
}

#[tokio::test(start_paused = true)]
async fn requests_go_out_in_the_order_they_came() {
    let limiter = limiter(6_000, Some(1.0));
    let (done, mut order) = tokio::sync::mpsc::channel(8);
    let mut senders = JoinSet::new();

    for number in 0..5 {
        let (limiter, done) = (Arc::clone(&limiter), done.clone());
        senders.spawn(async move {
            pass(&limiter, Lane::New).await;
            done.send(number).await.unwrap();
        });
        tokio::task::yield_now().await;
    }
    senders.join_all().await;
    drop(done);

    let mut seen = Vec::new();
    while let Some(number) = order.recv().await {
        seen.push(number);
    }
    assert_eq!(seen, [0, 1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_out_inside_a_ban_even_one_set_while_waiting() {
    let limiter = limiter(6_000, None);
    let started = Instant::now();
    limiter.ban_until(started + 7 * SECOND);
    let stop = CancellationToken::new();

    let longer = async {
        tokio::time::sleep(5 * SECOND).await;
        limiter.ban_until(started + 120 * SECOND);
        limiter.ban_until(started + 10 * SECOND);
    };
    let (passed, ()) = tokio::join!(limiter.wait(1, Lane::New, &stop), longer);

    drop(passed.unwrap());
    assert!(started.elapsed() >= 120 * SECOND && started.elapsed() < 121 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_is_dropped_gives_its_place_back_and_takes_nothing() {
    let limiter = limiter(6_000, Some(1.0));
    let stop = CancellationToken::new();
    let started = Instant::now();
    pass(&limiter, Lane::New).await;

    let given_up = tokio::time::timeout(SECOND / 2, limiter.wait(1, Lane::New, &stop)).await;
    pass(&limiter, Lane::New).await;

    assert!(given_up.is_err());
    assert!(started.elapsed() < SECOND + SECOND / 10, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn stop_ends_the_wait() {
    let limiter = limiter(6_000, None);
    limiter.ban_until(Instant::now() + 86_400 * SECOND);
    let stop = CancellationToken::new();
    let started = Instant::now();

    let stopping = async {
        tokio::time::sleep(SECOND).await;
        stop.cancel();
    };
    let (passed, ()) = tokio::join!(limiter.wait(1, Lane::New, &stop), stopping);

    assert_eq!(passed.err(), Some(NetError::Stopped));
    assert_eq!(started.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn back_off_is_jittered_and_obeyed() {
    let limiter = limiter(6_000, None);
    let started = Instant::now();

    let wait = limiter.back_off(started);
    pass(&limiter, Lane::New).await;

    assert!(wait >= SECOND / 2 && wait <= SECOND, "{wait:?}");
    assert!(started.elapsed() >= wait);
}

/// Who passes, in turn, of these that wait together behind a ban; one passes a second.
async fn order_of(lanes: &[Lane]) -> Vec<Lane> {
    let limiter = limiter(6_000, Some(1.0));
    limiter.ban_until(Instant::now() + SECOND);
    let (done, mut order) = tokio::sync::mpsc::channel(64);
    let mut senders = JoinSet::new();
    for lane in lanes.iter().copied() {
        let (limiter, done) = (Arc::clone(&limiter), done.clone());
        senders.spawn(async move {
            pass(&limiter, lane).await;
            done.send(lane).await.unwrap();
        });
        tokio::task::yield_now().await;
    }
    senders.join_all().await;
    drop(done);
    let mut seen = Vec::new();
    while let Some(lane) = order.recv().await {
        seen.push(lane);
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn live_refills_pass_first_then_new_data_then_repairs() {
    use Lane::{Live, New, Repair};

    let seen = order_of(&[Repair, New, Live, New, Repair, Live]).await;

    assert_eq!(seen, [Live, Live, New, New, Repair, Repair]);
}

#[tokio::test(start_paused = true)]
async fn one_request_in_ten_is_a_repair_however_much_new_data_waits() {
    let lanes: Vec<Lane> = [vec![Lane::Repair; 2], vec![Lane::New; 30]].concat();

    let seen = order_of(&lanes).await;

    let repairs: Vec<usize> = (0..seen.len()).filter(|place| seen[*place] == Lane::Repair).collect();
    assert_eq!(repairs, [9, 19]);
}

#[tokio::test(start_paused = true)]
async fn repairs_leave_most_of_the_quota_and_new_data_leaves_room_for_live_refills() {
    let limiter = limiter(100, None);
    let started = Instant::now();
    let sent = |lane: Lane, count: usize| {
        let limiter = Arc::clone(&limiter);
        async move {
            for _ in 0..count {
                pass(&limiter, lane).await;
            }
        }
    };

    sent(Lane::Repair, 30).await;
    assert_eq!(started.elapsed(), Duration::ZERO);
    let another = tokio::time::timeout(30 * SECOND, sent(Lane::Repair, 1)).await;
    assert!(another.is_err(), "the share of repairs is spent");
    sent(Lane::New, 67).await;
    assert_eq!(started.elapsed(), 30 * SECOND);
    let another = tokio::time::timeout(20 * SECOND, sent(Lane::New, 1)).await;
    assert!(another.is_err(), "the rest is for live refills");
    sent(Lane::Live, 3).await;
    assert_eq!(started.elapsed(), 50 * SECOND);
    sent(Lane::New, 1).await;
    assert!(started.elapsed() >= 60 * SECOND && started.elapsed() < 61 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_request_counts_until_a_window_after_its_answer() {
    let limiter = limiter(1, None);
    let started = Instant::now();
    let stop = CancellationToken::new();
    let first = limiter.wait(1, Lane::New, &stop).await.unwrap();

    let answered = async {
        tokio::time::sleep(7 * SECOND).await;
        drop(first);
    };
    let (second, ()) = tokio::join!(limiter.wait(1, Lane::New, &stop), answered);

    drop(second.unwrap());
    assert!(started.elapsed() >= 67 * SECOND && started.elapsed() < 68 * SECOND);
}
