//! ChromeDriver and the browsers that it starts; they all end with it.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Headless, since there is no screen; and offline, since no test depends on the network.
const ARGUMENTS: [&str; 8] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// The programs that the tests need.
pub(crate) struct Programs {
    chromedriver: PathBuf,
    browser: PathBuf,
}

impl Programs {
    /// The programs that the environment names, or that are on the path; or the name of the missing one.
    pub(crate) fn find() -> Result<Self, &'static str> {
        let chromedriver = find("CHROMEDRIVER", &["chromedriver"])
            .ok_or("there is no `chromedriver` on the path, and CHROMEDRIVER names none")?;
        let browser = find(
            "CHROMIUM",
            &["chromium", "chromium-browser", "google-chrome"],
        )
        .ok_or("there is no `chromium` on the path, and CHROMIUM names none")?;
        Ok(Self {
            chromedriver,
            browser,
        })
    }
}

fn find(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(named) = env::var_os(variable) {
        return Some(named.into()).filter(|path: &PathBuf| path.is_file());
    }
    let path = env::var_os("PATH")?;
    let directories = env::split_paths(&path);
    let mut files = directories.flat_map(|directory| names.iter().map(move |n| directory.join(n)));
    files.find(|file| file.is_file())
}

/// A ChromeDriver for one test.
pub(crate) struct Driver {
    programs: Programs,
    process: Child,
    port: u16,
    /// The profiles of the browsers; they are removed when the browsers have ended.
    profiles: TempDir,
    /// It writes a line now and then, and would stop if the pipe were closed.
    _output: BufReader<ChildStdout>,
}

impl Driver {
    pub(crate) fn start(programs: Programs) -> Self {
        let mut process = Command::new(&programs.chromedriver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let port = loop {
            let mut line = String::new();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "it ended at once");
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim().trim_end_matches('.').parse().unwrap();
            }
        };
        Self {
            programs,
            process,
            port,
            profiles: TempDir::new().unwrap(),
            _output: output,
        }
    }

    /// Starts a browser with its own profile, and with these arguments and options in addition to the usual
    /// ones.
    pub(crate) async fn browser(&self, arguments: &[&str], options: Value) -> Client {
        let profile = TempDir::new_in(&self.profiles).unwrap().keep();
        let mut all: Vec<_> = ARGUMENTS
            .iter()
            .chain(arguments)
            .map(ToString::to_string)
            .collect();
        all.push(format!("--user-data-dir={}", profile.display()));
        let mut options = options;
        options["binary"] = json!(self.programs.browser);
        options["args"] = json!(all);
        let capabilities = json!({ "goog:chromeOptions": options });
        ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{}", self.port))
            .await
            .unwrap()
    }
}

impl Drop for Driver {
    /// Asks it to quit, which also ends its browsers; a kill would leave them running.
    fn drop(&mut self) {
        if let Ok(mut connection) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) {
            let _ = connection.write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\n\r\n");
        }
        for _ in 0..100 {
            if let Ok(Some(_)) = self.process.try_wait() {
                return;
            }
            sleep(Duration::from_millis(50));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
