//! Serves the app on loopback, with the sessions in memory. `PORT` is the port: 3000 by default, 0 for a
//! free one.

use std::env;
use std::error::Error;
use std::net::Ipv4Addr;

use actix_app::{AppSession, from_this_site, pages, sessions};
use actix_web::cookie::Key;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer};
use session_store::DynamoDbStore;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = match env::var("PORT") {
        Ok(port) => port
            .parse()
            .map_err(|_| format!("PORT is `{port}`, and no number from 0 to 65535"))?,
        Err(_) => 3000,
    };
    let store = DynamoDbStore::<AppSession>::builder()
        .embedded()
        .build()
        .await?;
    // The sessions are in memory, so the key need not outlive the process.
    let key = Key::generate();
    let server = HttpServer::new(move || {
        App::new()
            .configure(pages(store.clone()))
            .wrap(sessions(&store, key.clone()))
            .wrap(from_fn(from_this_site))
    })
    .bind((Ipv4Addr::LOCALHOST, port))?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    server.run().await?;
    Ok(())
}
