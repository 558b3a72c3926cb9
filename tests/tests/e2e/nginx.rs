//! nginx in the foreground, with a configuration of the test's.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clipmill_tests::tool;

/// It is killed when this is dropped.
pub struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Nginx {
    /// Starts it with what is to be in its `http` block, and waits until it
    /// listens on the port. Its files are in `folder`.
    pub fn start(folder: &Path, http: &str, port: u16) -> Nginx {
        let at = folder.display();
        let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
            .concat();
        let main = format!(
            "daemon off;\npid {at}/pid;\nerror_log {at}/error.log;\nmaster_process off;\n\
             events {{}}\nhttp {{\n{temp}{http}\n}}\n"
        );
        fs::write(folder.join("nginx.conf"), main).unwrap();
        let child = Command::new(tool::find("nginx").unwrap())
            .args(["-p", &at.to_string(), "-c", &format!("{at}/nginx.conf"), "-e"])
            .arg(folder.join("error.log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Nginx(child);
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = fs::read_to_string(folder.join("error.log")).unwrap_or_default();
            assert!(since.elapsed() < Duration::from_secs(10), "nginx does not listen: {log}");
            thread::sleep(Duration::from_millis(20));
        }
        nginx
    }
}
