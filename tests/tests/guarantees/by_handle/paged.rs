//! Pages of a list for the web, and the order of a list.

use std::time::Duration;

use proptest::prelude::*;
use session_store::{
    InvalidPageToken, PageToken, SessionHandle, SessionSummary, Sessions, SessionsPage,
};
use session_store_tests::TestBench;

use super::map::App;
use super::{Account, damage, sessions, tests};

tests! {
    pages_have_each_session_once
    a_page_with_data_has_the_same_sessions
    a_session_that_cannot_be_read_is_on_its_page
    the_bounds_divide_a_list_in_two
    a_token_is_of_one_list
}

type Lists<S> = [fn(&TestBench<S>) -> Sessions<S>; 3];

fn lists<S: Account>() -> Lists<S> {
    [
        |bench| bench.store.sessions(S::USER_ID, "u-17"),
        |bench| bench.store.sessions(S::TENANT, "acme"),
        |bench| bench.store.sessions(S::COUNTRY, 977),
    ]
}

fn handles(page: &SessionsPage<SessionSummary>) -> Vec<SessionHandle> {
    page.sessions.iter().map(SessionSummary::handle).collect()
}

/// All pages of this size.
async fn walk<S: Account>(
    list: impl Fn() -> Sessions<S>,
    size: usize,
) -> Vec<SessionsPage<SessionSummary>> {
    let mut pages: Vec<SessionsPage<SessionSummary>> = Vec::new();
    loop {
        let list = match pages.last().map(|page| page.next.clone()) {
            None => list(),
            // As a browser sends it back.
            Some(Some(token)) => list().after(&token.to_string().parse().unwrap()).unwrap(),
            Some(None) => return pages,
        };
        pages.push(list.page(size).await.unwrap());
        assert!(pages.len() < 200, "the pages end");
    }
}

async fn pages_have_each_session_once<S: Account>() {
    let bench = TestBench::<S>::new().await;
    // Some of one millisecond, some not, and some that have expired.
    let expired = sessions(&bench, "u-17", 3).await;
    bench.clock.advance(Duration::from_secs(29 * 60));
    for of_one_moment in [1, 9, 1, 5, 1, 1] {
        bench.clock.advance(Duration::from_millis(1));
        for _ in 0..of_one_moment {
            bench.store.create(S::of("u-17")).await.unwrap();
        }
    }
    bench.clock.advance(Duration::from_secs(90));
    for list in lists::<S>() {
        for oldest_first in [false, true] {
            let list = || match oldest_first {
                false => list(&bench),
                true => list(&bench).oldest_first(),
            };
            let all = list().all().await.unwrap();
            assert_eq!(all.len(), 18);
            assert!(
                all.iter()
                    .all(|session| session.handle() != expired[0].handle())
            );
            let in_order = |(one, other): (&SessionSummary, &SessionSummary)| match oldest_first {
                false => one.created_at() >= other.created_at(),
                true => one.created_at() <= other.created_at(),
            };
            assert!(all.iter().zip(&all[1..]).all(in_order));
            for size in [1, 2, 7, 17, 18, 40] {
                let pages = walk(list, size).await;
                let walked: Vec<_> = pages.iter().flat_map(handles).collect();
                let mut once = walked.clone();
                once.sort();
                once.dedup();
                assert_eq!((walked.len(), once.len()), (18, 18), "{size}");
                assert_eq!(pages.len(), 18_usize.div_ceil(size));
                let (_, full) = pages.split_last().unwrap();
                assert!(full.iter().all(|page| page.sessions.len() == size));
            }
        }
    }
}

async fn a_page_with_data_has_the_same_sessions<S: Account>() {
    let bench = TestBench::<S>::new().await;
    sessions(&bench, "u-17", 5).await;
    for list in lists::<S>() {
        let page = list(&bench).page(3).await.unwrap();
        let with_data = list(&bench).with_data().page(3).await.unwrap();
        assert_eq!(with_data.next, page.next);
        let token = page.next.unwrap();
        let with_data = list(&bench)
            .after(&token)
            .unwrap()
            .with_data()
            .page(3)
            .await
            .unwrap();
        assert_eq!((with_data.sessions.len(), with_data.next), (2, None));
        let json = serde_json::to_value(list(&bench).page(3).await.unwrap()).unwrap();
        assert_eq!(json["next"], token.to_string());
        assert_eq!(json["sessions"].as_array().unwrap().len(), 3);
    }
}

async fn a_session_that_cannot_be_read_is_on_its_page<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let all = sessions(&bench, "u-17", 4).await;
    damage(&bench, &all[2], "touched_at").await;
    for list in lists::<S>() {
        let pages = walk(|| list(&bench), 2).await;
        assert_eq!(handles(&pages[0]), [all[3].handle(), all[2].handle()]);
        assert!(pages[0].sessions[1].is_unreadable());
        assert_eq!(handles(&pages[1]), [all[1].handle(), all[0].handle()]);
    }
}

