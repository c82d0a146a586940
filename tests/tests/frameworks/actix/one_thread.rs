//! actix-session: log-ins of several requests that take turns on one thread, as all requests of a worker do.
//!
//! The framework's middleware awaits nothing between `delete` and `save`. A store of an application around
//! this one, which logs or measures, can.

use actix_session::storage::{SessionKey, SessionStore};
use actix_web::cookie::Cookie;
use actix_web::cookie::time::Duration;
use serde_json::json;
use session_store::frameworks::actix_session::ActixSessions;
use session_store_tests::Fault;
use std::collections::HashMap;

use super::{App, Site, bench, only_item, session_key};

type State = HashMap<String, String>;

/// A session of a request that is going to log in.
async fn loaded(
    sessions: &ActixSessions<App>,
    cookie: &Option<Cookie<'static>>,
) -> (SessionKey, State) {
    let key = SessionKey::try_from(session_key(cookie)).unwrap();
    let state = sessions.load(&key).await.unwrap().unwrap();
    (key, state)
}

fn set(state: &mut State, name: &str, value: &str) {
    state.insert(name.to_owned(), json!(value).to_string());
}

#[actix_web::test]
async fn two_log_ins_on_one_thread_do_not_meet() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions.clone()).await;
    let (mut log_ins, users) = (Vec::new(), ["ada", "grace", "joan"]);
    for user in users {
        let cookie = site.post(&format!("/set/of/{user}"), &None).await.cookie;
        log_ins.push(loaded(&sessions, &cookie).await);
    }
    for (key, _) in &log_ins {
        sessions.delete(key).await.unwrap();
    }
    for ((_, state), user) in log_ins.iter_mut().zip(users) {
        set(state, "user_id", user);
        let key = sessions.save(state.clone(), &Duration::HOUR).await.unwrap();
        let stored = sessions.load(&key).await.unwrap().unwrap();
        assert_eq!(stored["of"], json!(user).to_string());
        assert_eq!(stored["user_id"], json!(user).to_string());
    }
    assert_eq!(bench.items().await.len(), users.len());
}

/// Whatever happens in between, what ended is not brought back.
#[actix_web::test]
async fn g1_a_log_out_of_one_request_is_not_taken_for_the_beginning_of_a_log_in() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions.clone()).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let other = site.post("/set/theme/light", &None).await.cookie;
    let (key, state) = loaded(&sessions, &cookie).await;
    let (other, _) = loaded(&sessions, &other).await;
    assert!(site.post("/log-out", &cookie).await.cookie.is_some());
    // Another request comes in between, so that the last delete is not that of the log-out.
    sessions.delete(&other).await.unwrap();
    sessions.delete(&key).await.unwrap();
    assert!(sessions.save(state, &Duration::HOUR).await.is_err());
    assert!(bench.items().await.is_empty());
}

/// Two requests of one browser, each in a task of its own.
#[actix_web::test]
async fn of_two_log_ins_of_one_session_one_is_left() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions.clone()).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let log_in = async |sessions: ActixSessions<App>, user: &'static str, first: bool| {
        let (key, mut state) = loaded(&sessions, &cookie).await;
        set(&mut state, "user_id", user);
        (sessions, key, state, first)
    };
    let one = log_in(sessions.clone(), "ada", true).await;
    let two = log_in(sessions.clone(), "grace", false).await;
    let (begin, begun) = tokio::sync::oneshot::channel::<()>();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let first = actix_web::rt::spawn(async move {
        let (sessions, key, state, _) = one;
        sessions.delete(&key).await.unwrap();
        begin.send(()).unwrap();
        ended.await.unwrap();
        sessions.save(state, &Duration::HOUR).await.is_ok()
    });
    let second = actix_web::rt::spawn(async move {
        let (sessions, key, state, _) = two;
        begun.await.unwrap();
        sessions.delete(&key).await.unwrap();
        let saved = sessions.save(state, &Duration::HOUR).await.is_ok();
        end.send(()).unwrap();
        saved
    });
    assert!(!second.await.unwrap(), "it ended nothing");
    assert!(first.await.unwrap(), "it ended the session");
    assert_eq!(only_item(&bench).await["user_id"].as_s().unwrap(), "ada");
}

/// Through the middleware, with another log-in while the first one deletes its old session.
#[actix_web::test]
async fn a_log_in_during_another_one_is_stored() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions.clone()).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    let other = site.post("/set/theme/light", &None).await.cookie;
    let other = SessionKey::try_from(session_key(&other)).unwrap();
    let log_in = move || async move {
        let mut state = sessions.load(&other).await.unwrap().unwrap();
        set(&mut state, "user_id", "grace");
        sessions.delete(&other).await.unwrap();
        sessions.save(state, &Duration::HOUR).await.unwrap();
    };
    bench.wire.next("DeleteItem", Fault::meanwhile(log_in));
    let new = site.post("/log-in/ada", &cookie).await.cookie;
    let known = json!({ "theme": "dark", "user_id": "ada" });
    assert_eq!(site.get("/", &new).await.entries, known);
    assert_eq!(bench.items().await.len(), 2);
}
