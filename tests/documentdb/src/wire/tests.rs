#![allow(clippy::unwrap_used)]

use bson::doc;

use super::*;

/// A message with its header.
fn message(code: i32, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let numbers = [(HEADER + content.len()) as i32, 7, 0, code];
    [numbers.map(i32::to_le_bytes).concat(), content].concat()
}

fn bytes(document: Document) -> Vec<u8> {
    document.to_vec().unwrap()
}

/// A section of documents, with a length that is wrong by `error`.
fn sequence(name: &str, documents: &[Document], error: i32) -> Vec<u8> {
    let documents: Vec<u8> = documents.iter().cloned().flat_map(bytes).collect();
    let content = [name.as_bytes(), b"\0", &documents].concat();
    let length = content.len() as i32 + 4 + error;
    [b"\x01", length.to_le_bytes().as_slice(), &content].concat()
}

fn insert_of_two() -> Vec<u8> {
    let body = bytes(doc! { "insert": "videos", "$db": "clipmill" });
    let documents = sequence("documents", &[doc! { "a": [1, { "b": 2 }] }, doc! {}], 0);
    message(OP_MSG, &[b"\x01\0\0\0", &documents, b"\0", &body, b"\xca\xfe\xba\xbe"])
}

async fn read_all(mut message: &[u8]) -> io::Result<Option<(Envelope, Document)>> {
    read(&mut message).await
}

#[tokio::test]
async fn sections_become_one_document() {
    let (envelope, body) = read_all(&insert_of_two()).await.unwrap().unwrap();
    let documents = vec![doc! { "a": [1, { "b": 2 }] }, doc! {}];
    assert_eq!(body, doc! { "insert": "videos", "$db": "clipmill", "documents": documents });
    assert_eq!(envelope, Envelope { id: 7, legacy: false, wants_reply: true });

    let ping = message(OP_MSG, &[b"\x02\0\x01\0\0", &bytes(doc! { "ping": 1 })]);
    let (envelope, _) = read_all(&ping).await.unwrap().unwrap();
    assert!(!envelope.wants_reply);

    assert_eq!(read_all(b"").await.unwrap(), None);
}

#[tokio::test]
async fn replies_name_their_request() {
    let reply = doc! { "ok": 1.0 };
    let mut written = Vec::new();
    let envelope = Envelope { id: 7, legacy: false, wants_reply: true };
    write(&mut written, envelope, &reply).await.unwrap();
    let (_, body) = read_all(&written).await.unwrap().unwrap();
    assert_eq!(body, reply);
    assert_eq!(written[8..12], 7_i32.to_le_bytes());
}

#[tokio::test]
async fn the_first_hello_may_be_a_legacy_query() {
    let hello = bytes(doc! { "isMaster": 1 });
    let query = message(OP_QUERY, &[b"\0\0\0\0admin.$cmd\0\0\0\0\0\xff\xff\xff\xff", &hello]);
    let (envelope, body) = read_all(&query).await.unwrap().unwrap();
    assert_eq!(body, doc! { "isMaster": 1 });

    let mut written = Vec::new();
    write(&mut written, envelope, &doc! { "ok": 1.0 }).await.unwrap();
    let (header, document) = written.split_at(HEADER + 20);
    assert_eq!(header[12..16], OP_REPLY.to_le_bytes());
    assert_eq!(Document::from_reader(document).unwrap(), doc! { "ok": 1.0 });
}

#[tokio::test]
async fn malformed_messages_are_refused() {
    let body = [b"\0".as_slice(), &bytes(doc! { "ping": 1 })].concat();
    let deep = (0..200).fold(doc! {}, |inner, _| doc! { "d": inner });
    let cases = [
        ("too short", [15_i32.to_le_bytes(); 4].concat()),
        ("negative length", [(-1_i32).to_le_bytes(); 4].concat()),
        ("too long", [(MAX_MESSAGE as i32 + 1).to_le_bytes(); 4].concat()),
        ("compressed", message(2012, &[&body])),
        ("unknown flag", message(OP_MSG, &[b"\x04\0\0\0", &body])),
        ("no body", message(OP_MSG, &[b"\0\0\0\0"])),
        ("two bodies", message(OP_MSG, &[b"\0\0\0\0", &body, &body])),
        ("unknown section", message(OP_MSG, &[b"\0\0\0\0", b"\x09", &body])),
        ("long section", message(OP_MSG, &[b"\0\0\0\0", &body, &sequence("d", &[doc! {}], 1)])),
        ("short section", message(OP_MSG, &[b"\0\0\0\0", &body, &sequence("d", &[doc! {}], -1)])),
        ("argument twice", message(OP_MSG, &[b"\0\0\0\0", &body, &sequence("ping", &[], 0)])),
        ("too deep", message(OP_MSG, &[b"\0\0\0\0\0", &bytes(deep)])),
        ("not a command", message(OP_QUERY, &[b"\0\0\0\0a.users\0\0\0\0\0\0\0\0\0", &body[1..]])),
    ];
    for (name, case) in cases {
        let error = read_all(&case).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{name}: {error}");
    }
}

#[tokio::test]
async fn damaged_messages_do_no_harm() {
    let good = insert_of_two();
    for end in size_of::<i32>()..good.len() {
        assert!(read_all(&good[..end]).await.is_err(), "the first {end} bytes");
    }
    // Any result will do, but no panic.
    for place in HEADER..good.len() {
        for damage in [0x01, 0x7f, 0x80, 0xff] {
            let mut damaged = good.clone();
            damaged[place] ^= damage;
            let _ = read_all(&damaged).await;
        }
    }
}
