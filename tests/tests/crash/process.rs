//! The process that is killed: its orders, its operations and reports, and how it is run.

use std::cell::Cell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Session};

use crate::App;

/// A line from the process: an operation that it begins, or has done.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Line {
    Ready,
    Begun(u64, Begun),
    /// The id, if the session continues.
    Done(u64, Option<String>),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Begun {
    Create(App),
    Save(App),
    Cycle(App),
    Touch,
    End,
}

/// The order of a process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) path: String,
    pub(crate) table: String,
    pub(crate) now: u64,
    pub(crate) round: u64,
    /// The ids of the sessions to continue with.
    pub(crate) ids: Vec<String>,
}

/// The environment variable with the order of a process, as JSON.
pub(crate) const ORDER: &str = "SESSION_STORE_CRASH_ORDER";

/// The test that becomes the process if it has an order; a run of the tests gives it none.
const CHILD: &str = "a_child_process_without_an_order_does_nothing";

/// Runs operations until the process is killed.
pub(crate) async fn work(
    store: &DynamoDbStore<App>,
    fresh: &Cell<u64>,
    seed: u64,
    mut sessions: Vec<Session<App>>,
) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let value = || {
        fresh.set(fresh.get() + 1);
        fresh.get()
    };
    loop {
        if sessions.len() < 2 {
            let mut app = App {
                serial: value(),
                owner: value(),
                ..App::default()
            };
            app.change(rng.u8(..), value());
            say(&Line::Begun(app.serial, Begun::Create(app.clone())));
            let session = store.create(app).await.unwrap();
            done(&session);
            sessions.push(session);
        }
        let at = rng.usize(..sessions.len());
        let session = &mut sessions[at];
        let serial = session.serial;
        match rng.u8(..17) {
            0..7 => {
                session.change(rng.u8(1..16), value());
                say(&Line::Begun(serial, Begun::Save(App::clone(session))));
                store.save(session).await.unwrap();
                done(session);
            }
            7..11 => {
                session.change(rng.u8(0..16), value());
                say(&Line::Begun(serial, Begun::Cycle(App::clone(session))));
                store.cycle_id(session).await.unwrap();
                done(session);
            }
            11 => {
                say(&Line::Begun(serial, Begun::Touch));
                store.touch(session).await.unwrap();
                done(session);
            }
            12 => {
                let id = session.id().clone();
                *session = store
                    .load(&id)
                    .await
                    .unwrap()
                    .expect("a session that was not ended");
            }
            how => {
                say(&Line::Begun(serial, Begun::End));
                match how {
                    13 => store.delete(session.id()).await.unwrap(),
                    14 => assert_eq!(
                        store
                            .revoke_handle(&session.handle())
                            .await
                            .unwrap()
                            .deleted(),
                        1
                    ),
                    15 => assert_eq!(
                        store.revoke(App::SERIAL, serial).await.unwrap().deleted(),
                        1
                    ),
                    _ => {
                        let revoke = store.revoke(App::OWNER, session.owner);
                        assert_eq!(revoke.await.unwrap().deleted(), 1);
                    }
                }
                say(&Line::Done(serial, None));
                sessions.swap_remove(at);
            }
        }
    }
}

fn done(session: &Session<App>) {
    say(&Line::Done(session.serial, Some(session.id().expose())));
}

/// Prints in one write, so that a line is complete or missing.
pub(crate) fn say(line: &Line) {
    let line = format!("@{}\n", serde_json::to_string(line).unwrap());
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes())
        .and_then(|()| out.flush())
        .unwrap();
}

/// Runs the process, kills it this long after it has printed this many lines, and returns all of them.
pub(crate) fn run_and_kill(order: &Order, count: usize, after: Duration) -> Vec<Line> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", CHILD, "--nocapture"])
        .env(ORDER, serde_json::to_string(order).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let errors = child.stderr.take().unwrap();
    let errors = std::thread::spawn(move || std::io::read_to_string(errors).unwrap());
    let mut lines = Vec::new();
    let mut text = String::new();
    while lines.len() <= count {
        text.clear();
        assert_ne!(
            out.read_line(&mut text).unwrap(),
            0,
            "it ended: {}",
            errors.join().unwrap()
        );
        lines.extend(parse(&text));
    }
    // It continues to print while this waits. The pipe has enough room for that.
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    let rest = std::io::read_to_string(out).unwrap();
    lines.extend(rest.split_inclusive('\n').filter_map(parse));
    assert_eq!(
        errors.join().unwrap(),
        "",
        "it was killed, and did not end by itself"
    );
    lines
}

fn parse(line: &str) -> Option<Line> {
    // The harness prints its own lines, and may have begun the line before.
    let json = line.strip_suffix('\n')?.split_once('@')?.1;
    Some(serde_json::from_str(json).unwrap())
}
