//! Other processes: their memory and children as Linux tells, their first answer, their end.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// Resident memory of a process in bytes.
pub fn resident(pid: u32) -> u64 {
    status_bytes(pid, "VmRSS:")
}

/// The most memory that was ever resident since the start or since [`reset_peak`], in bytes. The
/// kernel keeps it, so no peak is too short to be seen.
pub fn peak(pid: u32) -> u64 {
    status_bytes(pid, "VmHWM:")
}

/// Lets the peak begin anew at what is resident now.
pub fn reset_peak(pid: u32) {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("Linux resets the peak of a process");
}

fn status_bytes(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .expect("Linux tells about processes in /proc");
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.expect("a number of KiB") * 1024
}

/// Processor time of a process and of its children that have ended, in seconds. Unlike the wall
/// clock, it hardly moves when others keep the machine busy.
pub fn processor_seconds(pid: u32) -> f64 {
    // Linux counts in hundredths of a second here, on whatever processor.
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .expect("Linux tells about processes in /proc");
    // The name in parentheses may hold anything; the times are fields 14 to 17 of the line.
    let (_, fields) = stat.rsplit_once(')').expect("the name is in parentheses");
    let times = fields.split_whitespace().skip(11).take(4);
    times.map(|ticks| ticks.parse::<f64>().expect("a number of ticks")).sum::<f64>() / TICKS
}

/// The children of a process and theirs.
pub fn descendants(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    let all = parents();
    let mut seen = 0;
    while let Some(parent) = family.get(seen).copied() {
        family.extend(all.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        seen += 1;
    }
    family.split_off(1)
}

/// Every process with its parent.
fn parents() -> Vec<(u32, u32)> {
    let entries = fs::read_dir("/proc").expect("Linux lists processes in /proc");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything; the state and the parent follow it.
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
        Some((pid, parent.parse().ok()?))
    })
    .collect()
}

/// Ends a process and its descendants at once. The process goes first, so that it can't start
/// others in their place.
pub fn end_family(child: &mut Child) {
    let others = descendants(child.id());
    let _ = child.kill();
    let _ = child.wait();
    for pid in others {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// A port of 127.0.0.1 that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on 127.0.0.1");
    listener.local_addr().expect("the address just bound").port()
}

/// Asks `/healthz` each 2 ms until the answer is 200.
pub fn await_healthz(address: SocketAddr) {
    let since = Instant::now();
    while !healthy(address).unwrap_or(false) {
        assert!(since.elapsed() < PATIENCE, "{address} does not answer /healthz with 200");
        thread::sleep(Duration::from_millis(2));
    }
}

fn healthy(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line.starts_with("HTTP/1.1 200 "))
}

/// The address in `http://127.0.0.1:PORT`.
pub fn address_of(base: &str) -> SocketAddr {
    let address = base.strip_prefix("http://").and_then(|rest| rest.parse().ok());
    address.expect("a base of the form http://ADDRESS:PORT")
}
