//! The cost of each operation as the number of sessions of one user, or of the table, grows.

use std::cell::{Cell, RefCell};

use session_store::{DynamoDbStore, Session};

use crate::copies::Copies;
use crate::lab::{Lab, Measured, heading, kilobytes, row, thousands, time, timed};
use crate::plot::Chart;
use crate::{Kind, MOST, USER};

/// The number of sessions of the user while the table grows.
const OWN: usize = 100;

/// Measures with one session of the user and more, with both indexes.
pub(crate) async fn of_a_user<A: Kind, B: Kind>() {
    let sizes = [1, 10, 100, 1_000, 10_000, 100_000];
    let sizes = sizes.into_iter().filter(|size| *size <= largest());
    let few = sizes.clone().filter(|size| *size < MOST).chain([MOST]);
    let grids = [
        Grid::of_users::<A>(sizes).await,
        Grid::of_users::<B>(few).await,
    ];
    let title = "Most memory allocated at a time".to_owned();
    let mut memory = Chart::new(title, grids[0].of, "KB");
    for grid in &grids {
        grid.print_requests();
        grid.print("units", Measured::units);
        grid.print("time", |it| time(it.near));
        grid.print("time from 5 ms away", |it| time(it.far));
        grid.print("peak memory", |it| kilobytes(it.peak));
        grid.chart().write(&format!("user-{}", grid.index));
        for operation in [Operation::Count, Operation::All, Operation::Revoke] {
            let points = grid.points(operation, |it| it.peak as f64 / 1024.0);
            memory.line(&format!("{}, {}", operation.name(), grid.index), points);
        }
    }
    memory.write("memory");
}

/// Measures with a thousand sessions in the table and more; [`OWN`] of them belong to the user.
pub(crate) async fn of_the_table<S: Kind>() {
    let lab = Lab::<S>::new().await;
    let copies = Copies::new(&lab.bench).await;
    let user = User::new(&lab, &copies, OWN);
    let mut grid = Grid::new::<S>("sessions in the table");
    let mut others = 0;
    for size in [1_000, 10_000, 100_000, 1_000_000] {
        if size > largest() {
            break;
        }
        let filling = copies.put_of_others(&lab.bench, others..size - OWN);
        let (_, filling) = timed(filling).await;
        println!("\n{} after {}", thousands(size as f64), time(filling));
        others = size - OWN;
        grid.measure(size, &user).await;
    }
    grid.print_requests();
    grid.print("units", Measured::units);
    grid.print("time", |it| time(it.near));
    grid.chart().write(&format!("table-{}", grid.index));
}

pub(crate) fn largest() -> usize {
    match std::env::var("SESSION_STORE_SCALE") {
        Ok(scale) => scale.parse().expect("SESSION_STORE_SCALE is a number"),
        Err(_) => 100_000,
    }
}

/// The operations that are measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Load,
    Save,
    Touch,
    Create,
    Delete,
    CycleId,
    Ten,
    Count,
    All,
    Revoke,
}

impl Operation {
    const ALL: [Self; 10] = [
        Self::Load,
        Self::Save,
        Self::Touch,
        Self::Create,
        Self::Delete,
        Self::CycleId,
        Self::Ten,
        Self::Count,
        Self::All,
        Self::Revoke,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Save => "save",
            Self::Touch => "touch",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::CycleId => "cycle_id",
            Self::Ten => "limit(10)",
            Self::Count => "count",
            Self::All => "all",
            Self::Revoke => "revoke",
        }
    }

    fn title(self) -> String {
        format!("`{}`", self.name())
    }
}

/// A user with this many sessions, one of which can be a loaded copy.
struct User<'a, S> {
    lab: &'a Lab<S>,
    copies: &'a Copies,
    sessions: usize,
    /// Whether the others are in the table.
    is_filled: Cell<bool>,
    own: RefCell<Option<Session<S>>>,
}

impl<'a, S: Kind> User<'a, S> {
    fn new(lab: &'a Lab<S>, copies: &'a Copies, sessions: usize) -> Self {
        Self {
            lab,
            copies,
            sessions,
            is_filled: Cell::new(false),
            own: RefCell::new(None),
        }
    }

    /// Measures the operation with all sessions in the table: the copy is one of them, or the operation
    /// creates it.
    async fn measure(&self, operation: Operation) -> Measured {
        let prepare = async || {
            if !self.is_filled.replace(true) {
                self.copies.put(&self.lab.bench, self.sessions - 1).await;
            }
            let own = self.own.take();
            match (operation, own) {
                (Operation::Create, None) => {}
                (Operation::Create, Some(own)) => self.lab.near.delete(own.id()).await.unwrap(),
                (_, own @ Some(_)) => drop(self.own.replace(own)),
                (_, None) => {
                    let own = self.lab.near.create(S::new()).await.unwrap();
                    self.own.replace(Some(own));
                }
            }
        };
        let work = async |store: &DynamoDbStore<S>| {
            let own = match self.own.take() {
                Some(own) => self.carry_out(operation, store, own).await,
                None => Some(store.create(S::new()).await.unwrap()),
            };
            self.own.replace(own);
        };
        self.lab.measure(prepare, work).await
    }

