//! A session as the process reported it, compared with its item.

use session_store::{Session, SessionHandle, SessionId};
use session_store_tests::Item;

use crate::process::{Begun, Line};
use crate::{ABSOLUTE, App, IDLE};

/// A session as the process reported it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) app: App,
    pub(crate) version: u64,
    pub(crate) created: u64,
    pub(crate) touched: u64,
    pub(crate) handle: Option<SessionHandle>,
}

impl State {
    pub(crate) fn lives_at(&self, now: u64) -> bool {
        now < self.created + ABSOLUTE * 1000 && now < self.touched + IDLE * 1000
    }
}

#[derive(Debug)]
pub(crate) struct Known {
    /// The last acknowledged state; `None` before the session is created and after it has ended.
    pub(crate) state: Option<State>,
    pub(crate) id: Option<String>,
    /// The operation that has begun and is not done.
    pub(crate) begun: Option<Begun>,
    /// The state that an engine in another process may still make of the last request of a killed process.
    pub(crate) late: Option<State>,
}

impl Known {
    /// The state after the operation that has begun, if it took place at this time.
    pub(crate) fn after(&self, now: u64) -> Option<State> {
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

    pub(crate) fn hear(&mut self, line: Line, now: u64) {
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
pub(crate) fn read(item: &Item) -> State {
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
            "owner-roster",
            "serial",
            "session_type",
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
