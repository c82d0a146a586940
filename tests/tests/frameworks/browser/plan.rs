//! What happens in a history, all of it from a seed, so that events can be left out.

mod of_caches;
mod text;

use fastrand::Rng;
use session_store::ReadConsistency;

use super::caches::Caches;
use super::jar::{FOREIGN, Origin};
use super::setup::Setup;
use super::shop::{Action, Pause, Way};

#[derive(Clone)]
pub(super) struct Plan {
    pub(super) browsers: usize,
    pub(super) reads: ReadConsistency,
    pub(super) setup: Setup,
    pub(super) caches: Caches,
    pub(super) events: Vec<Event>,
}

#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A browser sends a request, with the cookies of the moment.
    Send(Send),
    /// The server goes on with a request that waits.
    Resume(usize),
    /// The browser gets the response, with its cookies.
    Arrive(usize),
    /// The browser gives up: the request is dropped if it waits, or its response is lost.
    Lose(usize),
    /// Seconds.
    Wait(u64),
    /// A script on the page sets a cookie of no concern to the shop.
    Foreign(usize, usize),
    /// Another host of the domain sets a cookie of the shop's name that names no session.
    Sibling(usize, usize),
    /// The shop changes its cookie. For a while, the old hosts answer too.
    Deploy(Setup),
    /// The shop ends all sessions of a browser's user, on this host.
    Revoke(usize, usize),
    /// The shop changes all sessions of a browser's user, on this host.
    Change(usize, usize),
}

#[derive(Clone, Debug)]
pub(super) struct Send {
    pub(super) id: usize,
    pub(super) browser: usize,
    pub(super) action: Action,
    pub(super) origin: Origin,
    pub(super) way: Way,
    pub(super) pause: Option<Pause>,
    pub(super) fault: Option<(&'static str, Trouble)>,
    /// Eventual reads miss the last write.
    pub(super) is_stale: bool,
    /// A proxy sends it twice; the second response counts.
    pub(super) is_repeated: bool,
    /// It goes to a host of before the last deploy.
    pub(super) to_old_host: bool,
}

/// What requests to DynamoDB meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Throttled,
    Refused,
    /// One response is lost, and the SDK tries again.
    LostOnce,
    /// All responses are lost, so the outcome is unknown.
    Lost,
}

pub(super) const SIBLING: usize = 5;

impl Plan {
    pub(super) fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let browsers = 1 + usize::from(rng.u8(..4) == 0);
        let reads = match rng.u8(..4) {
            0 => ReadConsistency::Eventual,
            1 => ReadConsistency::ReadYourWrites,
            _ => ReadConsistency::Consistent,
        };
        let mut setup = *rng.choice(&Setup::ALL).expect("a setup");
        // Of its own, so that a seed without caches means what it did before there were any.
        let mut of_caches = Rng::with_seed(!seed);
        let caches = Caches::draw(&mut of_caches);
        if caches.any() {
            setup = *of_caches.choice(&Setup::SIGNED).expect("a setup");
        }
        let mut draw = Draw {
            rng,
            of_caches,
            caches,
            browsers,
            events: Vec::new(),
            open: Vec::new(),
            sent: 0,
        };
        for _ in 0..8 + draw.rng.usize(..10) {
            draw.event();
        }
        for browser in 0..browsers {
            draw.ends_well(browser);
        }
        Self {
            browsers,
            reads,
            setup,
            caches,
            events: draw.events,
        }
    }

    /// What it is about, without numbers.
    pub(super) fn shape(&self, property: &str) -> String {
        let text = format!("{property}: {self}");
        text.chars().filter(|char| !char.is_ascii_digit()).collect()
    }

    /// The same with fewer events, or with simpler ones.
    pub(super) fn smaller(&self) -> Vec<Self> {
        let with = |events| Self {
            events,
            ..self.clone()
        };
        let mut smaller = Vec::new();
        let count = self.events.len();
        let mut size = count / 2;
        while size > 0 {
            for from in (0..count).step_by(size).rev() {
                let mut events = self.events.clone();
                events.drain(from..(from + size).min(count));
                smaller.push(with(events));
            }
            size /= 2;
        }
        for (i, event) in self.events.iter().enumerate() {
            for simpler in event.simpler() {
                let mut events = self.events.clone();
                events[i] = simpler;
                smaller.push(with(events));
            }
        }
        if self.reads != ReadConsistency::Consistent {
            let reads = ReadConsistency::Consistent;
            smaller.push(Self {
                reads,
                ..self.clone()
            });
        }
        smaller.extend(self.caches.smaller().map(|caches| Self {
            caches,
            ..self.clone()
        }));
        for setup in [Setup::Host, Setup::Dev] {
            if self.setup == Setup::Host || self.setup == setup {
                continue;
            }
            smaller.push(Self {
                setup,
                ..self.clone()
            });
        }
        smaller
    }
}

impl Event {
    fn simpler(&self) -> Vec<Self> {
        let Self::Send(send) = self else {
            return Vec::new();
        };
        let mut simpler = Vec::new();
        let mut with = |is_simpler: bool, change: fn(&mut Send)| {
            if is_simpler {
                let mut send = send.clone();
                change(&mut send);
                simpler.push(Self::Send(send));
            }
        };
        with(send.fault.is_some(), |send| send.fault = None);
        with(send.is_stale, |send| send.is_stale = false);
        with(send.is_repeated, |send| send.is_repeated = false);
        with(send.to_old_host, |send| send.to_old_host = false);
        with(send.origin != Origin::Same, |send| {
            send.origin = Origin::Same
        });
        with(send.pause.is_some(), |send| send.pause = None);
        with(send.way != Way::Plain, |send| send.way = Way::Plain);
        let is_write = matches!(
            send.action,
            Action::Save | Action::Update | Action::Prefer | Action::Remember
        );
        with(is_write, |send| send.action = Action::Add);
        simpler
    }
}