    /// Returns the copy after the operation.
    async fn carry_out(
        &self,
        operation: Operation,
        store: &DynamoDbStore<S>,
        mut own: Session<S>,
    ) -> Option<Session<S>> {
        let sessions = || store.sessions(S::INDEX, USER);
        match operation {
            Operation::Create => unreachable!("it has no copy"),
            Operation::Load => assert!(store.load(own.id()).await.unwrap().is_some()),
            Operation::Save => {
                *own.theme() = fastrand::u16(..).to_string();
                store.save(&mut own).await.unwrap();
            }
            Operation::Touch => store.touch(&mut own).await.unwrap(),
            Operation::CycleId => store.cycle_id(&mut own).await.unwrap(),
            Operation::Ten => {
                let listed = sessions().limit(10).all().await.unwrap();
                assert_eq!(listed.len(), self.sessions.min(10));
            }
            Operation::Count => assert_eq!(sessions().count().await.unwrap(), self.sessions),
            Operation::All => assert_eq!(sessions().all().await.unwrap().len(), self.sessions),
            Operation::Delete => {
                store.delete(own.id()).await.unwrap();
                return None;
            }
            Operation::Revoke => {
                let revoked = store.revoke(S::INDEX, USER).await.unwrap();
                assert_eq!(revoked.deleted(), self.sessions);
                self.is_filled.set(false);
                return None;
            }
        }
        Some(own)
    }
}

/// The measurements of every operation at each size.
struct Grid {
    index: &'static str,
    /// The quantity that grows.
    of: &'static str,
    sizes: Vec<usize>,
    /// By operation, and then by size.
    measured: [Vec<Measured>; Operation::ALL.len()],
}

impl Grid {
    fn new<S: Kind>(of: &'static str) -> Self {
        Self {
            index: S::NAME,
            of,
            sizes: Vec::new(),
            measured: Default::default(),
        }
    }

    async fn of_users<S: Kind>(sizes: impl Iterator<Item = usize>) -> Self {
        let mut grid = Self::new::<S>("sessions of the user");
        for sessions in sizes {
            let lab = Lab::<S>::new().await;
            let copies = Copies::new(&lab.bench).await;
            let user = User::new(&lab, &copies, sessions);
            grid.measure(sessions, &user).await;
        }
        grid
    }

    async fn measure<S: Kind>(&mut self, size: usize, user: &User<'_, S>) {
        self.sizes.push(size);
        for (operation, measured) in Operation::ALL.into_iter().zip(&mut self.measured) {
            measured.push(user.measure(operation).await);
        }
    }

    /// At the largest size only: the others have no more requests, and no others.
    fn print_requests(&self) {
        let most = self.sizes.last().copied().unwrap_or_default();
        let title = format!("With a {} index: requests", self.index);
        heading(&title, &[self.of, &thousands(most as f64)]);
        for (operation, measured) in Operation::ALL.into_iter().zip(&self.measured) {
            let requests = measured.last().map(Measured::requests);
            row(&[operation.title(), requests.unwrap_or_default()]);
        }
    }

    fn print(&self, what: &str, cell: impl Fn(&Measured) -> String) {
        let sizes = self.sizes.iter().map(|size| thousands(*size as f64));
        let columns: Vec<_> = [self.of.to_owned()].into_iter().chain(sizes).collect();
        heading(&format!("With a {} index: {what}", self.index), &columns);
        for (operation, measured) in Operation::ALL.into_iter().zip(&self.measured) {
            let mut cells = vec![operation.title()];
            cells.extend(measured.iter().map(&cell));
            row(&cells);
        }
    }

    fn chart(&self) -> Chart {
        let title = format!("Capacity units of an operation, {} index", self.index);
        let mut chart = Chart::new(title, self.of, "units");
        for operation in Operation::ALL {
            let units = |it: &Measured| it.read_units() + it.write_units();
            chart.line(operation.name(), self.points(operation, units));
        }
        chart
    }

    fn points(&self, operation: Operation, y: impl Fn(&Measured) -> f64) -> Vec<(f64, f64)> {
        let of = Operation::ALL.into_iter().zip(&self.measured);
        let (_, measured) = of.into_iter().find(|(of, _)| *of == operation).unwrap();
        let sizes = self.sizes.iter().map(|size| *size as f64);
        sizes.zip(measured.iter().map(y)).collect()
    }
}
