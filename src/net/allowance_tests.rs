use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// One exchange as it counts: what arrives, and how its windows are cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// Windows that begin at multiples of their length, this long after the start.
    Fixed(Duration),
    Sliding,
    /// A bucket as large as the quota, refilled evenly.
    Bucket,
}

/// The most by which requests that arrived at these times exceed a quota.
fn excess(arrived: &[(Duration, u32)], quota: Quota, cut: Cut) -> f64 {
    let per = quota.per.as_nanos();
    let windows: Vec<f64> = match cut {
        Cut::Fixed(shift) => {
            let mut sums: BTreeMap<u128, f64> = BTreeMap::new();
            for (at, weight) in arrived {
                *sums.entry((*at + quota.per - shift).as_nanos() / per).or_default() += f64::from(*weight);
            }
            sums.into_values().collect()
        }
        Cut::Sliding => {
            let (mut first, mut sum) = (0, 0.0);
            let ends_with = |(at, weight): &(Duration, u32)| {
                sum += f64::from(*weight);
                while arrived[first].0 + quota.per <= *at {
                    sum -= f64::from(arrived[first].1);
                    first += 1;
                }
                sum
            };
            arrived.iter().map(ends_with).collect()
        }
        Cut::Bucket => {
            let (mut level, mut last) = (0.0_f64, Duration::ZERO);
            let rate = f64::from(quota.weight) / quota.per.as_secs_f64();
            let mut levels = Vec::new();
            for (at, weight) in arrived {
                level = (level - (*at - last).as_secs_f64() * rate).max(0.0) + f64::from(*weight);
                last = *at;
                levels.push(level);
            }
            levels
        }
    };
    windows.into_iter().fold(0.0, f64::max) - f64::from(quota.weight)
}

/// Sends each request as soon as it is allowed and at most `side_by_side` at once. A request arrives somewhere within its
/// latency. Returns when each arrived.
struct Sender {
    quota: Quota,
    side_by_side: usize,
}

impl Sender {
    /// `requests`: weight, the pause before it, its latency and at which part of it it arrives, in percent.
    fn send(&self, requests: &[(u32, Duration, Duration, u32)]) -> Vec<(Duration, u32)> {
        let start = Instant::now();
        let (mut allowance, mut now) = (Allowance::new(self.quota, None), start);
        // Answers to come, with their weight.
        let mut answers: Vec<(Instant, u32)> = Vec::new();
        let mut arrived = Vec::new();
        for (weight, pause, latency, part) in requests {
            let from = now + *pause;
            now = Sender::hear(&mut allowance, &mut answers, now, from);
            loop {
                let ready = if answers.len() >= self.side_by_side {
                    Ready::AfterAnAnswer
                } else {
                    allowance.ready(*weight, Lane::New, now)
                };
                let next = answers.iter().map(|(at, _)| *at).min();
                now = match ready {
                    Ready::At(at) if at <= now => break,
                    Ready::At(at) => {
                        let until = next.map_or(at, |next| next.min(at));
                        Sender::hear(&mut allowance, &mut answers, now, until)
                    }
                    Ready::AfterAnAnswer => {
                        Sender::hear(&mut allowance, &mut answers, now, next.expect("an answer is to come"))
                    }
                };
            }
            allowance.send(*weight, Lane::New, now);
            answers.push((now + *latency, *weight));
            arrived.push((now + *latency * *part / 100 - start, *weight));
        }
        arrived.sort_by_key(|(at, _)| *at);
        arrived
    }

    /// Lets time pass.
    fn hear(
        allowance: &mut Allowance,
        answers: &mut Vec<(Instant, u32)>,
        now: Instant,
        until: Instant,
    ) -> Instant {
        answers.sort_by_key(|(at, _)| *at);
        while let Some((at, weight)) = answers.first().copied().filter(|(at, _)| *at <= until) {
            allowance.answer(weight, Lane::New, at.max(now));
            answers.remove(0);
        }
        until.max(now)
    }
}

