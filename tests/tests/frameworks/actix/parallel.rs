//! actix-session: the effect of fifty parallel requests of one browser on each other.

use actix_web::http::StatusCode;
use futures_util::future::join_all;
use serde_json::json;

use super::{AT_ONCE, Site, bench, only_item};

#[actix_web::test]
async fn g3_parallel_changes_of_different_entries_are_all_kept() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/log-in/ferris", &None).await.cookie;
    let paths: Vec<_> = (0..AT_ONCE)
        .map(|n| format!("/set/entry-{n}/{n}"))
        .collect();
    let answers = join_all(paths.iter().map(|path| site.post(path, &cookie))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    let entries = site.get("/", &cookie).await.entries;
    for n in 0..AT_ONCE {
        assert_eq!(entries[format!("entry-{n}")], n.to_string());
    }
    assert_eq!(
        only_item(&bench).await["data"].as_m().unwrap().len(),
        AT_ONCE + 1
    );
}

#[actix_web::test]
async fn g3_one_of_parallel_changes_of_the_same_entry_is_kept() {
    let (_bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let paths: Vec<_> = (0..AT_ONCE)
        .map(|n| format!("/set/theme/{n}?together"))
        .collect();
    let answers = join_all(paths.iter().map(|path| site.post(path, &cookie))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    let theme = site.get("/", &cookie).await.entries["theme"].clone();
    assert!(theme.as_str().unwrap().parse::<usize>().unwrap() < AT_ONCE);
}

#[actix_web::test]
async fn g1_parallel_changes_do_not_undo_a_log_out() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/log-in/ferris", &None).await.cookie;
    let path = |n| match n % 2 {
        0 => format!("/set/entry-{n}/{n}?together"),
        _ => format!("/set-and-log-out/entry-{n}?together"),
    };
    let paths: Vec<_> = (0..AT_ONCE).map(path).collect();
    let answers = join_all(paths.iter().map(|path| site.post(path, &cookie))).await;
    for answer in &answers {
        // A change that comes after the end is refused, and so its response sets no cookie.
        if answer.status != StatusCode::OK {
            assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(answer.cookie, None);
        }
        let next = site.get("/", &answer.cookie).await;
        assert_eq!((next.status, next.entries), (StatusCode::OK, json!({})));
    }
    assert_eq!(site.get("/", &cookie).await.entries, json!({}));
    assert!(bench.items().await.is_empty());
}

#[actix_web::test]
async fn one_of_parallel_renewals_gets_the_session() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let log_in = || site.post("/log-in/ferris?together", &cookie);
    let answers = join_all((0..AT_ONCE).map(|_| log_in())).await;
    let mut live = 0;
    for answer in &answers {
        assert_eq!(answer.status == StatusCode::OK, answer.cookie.is_some());
        let next = site.get("/", &answer.cookie).await.entries;
        live += usize::from(next == json!({ "theme": "dark", "user_id": "ferris" }));
    }
    assert_eq!(live, 1);
    only_item(&bench).await;
}

/// Changes that come after the old session has ended are dropped; the others are in the new session.
#[actix_web::test]
async fn parallel_renewals_and_changes_leave_one_session() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let path = |n| match n % 2 {
        0 => format!("/set/entry-{n}/{n}?together"),
        _ => "/log-in/ferris?together".to_owned(),
    };
    let paths: Vec<_> = (0..AT_ONCE).map(path).collect();
    let answers = join_all(paths.iter().map(|path| site.post(path, &cookie))).await;
    for answer in &answers {
        assert_eq!(answer.status == StatusCode::OK, answer.cookie.is_some());
    }
    let left = only_item(&bench).await;
    assert_eq!(left["user_id"].as_s().unwrap(), "ferris");
    assert_eq!(
        left["data"].as_m().unwrap()["theme"].as_s().unwrap(),
        "dark"
    );
    assert_eq!(site.get("/", &cookie).await.entries, json!({}));
}
