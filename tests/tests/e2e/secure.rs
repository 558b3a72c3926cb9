//! Sources behind TLS, as nearly all are.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use clipmill_tests::daemon::program;
use clipmill_tests::tool;

use crate::nginx::Nginx;
use crate::support::{assert_exact, served};

/// A certificate of 127.0.0.1 that is its own authority: `FOLDER/cert.pem` and
/// `FOLDER/key.pem`.
fn certify(folder: &Path) {
    let how = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
               -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
               -addext basicConstraints=critical,CA:FALSE -keyout key.pem -out cert.pem";
    let mut openssl = Command::new(tool::find("openssl").unwrap());
    let made = openssl.args(how.split_whitespace()).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn http_2_is_spoken_where_it_is_offered() {
    let (_, clip) = served();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    certify(at);
    let root = clip.file();
    let (root, name) = (root.parent().unwrap(), root.file_name().unwrap().to_str().unwrap());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (here, root) = (at.display(), root.display());
    let site = format!(
        "log_format spoken '$server_protocol $status';\naccess_log {here}/access.log spoken;\n\
         server {{\nlisten 127.0.0.1:{port} ssl http2;\nssl_certificate {here}/cert.pem;\n\
         ssl_certificate_key {here}/key.pem;\nroot {root};\n}}"
    );
    let nginx = Nginx::start(at, &site, port);
    let url = format!("https://127.0.0.1:{port}/{name}");
    let clipped = |trusted: bool| {
        let mut clipmill = Command::new(program());
        clipmill
            .args(["clip", &url, "--from", "1:01.5", "--to", "1:02.25", "--force", "-o", "out.mp4"])
            .current_dir(at)
            .env("PATH", tool::search_path())
            .env("CLIPMILL_NETWORK_ALLOW", "127.0.0.0/8");
        if trusted {
            clipmill.env("SSL_CERT_FILE", at.join("cert.pem"));
        }
        clipmill.output().unwrap()
    };
    let made = clipped(true);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_exact(&at.join("out.mp4"), &clip, 61.5, 62.25);
    let log = fs::read_to_string(at.join("access.log")).unwrap();
    assert!(log.lines().count() > 2, "{log}");
    assert!(log.lines().all(|line| line == "HTTP/2.0 206"), "{log}");
    // Who is not known is not believed.
    let refused = clipped(false);
    assert_eq!(refused.status.code(), Some(4), "{}", String::from_utf8_lossy(&refused.stderr));
    drop(nginx);
}