proptest! {
    #[test]
    fn no_window_of_an_exchange_holds_more_than_the_quota_however_it_is_cut(
        weight in 1_u32..3_000,
        per_secs in 1_u64..120,
        side_by_side in 1_usize..12,
        shift in 0_u64..120,
        requests in prop::collection::vec(
            (1_u32..300, prop_oneof![4 => Just(0_u64), 1 => 0_u64..90_000], 0_u64..3_000, 0_u32..=100),
            1..150,
        ),
    ) {
        let quota = Quota::per_secs(weight, per_secs);
        let ms = Duration::from_millis;
        let requests: Vec<_> = requests
            .into_iter()
            .map(|(own, pause, latency, part)| (own.min(weight), ms(pause), ms(latency), part))
            .collect();

        let arrived = Sender { quota, side_by_side }.send(&requests);

        for cut in [Cut::Fixed(Duration::from_secs(shift % per_secs)), Cut::Sliding, Cut::Bucket] {
            prop_assert!(excess(&arrived, quota, cut) < 1e-6, "{cut:?}: {}", excess(&arrived, quota, cut));
        }
    }
}

/// The quotas that exchanges have, from many small requests a minute to one a second.
const QUOTAS: [Quota; 6] = [
    Quota::per_secs(6_000, 60),
    Quota::per_secs(1_200, 60),
    Quota::per_secs(20, 2),
    Quota::per_secs(10, 1),
    Quota::per_secs(1, 1),
    Quota::per_secs(30, 60),
];

#[test]
fn what_fits_into_one_window_is_sent_at_once() {
    for quota in QUOTAS {
        let fits = (f64::from(quota.weight) * SHARE).ceil() as usize;
        let requests = vec![(1, Duration::ZERO, Duration::ZERO, 0); fits];

        let arrived = Sender { quota, side_by_side: 8 }.send(&requests);

        assert_eq!(arrived.last().map(|(at, _)| *at), Some(Duration::ZERO), "{quota:?}");
    }
}

#[test]
fn a_steady_stream_uses_more_than_ninety_five_hundredths_of_the_quota() {
    for quota in QUOTAS {
        // Twenty windows' worth.
        let count = quota.weight as usize * 20;
        let latency = quota.per / 1_000;

        let arrived = Sender { quota, side_by_side: 8 }.send(&vec![(1, Duration::ZERO, latency, 50); count]);

        let within = arrived.iter().filter(|(at, _)| *at < quota.per * 20).count();
        assert!(within * 100 >= count * 95, "{quota:?}: {within} of {count}");
        assert!(excess(&arrived, quota, Cut::Sliding) < 1e-6);
    }
}

#[test]
fn twenty_and_two_hundred_series_take_hardly_longer_than_the_limit_allows() {
    let quota = Quota::per_secs(1_200, 60);
    for series in [1_u32, 20, 200] {
        // Each wants 50 pages of weight 2 from up to as many requests at a time.
        let count = series as usize * 50;
        let side_by_side = (series as usize).min(20);
        let page = (2, Duration::ZERO, Duration::from_millis(40), 50);

        let arrived = Sender { quota, side_by_side }.send(&vec![page; count]);

        let total = f64::from(series) * 100.0;
        let windows = ((total / f64::from(quota.weight)).ceil() - 1.0) * 60.0;
        let fetching = 40e-3 * count as f64 / side_by_side as f64;
        let least = windows.max(fetching).max(40e-3);
        let took = arrived.last().unwrap().0.as_secs_f64();
        assert!(took <= least * 1.15, "{series}: {took} s of at least {least} s");
        for cut in [Cut::Fixed(Duration::from_secs(17)), Cut::Sliding, Cut::Bucket] {
            assert!(excess(&arrived, quota, cut) < 1e-6, "{series} {cut:?}");
        }
    }
}

