//! G2, G6, G7, G9 and the layout of items when the process is killed at any moment: two hundred times, a
//! process that creates, saves, touches, moves and ends sessions says what it begins and what it has
//! done, is killed, and every item must be what was said.
//!
//! The process is this test binary again. Its database is a file, or the engine of
//! `SESSION_STORE_ENDPOINT`; both survive it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use serde::{Deserialize, Serialize};
use session_store::embedded::Embedded;
use session_store::{DynamoDbStore, Session, SessionAttributes, SessionHandle, SessionId, Touch};
use session_store_tests::{Clock, Item, endpoint, on_loopback};

const KILLS: u64 = 200;
/// Between one process and the next, so that sessions reach their absolute timeout and end.
const PAUSE: u64 = 20_000;
const IDLE: u64 = 6 * 60;
const ABSOLUTE: u64 = 10 * 60;
/// How many of its operations a process has under way at once, each on sessions of its own.
const WORKERS: usize = 3;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "6m", absolute_timeout = "10m")]
struct App {
    /// One for each session, whatever its id.
    #[dynamo(attr = "serial", index)]
    serial: u64,
    /// Another one each time that it changes, so that each has a roster of its own.
    #[dynamo(attr = "owner", index(consistent))]
    owner: u64,
    fields: Fields,
    #[serde(flatten)]
    more: BTreeMap<String, u64>,
    last: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Fields(u64);

impl App {
    /// Values never seen before for some of the fields.
    fn change(&mut self, which: u8, value: u64) {
        if which & 1 != 0 {
            self.fields = Fields(value);
        }
        if which & 2 != 0 {
            self.more.insert("a".to_owned(), value);
            self.more.insert("b".to_owned(), value);
        }
        if which & 4 != 0 {
            self.last = value;
        }
        if which & 8 != 0 {
            self.owner = value;
        }
    }
}

/// A line from the process: what it is about to do, or has done.
#[derive(Debug, Serialize, Deserialize)]
enum Line {
    Ready,
    Begun(u64, Begun),
    /// The id, if the session goes on.
    Done(u64, Option<String>),
}

#[derive(Debug, Serialize, Deserialize)]
enum Begun {
    Create(App),
    Save(App),
    Cycle(App),
    Touch,
    End,
}

/// What a process is told.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    path: String,
    table: String,
    now: u64,
    round: u64,
    /// The ids of the sessions to go on with.
    ids: Vec<String>,
}

async fn open(order: &Order) -> DynamoDbStore<App> {
    let config = match endpoint() {
        Some(endpoint) => {
            on_loopback(&endpoint).http_client(aws_smithy_http_client::Builder::new().build_http())
        }
        None => Embedded::open(&order.path).await.unwrap().config(),
    };
    let clock = Clock::default();
    clock.set(order.now);
    let client = Client::from_conf(config.time_source(clock).build());
    let builder = DynamoDbStore::builder()
        .client(client)
        .table_name(&order.table);
    builder.touch(Touch::Always).build().await.unwrap()
}

const ORDER: &str = "SESSION_STORE_CRASH_ORDER";

/// The process that is killed. As a test of its own, it has no order and does nothing.
#[tokio::test]
async fn child() {
    let Ok(order) = std::env::var(ORDER) else {
        return;
    };
    let order: Order = serde_json::from_str(&order).unwrap();
    let store = open(&order).await;
    let mut sessions = Vec::new();
    for id in &order.ids {
        let id = SessionId::parse(id).unwrap();
        sessions.push(
            store
                .load(&id)
                .await
                .unwrap()
                .expect("a session that was there"),
        );
    }
    let fresh = Cell::new(order.round * 1_000_000);
    say(&Line::Ready);
    let mut shares: [Vec<_>; WORKERS] = Default::default();
    for (i, session) in sessions.into_iter().enumerate() {
        shares[i % WORKERS].push(session);
    }
    let [one, two, three] = shares;
    tokio::join!(
        work(&store, &fresh, order.round * 3, one),
        work(&store, &fresh, order.round * 3 + 1, two),
        work(&store, &fresh, order.round * 3 + 2, three),
    );
}

