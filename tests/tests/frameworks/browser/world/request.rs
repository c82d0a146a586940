//! A request, from the browser to the server and back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::server::host;
use super::versions::ByHandle;
use super::{Violation, World, shop};
use crate::browser::model::Expected;
use crate::browser::plan::Send;
use crate::browser::setup::Setup;
use crate::browser::shop::{Action, Job, Pause, Way};

pub(super) struct Flight {
    pub(super) send: Send,
    pub(super) setup: Setup,
    header: Option<Vec<u8>>,
    /// The browser has cookies that it did not send.
    pub(super) is_withheld: bool,
    pub(super) job: Arc<Job>,
    task: Option<JoinHandle<Response>>,
    pub(super) answer: Option<Answer>,
    /// The session that the browser had when it sent the request.
    pub(super) held: Option<u64>,
    pub(super) sent: u64,
    /// When the session was stored, if the handler waits after that: the moment, and the time.
    stored: Option<(u64, u64)>,
    /// When the session was read, and when the server had finished.
    loaded: Option<u64>,
    ended: u64,
    /// The moment when it had.
    finished: u64,
    /// The versions that the browser knew when it sent the request, and those that the request has written.
    known: ByHandle,
    wrote: ByHandle,
}

#[derive(Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    cookies: Vec<String>,
}

impl Flight {
    /// Whether what it was for has been done for certain.
    fn is_done(&self, answer: &Answer) -> bool {
        let is_log_out = self.send.action == Action::LogOut;
        match self.send.way {
            // A log-out is carried out even so.
            way if way.fails() => is_log_out && self.send.fault.is_none(),
            Way::Late => answer.status.is_success() && self.job.is_late_done.load(Ordering::SeqCst),
            _ => answer.status.is_success(),
        }
    }

    /// Whether it waits at the server, and has read a session not long ago.
    pub(super) fn uses_session(&self, time: u64) -> bool {
        let is_user = matches!(&*self.job.saw.lock().unwrap(), Some((Some(_), _)));
        let is_recent = self
            .loaded
            .is_some_and(|loaded| Expected::is_live_since(loaded, time));
        self.task.is_some() && is_user && is_recent
    }
}

