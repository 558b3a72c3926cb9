//! The bare peer: a warp route that answers the same JSON to everybody, in a process of its own
//! with the same runtime as the daemon's.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use warp::Filter as _;

/// The argument that makes this program the peer.
pub const ARGUMENT: &str = "bare-warp";

/// The variable that holds what it answers.
const ANSWER: &str = "PEER_ANSWER";

/// The peer from outside; dropping it ends it.
pub struct BareWarp {
    child: Child,
    base: String,
}

impl BareWarp {
    /// Starts it on a free port.
    pub fn start(answer: &Value) -> BareWarp {
        let program = std::env::current_exe().expect("the path of this program");
        let mut child = Command::new(program)
            .arg(ARGUMENT)
            .env(ANSWER, answer.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started again");
        let mut line = String::new();
        let out = child.stdout.as_mut().expect("stdout is piped");
        BufReader::new(out).read_line(&mut line).expect("the peer prints UTF-8");
        let base = line.trim().to_owned();
        assert!(base.starts_with("http://"), "the bare warp peer did not start");
        BareWarp { child, base }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

impl Drop for BareWarp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The peer itself. It ends when its standard input does: with the program that started it.
pub async fn serve() {
    let text = std::env::var(ANSWER).expect("the answer is in the environment");
    let answer: Value = serde_json::from_str(&text).expect("the answer is JSON");
    let route = warp::path!("api" / "video" / "status" / String)
        .and(warp::get())
        .map(move |_id: String| warp::reply::json(&answer));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    println!("http://{}", listener.local_addr().expect("the address just bound"));
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    warp::serve(route).incoming(listener).run().await;
}
