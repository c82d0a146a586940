//! The memory that an operation takes while it is under way.

use std::mem::size_of_val;

use session_store_tests::TestBench;

use super::App;

/// Each layer around a future holds all of it once more, and an unoptimised build copies it from one to the
/// next. The SDK's own futures are several KB; with one of them inside, a handler in a framework's test
/// overflows the stack of its thread.
#[tokio::test]
async fn the_future_of_each_operation_is_small() {
    let test = TestBench::<App>::new().await;
    let store = &test.store;
    let mut session = store.create(App::of("u-17")).await.unwrap();
    let id = session.id().clone();
    let check = |operation, size| {
        println!("{operation}: {size} bytes");
        assert!(
            size <= 6 << 10,
            "the future of {operation} has {size} bytes"
        );
    };
    check("create", size_of_val(&store.create(App::default())));
    check("load", size_of_val(&store.load(&id)));
    check("save", size_of_val(&store.save(&mut session)));
    check("update", size_of_val(&store.update(&id, |_| {})));
    check("touch", size_of_val(&store.touch(&mut session)));
    check("cycle_id", size_of_val(&store.cycle_id(&mut session)));
    check("delete", size_of_val(&store.delete(&id)));
}