impl World<'_> {
    pub(super) async fn send(&mut self, send: &Send) -> Result<(), Violation> {
        let time = self.time();
        let (header, is_withheld) =
            self.browsers[send.browser]
                .jar
                .header(&shop(), send.origin, time);
        let setup = match self.before {
            Some(before) if send.to_old_host => before,
            _ => self.setup,
        };
        let browser = &mut self.browsers[send.browser];
        browser.expected.send(send.id, &send.action, self.moment);
        if let Action::LogIn(user) = &send.action {
            browser.users.insert(user.clone());
        }
        self.actions.insert(send.id, send.action.clone());
        let known = browser.known.versions();
        let flight = Flight {
            held: browser
                .holds
                .filter(|_| !is_withheld && setup == self.setup),
            send: send.clone(),
            setup,
            job: self.job(send, send.pause),
            header,
            is_withheld,
            task: None,
            answer: None,
            sent: self.moment,
            stored: None,
            loaded: None,
            ended: 0,
            finished: 0,
            known,
            wrote: ByHandle::new(),
        };
        self.flights.insert(send.id, flight);
        self.resume(send.id).await?;
        if send.is_repeated {
            let job = self.job(send, None);
            if let Some(flight) = self.flights.get_mut(&send.id) {
                (flight.job, flight.answer) = (job, None);
                flight.wrote.clear();
            }
            self.resume(send.id).await?;
        }
        Ok(())
    }

    pub(super) fn job(&mut self, send: &Send, pause: Option<Pause>) -> Arc<Job> {
        self.jobs += 1;
        Arc::new(Job {
            number: self.jobs,
            action: send.action.clone(),
            way: send.way,
            pause,
            cut: Notify::new(),
            is_late_done: AtomicBool::new(false),
            reached: Notify::new(),
            go: Notify::new(),
            saw: Mutex::default(),
            found: Mutex::default(),
            // A look of the test.
            silent: send.id == 0,
        })
    }

    /// The server goes on until it waits or has finished.
    pub(super) async fn resume(&mut self, id: usize) -> Result<(), Violation> {
        let Some(mut flight) = self.flights.remove(&id) else {
            return Ok(());
        };
        if flight.task.is_none() && flight.answer.is_some() {
            self.flights.insert(id, flight);
            return Ok(());
        }
        let time = self.time();
        if let Some((operation, trouble)) = flight.send.fault {
            self.inject(operation, trouble);
        }
        self.replica.fall_behind(flight.send.is_stale);
        let job = Arc::clone(&flight.job);
        let mut task = match flight.task.take() {
            Some(task) => {
                job.go.notify_one();
                task
            }
            None => self.begin(&flight.send, flight.setup, flight.header.as_deref(), &job),
        };
        let response = tokio::select! {
            response = &mut task => Some(response.expect("a response")),
            () = job.reached.notified() => None,
        };
        self.test.wire.clear();
        self.replica.fall_behind(false);
        // Once, before it is known what the request has written.
        if let Some(found) = job.found.lock().unwrap().take() {
            self.check_found(&found, host(&job), flight.send.is_stale, &flight.known)?;
        }
        flight.wrote.append(&mut self.note_writes(host(&job)).await);
        let saw = job.saw.lock().unwrap().clone();
        if saw.is_some() && flight.loaded.is_none() {
            flight.loaded = Some(time);
        }
        if response.is_none() {
            flight.task = Some(task);
        }
        let Some(response) = response else {
            if flight.send.way == Way::Keeps && flight.send.pause == Some(Pause::AtEnd) {
                flight.stored = Some((self.moment, time));
            }
            self.flights.insert(id, flight);
            return Ok(());
        };
        let (stored, ended) = flight.stored.unwrap_or((self.moment, time));
        flight.ended = ended;
        flight.finished = self.moment;
        let cookies = response.headers().get_all(SET_COOKIE).iter();
        let cookies = cookies.map(|text| text.to_str().expect("a cookie").to_owned());
        let answer = Answer {
            status: response.status(),
            cookies: cookies.collect(),
        };
        let who = saw.as_ref().and_then(|(who, _)| who.clone());
        self.trace.push(format!(
            "    saw {who:?}, {}, sets {:?}",
            answer.status.as_u16(),
            answer
                .cookies
                .iter()
                .map(|it| it.chars().take(28).collect::<String>())
                .collect::<Vec<_>>(),
        ));
        let way = flight.send.way;
        let is_done = flight.is_done(&answer);
        let moment = self.moment;
        let browser = &mut self.browsers[flight.send.browser];
        browser.expected.end(id, stored);
        if matches!(flight.send.action, Action::LogIn(_)) {
            browser.last_log_in = moment;
        }
        let is_own = who.as_ref().is_none_or(|user| browser.users.contains(user));
        let is_plain = flight.send.fault.is_none() && !flight.send.is_stale;
        // Before the last log-in, it was another session.
        let is_current = browser.last_log_in < flight.sent;
        if let (true, true, true, Some(_), Some(loaded)) =
            (is_done, is_plain, is_current, &who, flight.loaded)
        {
            browser.expected.used(loaded);
        }
        let fault = flight.send.fault.map(|(operation, _)| operation);
        let is_log_out = flight.send.action == Action::LogOut;
        let held = flight.held.is_some();
        let answer_is_success = answer.status.is_success();
        flight.answer = Some(answer);
        self.flights.insert(id, flight);
        if !is_own {
            return Err(("P5", format!("the page of request {id} shows {who:?}")));
        }
        if !answer_is_success && fault.is_none() && !way.fails() {
            return Err(("P4", format!("request {id} fails without a fault")));
        }
        let needs_no_read = is_log_out && way == Way::Plain;
        if !is_done && needs_no_read && held && fault == Some("GetItem") {
            return Err(("P6", format!("log-out {id} fails because of a read")));
        }
        Ok(())
    }

    pub(super) async fn arrive(&mut self, id: usize) -> Result<(), Violation> {
        self.resume(id).await?;
        let time = self.time();
        // One that waits elsewhere first does not arrive.
        let Some(flight) = self.flights.get(&id).filter(|it| it.answer.is_some()) else {
            return Ok(());
        };
        let Some(answer) = flight.answer.clone() else {
            return Ok(());
        };
        let (send, setup) = (flight.send.clone(), flight.setup);
        let (ended, held, sent) = (flight.ended, flight.held, flight.sent);
        let (is_withheld, is_done) = (flight.is_withheld, flight.is_done(&answer));
        let (wrote, finished) = (flight.wrote.clone(), flight.finished);
        let by = host(&flight.job);
        self.flights.remove(&id);
        let browser = &mut self.browsers[send.browser];
        for cookie in &answer.cookies {
            browser.jar.set(cookie, &shop(), send.origin, time);
        }
        let is_version =
            |cookie: &String| cookie.contains("-version=") && !cookie.contains("-version=;");
        if answer.cookies.iter().any(is_version) {
            browser.known.overtaken(sent);
        }
        // What is done after the head of a response cannot be told in it.
        if is_done && setup.form() == self.setup.form() && send.way != Way::Late {
            browser.known.write(&wrote, finished);
        }
        let has_failed = send.way.fails() || (send.way == Way::Late && !is_done);
        let changes_nothing = has_failed && send.action != Action::LogOut;
        // A log-out whose cookie the browser withheld has nothing to end.
        let is_known =
            setup.form() == self.setup.form() && !(is_withheld && send.action == Action::LogOut);
        let is_twice = send.is_repeated && send.action == Action::Renew;
        if changes_nothing {
            browser.expected.forget(id);
        } else if is_done && is_known && !is_twice {
            browser
                .expected
                .arrive(id, &send.action, self.moment, ended);
        } else {
            browser.expected.give_up(id, self.moment);
        }
        if setup.form() != self.setup.form() {
            // Hosts that do not understand each other's cookies overwrite them.
            browser.anybody(self.moment);
        }
        if let (Action::LogOut, true, Some(held)) = (&send.action, is_done, held)
            && answer.cookies.is_empty()
        {
            self.untold.insert(held, (time, by));
        }
        let is_alone = !self.flights.values().any(|other| {
            other.send.browser == send.browser && matches!(other.send.action, Action::LogIn(_))
        });
        let is_last = self.browsers[send.browser].last_log_in < sent;
        if let (Action::LogOut, true, true, true, true, Some(held)) =
            (&send.action, is_done, is_known, is_alone, is_last, held)
        {
            self.ended.insert(held);
        }
        Ok(())
    }

    pub(super) async fn lose(&mut self, id: usize) {
        let Some(flight) = self.flights.remove(&id) else {
            return;
        };
        let browser = &mut self.browsers[flight.send.browser];
        browser.expected.give_up(id, self.moment);
        if let Some(task) = flight.task {
            task.abort();
            let _ = task.await;
            // A log-out of a request that was dropped is carried out in the background.
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.note_writes(host(&flight.job)).await;
        }
    }
}
