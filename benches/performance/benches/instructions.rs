//! The number of instructions of each operation of the store in this process, compared with the same
//! requests by the SDK alone. The engine is another process, at the address in `SESSION_STORE_ENDPOINT`.
//!
//! ```sh
//! benches/performance/run instructions
//! ```
//!
//! Needs valgrind, and the runner from `cargo install gungraun-runner --version 0.20.0`.

#![allow(missing_docs, reason = "the items of gungraun's macros have no docs")]

use gungraun::prelude::*;
use session_store_benchmarks::cached::{self, Cached};
use session_store_benchmarks::codec::{self, Form, SIZES, Step};
use session_store_benchmarks::requests::{By, Lab, Operation, Work};
use tokio::runtime::{Builder, Runtime};

/// The number of runs of an operation while instructions are counted.
const TIMES: usize = 20;

/// The number of runs before that, which open the connections and fill the caches.
const WARM_UP: usize = 5;

/// An operation that will run on this thread.
struct Ready {
    runtime: Runtime,
    work: Work,
}

fn ready(operation: Operation, by: By) -> Ready {
    let endpoint = std::env::var("SESSION_STORE_ENDPOINT").expect("`run` starts the engine");
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let lab = runtime.block_on(Lab::at(&endpoint));
    let prepare = |times| runtime.block_on(lab.prepare(operation, by, times)).unwrap();
    runtime.block_on(prepare(WARM_UP));
    let work = prepare(TIMES);
    Ready { runtime, work }
}

#[library_benchmark(setup = ready)]
#[bench::load_store(Operation::Load, By::Store)]
#[bench::load_sdk(Operation::Load, By::Sdk)]
#[bench::load_peer(Operation::Load, By::Peer)]
#[bench::save_store(Operation::Save, By::Store)]
#[bench::save_sdk(Operation::Save, By::Sdk)]
#[bench::save_peer(Operation::Save, By::Peer)]
#[bench::create_store(Operation::Create, By::Store)]
#[bench::create_sdk(Operation::Create, By::Sdk)]
#[bench::create_peer(Operation::Create, By::Peer)]
#[bench::delete_store(Operation::Delete, By::Store)]
#[bench::delete_sdk(Operation::Delete, By::Sdk)]
#[bench::delete_peer(Operation::Delete, By::Peer)]
#[bench::touch_store(Operation::Touch, By::Store)]
#[bench::touch_sdk(Operation::Touch, By::Sdk)]
#[bench::cycle_id_store(Operation::CycleId, By::Store)]
#[bench::cycle_id_sdk(Operation::CycleId, By::Sdk)]
#[bench::list_store(Operation::List, By::Store)]
#[bench::list_sdk(Operation::List, By::Sdk)]
#[bench::revoke_store(Operation::Revoke, By::Store)]
#[bench::revoke_sdk(Operation::Revoke, By::Sdk)]
fn request(ready: Ready) -> Runtime {
    ready.runtime.block_on(ready.work);
    ready.runtime
}

fn in_memory(read: Cached) -> Ready {
    let endpoint = std::env::var("SESSION_STORE_ENDPOINT").expect("`run` starts the engine");
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let prepare = |times| runtime.block_on(cached::prepare(&endpoint, read, times));
    runtime.block_on(prepare(WARM_UP));
    let work = prepare(TIMES);
    Ready { runtime, work }
}

#[library_benchmark(setup = in_memory)]
#[bench::cached_load(Cached::Load)]
#[bench::cached_page(Cached::Page)]
#[bench::cached_bare(Cached::BarePage)]
fn read(ready: Ready) -> Runtime {
    ready.runtime.block_on(ready.work);
    ready.runtime
}

/// A step with a session of each size.
fn sizes(step: Step, form: Form) -> impl Iterator<Item = (Step, Form, usize)> {
    SIZES.into_iter().map(move |bytes| (step, form, bytes))
}

fn prepared((step, form, bytes): (Step, Form, usize)) -> codec::Work {
    codec::prepare(step, form, bytes).unwrap()
}

#[library_benchmark]
#[benches::encode_serde_dynamo(iter = sizes(Step::Encode, Form::SerdeDynamo), setup = prepared)]
#[benches::encode_map(iter = sizes(Step::Encode, Form::Map), setup = prepared)]
#[benches::encode_binary(iter = sizes(Step::Encode, Form::Binary), setup = prepared)]
#[benches::encode_zstd(iter = sizes(Step::Encode, Form::Zstd), setup = prepared)]
#[benches::decode_serde_dynamo(iter = sizes(Step::Decode, Form::SerdeDynamo), setup = prepared)]
#[benches::decode_map(iter = sizes(Step::Decode, Form::Map), setup = prepared)]
#[benches::decode_binary(iter = sizes(Step::Decode, Form::Binary), setup = prepared)]
#[benches::decode_zstd(iter = sizes(Step::Decode, Form::Zstd), setup = prepared)]
#[benches::delta_map(iter = sizes(Step::Delta, Form::Map), setup = prepared)]
#[benches::size_map(iter = sizes(Step::Size, Form::Map), setup = prepared)]
#[benches::size_binary(iter = sizes(Step::Size, Form::Binary), setup = prepared)]
#[benches::size_zstd(iter = sizes(Step::Size, Form::Zstd), setup = prepared)]
fn step(work: codec::Work) {
    work();
}

library_benchmark_group!(name = requests, benchmarks = request);
library_benchmark_group!(name = reads, benchmarks = read);
library_benchmark_group!(name = steps, benchmarks = step);

main!(
    config = LibraryBenchmarkConfig::default().pass_through_env("SESSION_STORE_ENDPOINT"),
    library_benchmark_groups = [requests, reads, steps]
);