/// Does one thing after another until the process is killed.
async fn work(
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
                    .expect("a session that nobody ended");
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

/// In one write, which is all there or not at all.
fn say(line: &Line) {
    let line = format!("@{}\n", serde_json::to_string(line).unwrap());
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes())
        .and_then(|()| out.flush())
        .unwrap();
}

/// Runs the process, kills it this long after it has said so many lines, and returns all of them.
fn run_and_kill(order: &Order, count: usize, after: Duration) -> Vec<Line> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
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
    // It goes on to speak while it is waited for; the pipe has room for more than it can say.
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    let rest = std::io::read_to_string(out).unwrap();
    lines.extend(rest.split_inclusive('\n').filter_map(parse));
    assert_eq!(
        errors.join().unwrap(),
        "",
        "it was killed, and nothing else befell it"
    );
    lines
}

fn parse(line: &str) -> Option<Line> {
    // The harness writes its own lines, and may have begun the one before.
    let json = line.strip_suffix('\n')?.split_once('@')?.1;
    Some(serde_json::from_str(json).unwrap())
}

/// A session by what was said of it.
#[derive(Clone, Debug, PartialEq)]
struct State {
    app: App,
    version: u64,
    created: u64,
    touched: u64,
    handle: Option<SessionHandle>,
}

impl State {
    fn lives_at(&self, now: u64) -> bool {
        now < self.created + ABSOLUTE * 1000 && now < self.touched + IDLE * 1000
    }
}

#[derive(Debug)]
struct Known {
    /// As it was last acknowledged; none before it was created and after it was ended.
    state: Option<State>,
    id: Option<String>,
    /// What was begun and not done.
    begun: Option<Begun>,
    /// What an engine of its own may still make of the last request of a process that is gone.
    late: Option<State>,
}

impl Known {
    /// As it is if what was begun took place, at this time.
    fn after(&self, now: u64) -> Option<State> {
        let next = |app: &App, handle| {
            let old = self.state.clone().unwrap();
            Some(State {
                app: app.clone(),
                version: old.version + 1,
                touched: now,
                handle,
                ..old
            })
        };
        let old = self.state.clone();
        match self.begun.as_ref().unwrap() {
            Begun::Create(app) => Some(State {
                app: app.clone(),
                version: 1,
                created: now,
                touched: now,
                handle: None,
            }),
            Begun::Save(app) => next(app, old.unwrap().handle),
            Begun::Cycle(app) => next(app, None),
            Begun::Touch => old.map(|old| State {
                touched: now,
                ..old
            }),
            Begun::End => None,
        }
    }

    fn hear(&mut self, line: Line, now: u64) {
        match line {
            Line::Begun(_, begun) => assert!(self.begun.replace(begun).is_none()),
            Line::Done(_, id) => {
                self.state = self.after(now);
                self.begun = None;
                let handle = id.as_ref().map(|id| SessionId::parse(id).unwrap().handle());
                if let Some(state) = &mut self.state {
                    state.handle = handle;
                }
                self.id = id;
            }
            Line::Ready => {}
        }
    }
}

/// The session in an item, whose layout and expiry are checked.
fn read(item: &Item) -> State {
    let number = |name: &str| item[name].as_n().unwrap().parse::<u64>().unwrap();
    let mut names: Vec<_> = item.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "created_at",
            "data",
            "expires_at",
            "id",
            "owner",
            "serial",
            "touched_at",
            "version",
            "writes"
        ]
    );
    let (created, touched) = (number("created_at"), number("touched_at"));
    let idle_end = (touched + IDLE * 1000).div_ceil(1000);
    let absolute_end = (created + ABSOLUTE * 1000) / 1000;
    assert_eq!(number("expires_at"), idle_end.min(absolute_end), "{item:?}");
    let any_id = SessionId::parse(&"A".repeat(43)).unwrap();
    let session = session_store::private::decode::<App>(&any_id, item.clone(), created);
    let session = session
        .unwrap()
        .expect("a session that was live when it was created");
    assert_eq!(session.version(), number("version"));
    let app = Session::into_data(session);
    assert_eq!(number("serial"), app.serial);
    assert_eq!(number("owner"), app.owner);
    State {
        app,
        version: number("version"),
        created,
        touched,
        handle: Some(SessionHandle::parse(item["id"].as_s().unwrap()).unwrap()),
    }
}

