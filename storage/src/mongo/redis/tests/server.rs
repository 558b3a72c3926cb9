//! A `redis-server` of a test's own, on a port of its own, that keeps nothing.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ::redis::{Client, Cmd, FromRedisValue};

pub(super) struct Server {
    process: Child,
    port: u16,
    options: Vec<String>,
    /// Of the account with which the test itself asks.
    password: String,
}

impl Server {
    pub(super) fn start() -> Server {
        Server::with(&[], "")
    }

    /// With options of its own, and the password that they set, if any.
    pub(super) fn with(options: &[&str], password: &str) -> Server {
        let options: Vec<_> = options.iter().map(|&option| option.to_owned()).collect();
        // Another program may take the port that was free.
        for _ in 0..10 {
            let port = free_port();
            if let Some(process) = run(port, &options, password) {
                return Server { process, port, options, password: password.to_owned() };
            }
        }
        panic!("redis-server finds no free port");
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}", self.at())
    }

    pub(super) fn url_as(&self, account: &str) -> String {
        format!("redis://{account}@{}", self.at())
    }

    pub(super) fn at(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(super) fn start_again(&mut self) {
        let process = run(self.port, &self.options, &self.password);
        self.process = process.expect("the port is still free");
    }

    /// The server hangs: it takes connections and answers nothing.
    pub(super) fn hang(&self) {
        self.signal("STOP");
    }

    pub(super) fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Asks the server itself: `words` is a command with its arguments.
    pub(super) fn ask<T: FromRedisValue>(&self, words: &str) -> T {
        let mut words = words.split(' ');
        let mut command = ::redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            command.arg(word);
        });
        self.run(&command)
    }

    pub(super) fn run<T: FromRedisValue>(&self, command: &Cmd) -> T {
        query(self.port, &self.password, command).unwrap()
    }

    /// All keys.
    pub(super) fn keys(&self) -> Vec<String> {
        self.ask("KEYS *")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// None when it ended, as it does when the port is taken.
fn run(port: u16, options: &[String], password: &str) -> Option<Child> {
    let mut command = Command::new("redis-server");
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no", "--databases", "4"])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let mut process = match command.spawn() {
        Ok(process) => process,
        Err(error) => panic!("these tests need redis-server on the PATH: {error}"),
    };
    let began = Instant::now();
    while query::<String>(port, password, &::redis::cmd("PING")).is_err() {
        if process.try_wait().unwrap().is_some() {
            return None;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "redis-server does not answer");
        std::thread::sleep(Duration::from_millis(10));
    }
    // Somebody else may have answered.
    process.try_wait().unwrap().is_none().then_some(process)
}

fn query<T: FromRedisValue>(port: u16, password: &str, command: &Cmd) -> ::redis::RedisResult<T> {
    let account = if password.is_empty() { String::new() } else { format!(":{password}@") };
    let client = Client::open(format!("redis://{account}127.0.0.1:{port}"))?;
    command.query(&mut client.get_connection_with_timeout(Duration::from_secs(5))?)
}
