use super::*;
use crate::exchange::live::address::Channel;
use crate::exchange::live::topics::places;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn asking(topics_per_message: usize) -> Asking {
    Asking::new(&LineLimits { topics_per_message, ..LineLimits::USUAL })
}

fn address(symbol: &str) -> Address {
    Address { symbol: symbol.to_owned(), channel: Channel::Trades }
}

/// The topics of the next message, and its number.
fn turn(asking: &mut Asking, now: u64) -> Option<(u64, Vec<Place>)> {
    match asking.turn(secs(now), |_| Some(address("any")), |_, _| true)? {
        (request, Turn::Want(places)) => Some((request, places)),
        (_, Turn::Leave(left)) => panic!("nothing was left: {left:?}"),
    }
}

#[test]
fn topics_are_asked_for_in_messages_of_as_many_as_the_exchange_takes() {
    let mut asking = asking(3);
    let all = places(5);
    all.iter().for_each(|place| asking.want(*place));
    assert_eq!(turn(&mut asking, 0), Some((1, all[..3].to_vec())));
    assert_eq!(turn(&mut asking, 0), Some((2, all[3..].to_vec())));
    assert_eq!(turn(&mut asking, 0), None);
    assert_eq!(asking.answered_all(1), all[..3]);
    assert_eq!(asking.answered_all(1), [], "it is answered once");
}

#[test]
fn only_topics_that_fit_one_another_stand_in_one_message_and_those_that_do_not_follow() {
    let mut asking = asking(9);
    let all = places(4);
    all.iter().for_each(|place| asking.want(*place));
    let name = |place: Place| Some(address(if place == all[0] || place == all[3] { "a" } else { "b" }));
    let mut next = || asking.turn(secs(0), name, |one, other| one.symbol == other.symbol);
    assert_eq!(next(), Some((1, Turn::Want(vec![all[0], all[3]]))));
    assert_eq!(next(), Some((2, Turn::Want(vec![all[1], all[2]]))));
}

#[test]
fn one_bad_topic_among_many_is_found_by_halves_and_the_others_are_granted() {
    let mut asking = asking(100);
    let all = places(200);
    all.iter().for_each(|place| asking.want(*place));
    let (bad, mut granted, mut messages) = (all[137], 0, 0);
    while let Some((request, topics)) = turn(&mut asking, 0) {
        messages += 1;
        if !topics.contains(&bad) {
            granted += asking.answered_all(request).len();
            continue;
        }
        match asking.refused(Some(request), |_| false, true) {
            Refused::Several => assert!(topics.len() > 1),
            refused => assert_eq!((refused, topics), (Refused::Topic(bad), vec![bad])),
        }
    }
    assert_eq!(granted, 199);
    assert!(messages < 30, "{messages} messages");
}

#[test]
fn a_refusal_that_names_its_topic_costs_that_topic_and_the_rest_of_a_refused_message_is_asked_again() {
    let mut asking = asking(100);
    let all = places(5);
    all.iter().for_each(|place| asking.want(*place));
    turn(&mut asking, 0);
    assert_eq!(asking.refused(None, |place| place == all[2], true), Refused::Topic(all[2]));
    let others = [0, 1, 3, 4].map(|index| all[index]);
    assert_eq!(turn(&mut asking, 0), Some((2, others.to_vec())));
    assert_eq!(asking.refused(None, |place| place == all[4], false), Refused::Topic(all[4]));
    assert_eq!(turn(&mut asking, 0), None, "the others of the message are answered one by one");
    assert_eq!(asking.answered_all(2), others[..3]);
    assert_eq!(asking.refused(None, |_| false, true), Refused::Nothing);
}

#[test]
fn what_is_not_answered_in_time_is_asked_for_again_and_given_up_in_the_end() {
    let mut asking = asking(100);
    let all = places(2);
    all.iter().for_each(|place| asking.want(*place));
    for round in 0..MOST_TRIES {
        let sent = u64::from(round) * 10;
        assert_eq!(turn(&mut asking, sent).unwrap().1, all);
        assert_eq!(asking.deadline(), Some(secs(sent + 10)));
        assert_eq!(asking.overdue(secs(sent + 9)), Overdue::default());
        let overdue = asking.overdue(secs(sent + 10));
        assert_eq!(overdue, Overdue { topics: all.clone(), is_hopeless: round + 1 == MOST_TRIES });
    }
}

#[test]
fn a_topic_that_is_left_is_given_back_only_where_it_was_asked_for_and_before_it_is_asked_for_anew() {
    let mut asking = asking(100);
    let all = places(2);
    all.iter().for_each(|place| asking.want(*place));
    asking.leave(all[1], address("unasked"));
    assert_eq!(turn(&mut asking, 0), Some((1, vec![all[0]])));
    asking.leave(all[0], address("asked"));
    asking.want(all[0]);
    let next = asking.turn(secs(0), |_| Some(address("any")), |_, _| true);
    assert_eq!(next, Some((2, Turn::Leave(vec![address("asked")]))));
    assert_eq!(turn(&mut asking, 0), Some((3, vec![all[0]])));
    assert_eq!(asking.answered_all(1), [], "it was left before it was answered");
}