async fn items(store: &DynamoDbStore<App>) -> Vec<Item> {
    let scan = store.client().scan().table_name(store.table_name());
    let scan = scan.consistent_read(true).send().await.unwrap();
    assert!(scan.last_evaluated_key.is_none());
    scan.items.unwrap_or_default()
}

#[derive(Debug, Default)]
struct Counts {
    acknowledged: usize,
    interrupted_and_done: usize,
    interrupted_and_not_done: usize,
}

#[tokio::test]
async fn a_process_is_killed_at_any_moment() {
    // In memory where the system has files there: what a disk would add is time alone, since the
    // system goes on when the process is killed.
    let memory = Some(Path::new("/dev/shm")).filter(|path| path.is_dir());
    let directory = memory.map_or_else(std::env::temp_dir, Path::to_owned);
    let directory = directory.join(format!("session-store-crash-{}", fastrand::u64(..)));
    std::fs::create_dir(&directory).unwrap();
    let counts = kill_many(&directory.join("sessions.db")).await;
    println!("{KILLS} kills: {counts:?}");
    assert!(counts.interrupted_and_done > 0 && counts.interrupted_and_not_done > 0);
    std::fs::remove_dir_all(directory).unwrap();
}

async fn kill_many(path: &Path) -> Counts {
    let mut order = Order {
        path: path.to_str().unwrap().to_owned(),
        table: format!("test-{}", fastrand::u64(..)),
        now: Clock::default().millis(),
        round: 0,
        ids: Vec::new(),
    };
    open(&order).await.create_table().await.unwrap();
    let mut rng = fastrand::Rng::with_seed(17);
    let mut known: BTreeMap<u64, Known> = BTreeMap::new();
    let mut counts = Counts::default();
    for round in 1..=KILLS {
        order.round = round;
        order.now += PAUSE;
        let live = known.values().filter(|known| known.state.is_some());
        order.ids = live.map(|known| known.id.clone().unwrap()).collect();
        let after = Duration::from_micros(rng.u64(..15_000));
        let lines = run_and_kill(&order, rng.usize(..12), after);
        for line in lines {
            let (Line::Begun(serial, _) | Line::Done(serial, _)) = &line else {
                continue;
            };
            counts.acknowledged += usize::from(matches!(line, Line::Done(..)));
            let new = || Known {
                state: None,
                id: None,
                begun: None,
                late: None,
            };
            known
                .entry(*serial)
                .or_insert_with(new)
                .hear(line, order.now);
        }
        if endpoint().is_some() {
            // What was sent last may still be on its way.
            std::thread::sleep(Duration::from_millis(20));
        }
        let store = open(&order).await;
        check(&store, &mut known, order.now, &mut counts).await;
        for known in known.values_mut() {
            let ending = known
                .state
                .take_if(|state| !state.lives_at(order.now + PAUSE));
            if let Some(state) = ending {
                let _ = store.revoke_handle(&state.handle.unwrap()).await.unwrap();
            }
        }
    }
    counts
}

/// G9: every session whose id anyone knows is in the roster of its owner, and none is in another's.
/// Rosters that name nobody any more are cleared away, so that the table stays small.
async fn check_rosters(
    store: &DynamoDbStore<App>,
    rosters: &[Item],
    sessions: &[Item],
    known: &BTreeMap<u64, Known>,
) {
    let mut named: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for roster in rosters {
        let owner = roster["id"]
            .as_s()
            .unwrap()
            .strip_prefix("#owner#")
            .unwrap();
        for handle in roster["m"].as_m().unwrap().keys() {
            named.entry(handle).or_default().push(owner);
        }
    }
    for item in sessions {
        let session = read(item);
        let handle = item["id"].as_s().unwrap();
        let owner = session.app.owner.to_string();
        let found = named.remove(&**handle).unwrap_or_default();
        let is_new = matches!(
            known.get(&session.app.serial).map(|known| &known.begun),
            Some(Some(Begun::Create(_)))
        );
        // What a late `create` of a process that is gone left was ended by the check before.
        let is_late = known
            .get(&session.app.serial)
            .is_some_and(|known| known.late.is_some());
        if !((is_new || is_late) && found.is_empty()) {
            assert_eq!(found, [owner], "{item:?}");
        }
    }
    let alive = |roster: &&Item| {
        let mut handles = roster["m"].as_m().unwrap().keys();
        handles.any(|handle| sessions.iter().any(|item| item["id"].as_s() == Ok(handle)))
    };
    for roster in rosters.iter().filter(|roster| !alive(roster)) {
        let delete = store.client().delete_item().table_name(store.table_name());
        delete.key("id", roster["id"].clone()).send().await.unwrap();
    }
}

