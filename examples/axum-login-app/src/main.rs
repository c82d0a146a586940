//! Serves the app on loopback, at the port in `PORT` or at 3000, with sessions in an embedded engine in
//! memory.

use std::error::Error;
use std::net::Ipv4Addr;

use axum_login_app::{Store, Users, app};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = match std::env::var("PORT") {
        Ok(port) => port.parse()?,
        Err(_) => 3000,
    };
    let store = Store::builder().embedded().build().await?;
    let (user, password) = ("ada", "analytical engine");
    let users = Users::new([(user, password)]);

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    println!("log in as `{user}` with the password `{password}`");
    axum::serve(listener, app(store, users)).await?;
    Ok(())
}