#[test]
fn requests_per_second_spaces_requests_whatever_the_quota_allows() {
    let mut now = Instant::now();
    let started = now;
    let mut allowance = Allowance::new(Quota::per_secs(6_000, 60), Some(4.0));
    for _ in 0..5 {
        let Ready::At(at) = allowance.ready(2, Lane::New, now) else { panic!("nothing is in flight") };
        now = at;
        allowance.send(2, Lane::New, now);
        allowance.answer(2, Lane::New, now);
    }
    assert_eq!(now - started, Duration::from_secs(1));
}

#[test]
fn what_others_used_of_the_present_window_makes_us_wait_for_the_next() {
    let now = Instant::now();
    let mut allowance = Allowance::new(Quota::per_secs(6_000, 60), None);
    let left = Duration::from_secs(20);

    allowance.observe_used(100, left, now);
    assert_eq!(allowance.ready(2, Lane::New, now), Ready::At(now));
    allowance.observe_used(5_900, left, now);
    assert_eq!(allowance.ready(2, Lane::New, now), Ready::At(now + left + CLOCK_ERROR));
    assert_eq!(allowance.ready(2, Lane::Live, now), Ready::At(now));
    let next = now + left + CLOCK_ERROR;
    assert_eq!(allowance.ready(2, Lane::New, next), Ready::At(next));
}

#[test]
fn a_count_that_names_only_our_own_requests_changes_nothing() {
    let now = Instant::now();
    let mut allowance = Allowance::new(Quota::per_secs(100, 60), None);
    for used in 1..=50 {
        allowance.send(1, Lane::New, now);
        allowance.answer(1, Lane::New, now);
        allowance.observe_used(used, MINUTE, now);
    }
    assert_eq!(allowance.level(now), (50.0, 100.0));
}

#[test]
fn a_smaller_quota_holds_at_once() {
    let now = Instant::now();
    let mut allowance = Allowance::new(Quota::per_secs(6_000, 60), None);
    for _ in 0..600 {
        allowance.send(2, Lane::New, now);
        allowance.answer(2, Lane::New, now);
    }
    allowance.set_quota(Quota::per_secs(1_200, 60));
    assert_eq!(allowance.level(now), (0.0, 1_200.0));
    assert_eq!(allowance.ready(2, Lane::New, now), Ready::At(now + MINUTE));
    allowance.set_quota(Quota { weight: 0, per: Duration::ZERO });
    assert_eq!(allowance.level(now), (0.0, 1_200.0));
}

#[test]
fn sharers_together_spend_no_more_than_one_alone_and_what_all_have_spent_binds_each() {
    let now = Instant::now();
    let mut allowance = Allowance::new(Quota::per_secs(1_200, 60), None);
    allowance.share_among(3);
    let mut spent = 0;
    while allowance.ready(4, Lane::New, now) == Ready::At(now) {
        allowance.send(4, Lane::New, now);
        allowance.answer(4, Lane::New, now);
        spent += 4;
    }
    assert_eq!(spent, 388, "a third of 97 hundredths of 1 200");

    let later = now + MINUTE;
    allowance.observe_used(500, MINUTE, later);
    assert_eq!(allowance.ready(4, Lane::New, later), Ready::At(later), "there is room for all");
    allowance.observe_used(1_164, MINUTE, later);
    assert_eq!(allowance.ready(4, Lane::New, later), Ready::At(later + MINUTE + CLOCK_ERROR));
}

#[test]
fn a_request_heavier_than_its_part_of_the_quota_follows_a_silence_that_makes_up_for_it() {
    let now = Instant::now();
    let mut allowance = Allowance::new(Quota::per_secs(1, 1), None);
    allowance.share_among(3);
    assert_eq!(allowance.ready(1, Lane::New, now), Ready::At(now));
    allowance.send(1, Lane::New, now);
    assert_eq!(allowance.ready(1, Lane::New, now), Ready::AfterAnAnswer);
    allowance.answer(1, Lane::New, now);
    assert_eq!(allowance.ready(1, Lane::New, now), Ready::At(now + Duration::from_secs(3)));
}