/// Compares all items with all that is known, and settles what was begun.
async fn check(
    store: &DynamoDbStore<App>,
    known: &mut BTreeMap<u64, Known>,
    now: u64,
    counts: &mut Counts,
) {
    let mut found: BTreeMap<u64, State> = BTreeMap::new();
    let (rosters, sessions): (Vec<_>, Vec<_>) = items(store)
        .await
        .into_iter()
        .partition(|item| item.contains_key("m"));
    check_rosters(store, &rosters, &sessions, known).await;
    for item in sessions {
        let state = read(&item);
        let twice = found.insert(state.app.serial, state);
        assert!(twice.is_none(), "two ids are valid: {twice:?}, {item:?}");
    }
    for (serial, known) in known.iter_mut() {
        let is = found.remove(serial);
        let same = |a: &Option<State>, b: &Option<State>| match (a, b) {
            (Some(a), Some(b)) => {
                let unknown = a.handle.is_none();
                State {
                    handle: b.handle,
                    ..a.clone()
                } == *b
                    && (unknown || a.handle == b.handle)
            }
            (None, None) => true,
            _ => false,
        };
        if let Some(late) = is
            .as_ref()
            .filter(|_| known.state.is_none() && same(&known.late, &is))
        {
            let ended = store.revoke_handle(&late.handle.unwrap()).await.unwrap();
            assert_eq!(ended.deleted(), 1);
            known.late = None;
            continue;
        }
        if known.begun.is_none() {
            assert!(same(&known.state, &is), "{known:?}, and there is {is:?}");
            continue;
        }
        let after = known.after(now);
        let id_changes = matches!(known.begun, Some(Begun::Cycle(_)));
        if same(&known.state, &is) {
            counts.interrupted_and_not_done += 1;
            let puts = matches!(known.begun, Some(Begun::Create(_) | Begun::Cycle(_)));
            known.late = after.filter(|_| puts && endpoint().is_some());
        } else {
            assert!(same(&after, &is), "{known:?}, and there is {is:?}");
            counts.interrupted_and_done += 1;
            if id_changes {
                let (old, new) = (known.state.as_ref().unwrap(), is.as_ref().unwrap());
                assert_ne!(old.handle, new.handle);
            }
        }
        // On an engine of its own, what was begun may still take place; this ends the session, and
        // then a write is refused, and a put is known. A new id that nobody heard is of no use.
        let id_is_known = is.as_ref().is_some_and(|is| {
            known
                .id
                .as_ref()
                .is_some_and(|id| Some(SessionId::parse(id).unwrap().handle()) == is.handle)
        });
        known.begun = None;
        known.state = is;
        if endpoint().is_some() || !id_is_known {
            if let Some(state) = known.state.take() {
                let ended = store.revoke_handle(&state.handle.unwrap()).await.unwrap();
                assert_eq!(ended.deleted() + ended.already_gone(), 1);
            }
            known.id = None;
        }
    }
    assert!(found.is_empty(), "never intended: {found:?}");
    for known in known.values() {
        let (Some(state), Some(id)) = (&known.state, &known.id) else {
            continue;
        };
        let loaded = store.load(&SessionId::parse(id).unwrap()).await.unwrap();
        assert_eq!(*loaded.expect("a session that lives"), state.app);
    }
}