struct Draw {
    rng: Rng,
    /// For what only histories with caches have.
    of_caches: Rng,
    caches: Caches,
    browsers: usize,
    events: Vec<Event>,
    /// The requests that have not arrived, and whether they wait at the server.
    open: Vec<(usize, bool)>,
    sent: usize,
}

impl Draw {
    fn event(&mut self) {
        let browser = self.rng.usize(..self.browsers);
        self.event_of_caches(browser);
        match self.rng.u8(..20) {
            0..=8 => self.send(browser),
            9..=14 => self.go_on(),
            15 | 16 => {
                let seconds = [1..90, 90..560, 300..900][self.rng.usize(..3)].clone();
                self.events.push(Event::Wait(self.rng.u64(seconds)));
            }
            17 => {
                let which = self.rng.usize(..FOREIGN);
                self.events.push(Event::Foreign(browser, which));
            }
            18 => {
                let which = self.rng.usize(..SIBLING);
                self.events.push(Event::Sibling(browser, which));
            }
            _ if self.rng.bool() => {
                let host = self.caches.host(&mut self.of_caches);
                self.events.push(Event::Revoke(browser, host));
            }
            _ => {
                let setup = *self.rng.choice(&Setup::ALL).expect("a setup");
                self.events.push(Event::Deploy(setup));
            }
        }
    }

    fn send(&mut self, browser: usize) {
        let user = format!("b{browser}u{}", self.rng.u8(..2));
        let action = match self.rng.u8(..14) {
            0 => Action::Read,
            1 => Action::Prefer,
            2 | 3 => Action::Add,
            4 => Action::Update,
            5 => Action::Save,
            6 => Action::Remember,
            7 | 8 => Action::Renew,
            9..=11 => Action::LogIn(user),
            _ => Action::LogOut,
        };
        let origin = match (self.rng.u8(..12), &action) {
            (0 | 1, _) => Origin::Form,
            // A log-in is never an image.
            (2, Action::Read | Action::Prefer | Action::Add) => Origin::Image,
            (3, Action::Read | Action::Prefer | Action::Add) => Origin::Link,
            _ => Origin::Same,
        };
        let pause = match self.rng.u8(..8) {
            0 => Some(Pause::BeforeLoad),
            1 | 2 => Some(Pause::AfterLoad),
            3 => Some(Pause::AtEnd),
            _ => None,
        };
        let mut send = self.plain(browser, action);
        send.origin = origin;
        send.pause = pause;
        send.way = match self.rng.u8(..20) {
            0 | 1 => Way::Shares,
            2 | 3 => Way::Late,
            4 => Way::Keeps,
            5 => Way::Panics,
            6 => Way::CutOff,
            7 => Way::CutOffWith200,
            _ => Way::Plain,
        };
        if self.rng.u8(..8) == 0 {
            let operations = [
                "GetItem",
                "PutItem",
                "UpdateItem",
                "DeleteItem",
                "TransactWriteItems",
            ];
            let troubles = [
                Trouble::Throttled,
                Trouble::Refused,
                Trouble::LostOnce,
                Trouble::Lost,
            ];
            let operation = operations[self.rng.usize(..operations.len())];
            send.fault = Some((operation, troubles[self.rng.usize(..troubles.len())]));
        }
        send.is_stale = self.rng.u8(..4) == 0;
        send.is_repeated = pause.is_none() && self.rng.u8(..10) == 0;
        send.to_old_host = self.rng.bool();
        let arrives_at_once = pause.is_none() && self.rng.u8(..5) < 3;
        let id = send.id;
        self.events.push(Event::Send(send));
        if arrives_at_once {
            self.events.push(Event::Arrive(id));
        } else {
            self.open.push((id, pause.is_some()));
            if pause.is_some() && self.rng.u8(..4) == 0 {
                self.events.push(Event::Wait(self.rng.u64(100..500)));
            }
        }
    }

    fn plain(&mut self, browser: usize, action: Action) -> Send {
        self.sent += 1;
        Send {
            id: self.sent,
            browser,
            action,
            origin: Origin::Same,
            way: Way::Plain,
            pause: None,
            fault: None,
            is_stale: false,
            is_repeated: false,
            to_old_host: false,
        }
    }

    /// Something happens to a request that is on its way.
    fn go_on(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let i = self.rng.usize(..self.open.len());
        let (id, waits) = self.open[i];
        if self.rng.u8(..8) == 0 {
            self.open.swap_remove(i);
            self.events.push(Event::Lose(id));
            return;
        }
        if waits {
            self.events.push(Event::Resume(id));
            self.open[i].1 = false;
            if self.rng.bool() {
                return;
            }
        }
        self.open.swap_remove(i);
        self.events.push(Event::Arrive(id));
    }

    /// However it came, a log-in, a visit and a log-out work. Late responses come in between.
    fn ends_well(&mut self, browser: usize) {
        let user = format!("b{browser}u0");
        for action in [Action::LogIn(user), Action::Add, Action::LogOut] {
            let send = self.plain(browser, action);
            let id = send.id;
            self.events.extend([Event::Send(send), Event::Arrive(id)]);
            self.go_on();
        }
    }
}
