//! Customers and staff in one application.

use axum::Router;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, EndSession, RequiredSession, SessionLayer};
use session_store::{DynamoDbStore, SessionAttributes};

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "shop-sessions",
    idle_timeout = "30d",
    absolute_timeout = "90d"
)]
struct Customer {
    #[dynamo(attr = "customer_id", index(consistent, limit = 10), user)]
    customer_id: Option<u64>,
    cart: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "shop-sessions", idle_timeout = "15m", absolute_timeout = "8h")]
struct Employee {
    #[dynamo(attr = "employee_id", index(consistent, limit = 1), user)]
    employee_id: Option<u64>,
}

fn app(customers: DynamoDbStore<Customer>, staff: DynamoDbStore<Employee>) -> Router {
    Router::new()
        .route("/staff/login", post(log_in_employee))
        .route("/staff/logout", post(log_out_employee))
        // A member of staff beside a customer's session.
        .route("/staff/cart", get(cart_for_staff))
        .route_layer(SessionLayer::new(staff))
        .route("/login", post(log_in_customer))
        .route("/logout", post(log_out_customer))
        .route("/cart", get(cart))
        .layer(SessionLayer::new(customers))
}

async fn cart_for_staff(
    RequiredSession(_): RequiredSession<Employee>,
    customer: CurrentSession<Customer>,
) -> String {
    format!("{:?} has {:?}", customer.customer_id, customer.cart)
}

async fn log_out_customer(session: EndSession<Customer>) {
    session.end();
}

async fn log_out_employee(session: EndSession<Employee>) {
    session.end();
}

async fn log_in_customer(mut session: CurrentSession<Customer>) {
    session.customer_id = Some(7);
    CurrentSession::log_in(&mut session);
}

async fn log_in_employee(mut session: CurrentSession<Employee>) {
    session.employee_id = Some(7);
    CurrentSession::log_in(&mut session);
}

async fn cart(RequiredSession(customer): RequiredSession<Customer>) -> String {
    format!("{:?}", customer.cart)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::{Request, StatusCode};
    use session_store_tests::TestBench;

    use super::super::client::Browser;
    use super::*;

    struct Shop {
        bench: TestBench<Customer>,
        staff: DynamoDbStore<Employee>,
        app: Router,
        browser: Browser,
    }

    /// One table, and a browser in which both have logged in.
    async fn shop() -> Shop {
        let bench = TestBench::<Customer>::new().await;
        let staff = bench.other::<Employee>().await;
        let app = app(bench.store.clone(), staff.clone());
        let browser = Browser::new(&app);
        browser.post("/login", "").await;
        browser.post("/staff/login", "").await;
        Shop {
            bench,
            staff,
            app,
            browser,
        }
    }

    /// Whether the customer and the employee are logged in.
    async fn logged_in(browser: &Browser) -> (bool, bool) {
        let customer = browser.get("/cart").await.status;
        let employee = browser.get("/staff/cart").await.status;
        (customer == StatusCode::OK, employee == StatusCode::OK)
    }

    #[tokio::test]
    async fn g17_the_log_out_of_one_leaves_the_other() {
        let Shop { browser, .. } = shop().await;
        assert_eq!(logged_in(&browser).await, (true, true));
        let text = browser.get("/staff/cart").await.text;
        assert_eq!(text, "Some(7) has []");
        let other = browser.copy();
        browser.post("/logout", "").await;
        assert_eq!(logged_in(&browser).await, (false, true));
        other.post("/staff/logout", "").await;
        assert_eq!(logged_in(&other).await, (false, false));

        let Shop { browser, .. } = shop().await;
        browser.post("/staff/logout", "").await;
        assert_eq!(logged_in(&browser).await, (true, false));
    }

    #[tokio::test]
    async fn g16_the_log_in_and_the_revocation_of_one_number_leave_the_other_kind() {
        let Shop {
            staff,
            app,
            browser,
            bench,
        } = shop().await;
        // The limit of one session ends the older one of the employee, and none of customer 7.
        bench.clock.advance(Duration::from_secs(1));
        let second = Browser::new(&app);
        second.post("/staff/login", "").await;
        assert_eq!(logged_in(&browser).await, (true, false));
        assert_eq!(logged_in(&second).await, (false, true));
        let ended = staff.revoke(Employee::EMPLOYEE_ID, 7).await.unwrap();
        assert_eq!(ended.deleted(), 1);
        assert_eq!(logged_in(&browser).await, (true, false));
    }

    #[tokio::test]
    async fn g16_the_id_of_a_customer_is_none_of_the_staff() {
        let Shop { browser, app, .. } = shop().await;
        let cookies = browser.cookies();
        let customer = cookies
            .split("; ")
            .find_map(|cookie| cookie.strip_prefix("__Host-session-Customer="));
        let stolen = format!("__Host-staff={}", customer.unwrap());
        let stranger = Browser::new(&app);
        let request = Request::get("/staff/cart").header("cookie", stolen);
        let refused = stranger.send(request, "").await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn g5_each_kind_has_its_own_timeouts() {
        let Shop { browser, bench, .. } = shop().await;
        bench.clock.advance(Duration::from_secs(15 * 60));
        assert_eq!(logged_in(&browser).await, (true, false));
    }

    /// The pages of customers do not read the session of the staff.
    #[tokio::test]
    async fn g14_a_page_reads_the_sessions_that_it_takes() {
        let Shop { browser, bench, .. } = shop().await;
        bench.wire.clear();
        browser.get("/cart").await;
        assert_eq!(bench.wire.operations(), ["GetItem"]);
    }
}