async fn the_bounds_divide_a_list_in_two<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let all = sessions(&bench, "u-17", 6).await;
    let moment = all[2].created_at();
    for list in lists::<S>() {
        let handles = async |list: Sessions<S>| -> Vec<_> {
            let all = list.all().await.unwrap();
            all.iter().map(SessionSummary::handle).collect()
        };
        let before = handles(list(&bench).created_before(moment)).await;
        assert_eq!(before, [all[1].handle(), all[0].handle()]);
        let after = handles(list(&bench).created_after(moment).oldest_first()).await;
        let expected: Vec<_> = all[2..].iter().map(|session| session.handle()).collect();
        assert_eq!(after, expected);
        let both = list(&bench)
            .created_after(moment)
            .created_before(moment + Duration::from_millis(1));
        assert_eq!(handles(both).await, [all[2].handle()]);
        let none = list(&bench).created_after(moment).created_before(moment);
        assert!(handles(none).await.is_empty());
        // A page beyond the bounds of the next request.
        let token = list(&bench).page(1).await.unwrap().next.unwrap();
        let older = list(&bench).created_before(moment).after(&token).unwrap();
        assert_eq!(handles(older).await, before);
    }
}

async fn a_token_is_of_one_list<S: Account>() {
    let bench = TestBench::<S>::new().await;
    sessions(&bench, "u-17", 3).await;
    let token = bench
        .store
        .sessions(S::USER_ID, "u-17")
        .page(1)
        .await
        .unwrap()
        .next
        .unwrap();
    let refused = |list: Sessions<S>| list.after(&token).unwrap_err();
    let other_user = bench.store.sessions(S::USER_ID, "u-18");
    assert!(refused(other_user).to_string().starts_with("not the token"));
    refused(bench.store.sessions(S::TENANT, "acme"));
    refused(bench.store.sessions(S::TENANT, "u-17"));
    refused(bench.store.sessions(S::USER_ID, "u-17").oldest_first());
    let text = token.to_string();
    assert!(!text.contains("u-17"));
    assert_eq!(PageToken::parse(&text), Ok(token));
}

/// What was shown is on no second page, and nothing is left out, whatever happens between two pages.
#[tokio::test]
async fn sessions_come_and_go_between_two_pages() {
    let bench = TestBench::<App>::new().await;
    let mut all = sessions(&bench, "u-17", 6).await;
    for list in lists::<App>() {
        let page = list(&bench).page(2).await.unwrap();
        let shown = handles(&page);
        // The session that the token names has ended, one that comes has a new id, and another one begins.
        let ended = bench.store.revoke_handle(&shown[1]).await.unwrap();
        assert_eq!(ended.deleted(), 1);
        bench.store.cycle_id(&mut all[2]).await.unwrap();
        bench.clock.advance(Duration::from_millis(1));
        let new = bench.store.create(App::of("u-17")).await.unwrap();
        let rest = list(&bench)
            .after(&page.next.unwrap())
            .unwrap()
            .page(9)
            .await
            .unwrap();
        let expected: Vec<_> = list(&bench).all().await.unwrap();
        let expected: Vec<_> = expected.iter().map(SessionSummary::handle).collect();
        let expected: Vec<_> = expected
            .into_iter()
            .filter(|handle| *handle != new.handle() && !shown.contains(handle))
            .collect();
        assert_eq!(handles(&rest), expected);
    }
}

/// One `Query` and one `BatchGetItem`, or the roster and one `BatchGetItem`; nothing for an empty window.
#[tokio::test]
async fn a_page_costs_its_sessions_and_one_more() {
    let bench = TestBench::<App>::new().await;
    sessions(&bench, "u-17", 30).await;
    bench.wire.clear();
    bench
        .store
        .sessions(App::TENANT, "acme")
        .page(5)
        .await
        .unwrap();
    let calls = bench.wire.calls();
    assert_eq!(bench.wire.operations(), ["Query", "BatchGetItem"]);
    assert_eq!(calls[0].input["Limit"], 6);
    let keys = &calls[1].input["RequestItems"][bench.store.table_name()]["Keys"];
    assert_eq!(keys.as_array().unwrap().len(), 6);
    bench.wire.clear();
    bench
        .store
        .sessions(App::USER_ID, "u-17")
        .page(5)
        .await
        .unwrap();
    assert_eq!(bench.wire.operations(), ["BatchGetItem", "BatchGetItem"]);
    bench.wire.clear();
    let now = bench.clock.now();
    let none = bench
        .store
        .sessions(App::TENANT, "acme")
        .created_after(now)
        .created_before(now);
    assert_eq!(none.count().await.unwrap(), 0);
    assert!(bench.wire.operations().is_empty());
}

proptest! {
    #[test]
    fn any_text_is_a_token_or_refused(text in ".{0,120}") {
        if let Ok(token) = PageToken::parse(&text) {
            prop_assert_eq!(token.to_string(), text);
        }
    }

    #[test]
    fn a_damaged_token_is_refused_or_another(position in 0..71_usize, letter in "[A-Za-z0-9_-]") {
        let token = format!("AQ{}", "A".repeat(58 + 11));
        let mut damaged = token.clone();
        let position = position.min(damaged.len() - 1);
        damaged.replace_range(position..=position, &letter);
        if let Ok(read) = PageToken::parse(&damaged) {
            prop_assert_eq!(read.to_string(), damaged);
        }
    }
}

#[test]
fn a_text_that_is_no_token_says_so() {
    let refused: InvalidPageToken = "AAAA".parse::<PageToken>().unwrap_err();
    assert!(refused.to_string().contains("first page"));
    for text in ["", "AQ", &"A".repeat(1_000_000)] {
        assert!(PageToken::parse(text).is_err());
    }
}
