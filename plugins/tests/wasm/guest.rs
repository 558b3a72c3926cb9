//! Guests in WebAssembly's text: one that does right for each world, whose
//! functions can be replaced one by one by what does wrong.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use clipmill_plugins::wasm;
use wit_component::StringEncoding;
use wit_parser::{PackageId, Resolve};

use crate::image::{Image, Info, Record};

/// Computes without end.
pub const SPIN: &str = "(loop $on (br $on)) unreachable";

/// The interface as it is in the repository.
static INTERFACE: LazyLock<(Resolve, PackageId)> = LazyLock::new(|| {
    let mut resolve = Resolve::default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("wit/0.1.0");
    let (package, _) = resolve.push_dir(folder).unwrap();
    (resolve, package)
});

/// What every guest can call, with the names that function bodies use.
const HOST: &str = r#"
  (import "clipmill:plugin/log@0.1.0" "write" (func $log (param i32 i32 i32)))
  (import "clipmill:plugin/clock@0.1.0" "now-ms" (func $now (result i64)))
  (import "clipmill:plugin/settings@0.1.0" "get" (func $setting (param i32 i32 i32)))"#;

/// What sources can call besides.
const HOST_OF_SOURCES: &str = r#"
  (import "clipmill:plugin/cache@0.1.0" "get" (func $recall (param i32 i32 i32)))
  (import "clipmill:plugin/cache@0.1.0" "set" (func $remember (param i32 i32 i32 i32 i32)))
  (import "clipmill:plugin/http@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32)))"#;

/// Memory for what the host hands over, and comparing texts.
const LIBRARY: &str = r#"
  (func $realloc (export "cabi_realloc")
    (param $old i32) (param $had i32) (param $align i32) (param $length i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $heap (i32.add (local.get $at) (local.get $length)))
    (block $fits
      (br_if $fits (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
      (br_if $fits (i32.ne (i32.const -1) (memory.grow (i32.add (i32.const 1) (i32.shr_u
        (i32.sub (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))
        (i32.const 16))))))
      unreachable)
    (local.get $at))
  (func $same (param $a i32) (param $b i32) (param $length i32) (result i32)
    (block $different
      (loop $next
        (if (i32.eqz (local.get $length)) (then (return (i32.const 1))))
        (br_if $different
          (i32.ne (i32.load8_u (local.get $a)) (i32.load8_u (local.get $b))))
        (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (local.set $b (i32.add (local.get $b) (i32.const 1)))
        (local.set $length (i32.sub (local.get $length) (i32.const 1)))
        (br $next)))
    (i32.const 0))"#;

/// Parameters and result of an exported function.
fn signature(function: &str) -> &'static str {
    match function {
        "describe" | "finish" => "(result i32)",
        "claims" => "(param $url i32) (param $length i32) (result i32)",
        "resolve" => {
            "(param $url i32) (param $length i32) (param $fresh i32) (param $deadline i32) \
             (result i32)"
        }
        "plan" => "(param $in i32) (result i32)",
        "begin" => {
            "(param $width i32) (param $height i32) (param $format i32) (param $num i32) \
             (param $den i32) (param $sound i32) (param $rate i32) (param $channels i32) \
             (param $quality i32) (param $length i32) (result i32)"
        }
        "push-video" => {
            "(param $pts i64) (param $duration i64) (param $data i32) (param $length i32) \
             (result i32)"
        }
        "push-audio" => "(param $pts i64) (param $data i32) (param $length i32) (result i32)",
        other => panic!("no world has a function {other}"),
    }
}

/// A guest, before it is compiled.
#[derive(Clone)]
pub struct Guest {
    pub name: String,
    pub version: String,
    pub image: Image,
    /// The `[wants]` of its manifest.
    pub wants: String,
    /// Address of what `resolve` or `plan` answers.
    pub answer: u32,
    /// Address of what `describe` answers.
    said: u32,
    world: &'static str,
    functions: BTreeMap<&'static str, String>,
    more: String,
    /// What is replaced in the text of the whole module.
    edits: Vec<(String, String)>,
}

impl Guest {
    fn new(name: &str, world: &'static str) -> Guest {
        Guest {
            name: name.to_owned(),
            version: "1.0".to_owned(),
            image: Image::new(),
            wants: "seconds = 1".to_owned(),
            answer: 0,
            said: 0,
            world,
            functions: BTreeMap::new(),
            more: String::new(),
            edits: Vec::new(),
        }
    }

    /// A source that claims everything on `NAME.example` and finds one format.
    pub fn source(name: &str) -> Guest {
        let mut guest = Guest::new(name, "source");
        let (name, version) = (guest.image.text(name), guest.image.text("1.0"));
        let said = Record::new(16).text(0, name).text(8, version).place(&mut guest.image);
        let (host, length) = guest.image.text(format!("https://{}.example/", guest.name));
        let claims = format!(
            "(if (i32.lt_u (local.get $length) (i32.const {length})) (then (return (i32.const 0))))
             (call $same (local.get $url) (i32.const {host}) (i32.const {length}))"
        );
        guest.said = said;
        guest.answers("describe", said).with("claims", &claims).info(&Info::good())
    }

    /// A codec that plans VP9 in WebM, in the qualities `high` and `low`.
    pub fn codec(name: &str) -> Guest {
        let mut guest = Guest::new(name, "codec").described(1, "video/webm", "webm");
        let format = guest.image.text("yuv420p");
        let plan = Record::new(40)
            .u8(4, 1)
            .bytes(8, &[4, 4, 1, 31])
            .text(12, format)
            .u8(32, 1)
            .u32(36, 128)
            .place(&mut guest.image);
        guest.plans(plan, true)
    }

    /// A codec that takes 16x8 pixels in RGB and answers a word to each call.
    pub fn frames(name: &str) -> Guest {
        let mut guest = Guest::new(name, "frame-codec").described(4, "image/gif", "gif");
        let plan = Record::new(36).u32(4, 16).u32(8, 8).u8(12, 0).u32(16, 25).u32(20, 1);
        let plan = plan.place(&mut guest.image);
        let mut guest = guest.plans(plan, false);
        for (function, word) in
            [("begin", "head"), ("push-video", "frame"), ("push-audio", "sound"), ("finish", "end")]
        {
            let word = guest.image.text(word);
            let answer = Record::new(16).text(4, word).place(&mut guest.image);
            guest = guest.answers(function, answer);
        }
        guest
    }

    fn described(mut self, container: u8, mime: &str, extension: &str) -> Guest {
        let image = &mut self.image;
        let (high, low) = (image.text("high"), image.text("low"));
        let qualities = Record::new(16).text(0, high).text(8, low).place(image);
        let (name, mime) = (image.text(&self.name), image.text(mime));
        let extension = image.text(extension);
        let said = Record::new(36)
            .text(0, name)
            .text(8, (qualities, 2))
            .u8(16, container)
            .text(20, mime)
            .text(28, extension)
            .place(image);
        self.said = said;
        self.answers("describe", said)
    }

    /// Plans so, unless quality, picture or encoders speak against it.
    fn plans(mut self, plan: u32, by_ffmpeg: bool) -> Guest {
        let reason = self.image.text("this can't be done; ask for something else");
        let mut refusal =
            |case: u8| Record::new(16).u8(0, 1).u8(4, case).text(8, reason).place(&mut self.image);
        let (unknown, no_video, missing) = (refusal(0), refusal(1), refusal(2));
        let (high, low) = (self.image.text("high"), self.image.text("low"));
        let is = |(at, length): (u32, u32)| {
            format!(
                "(if (result i32) (i32.eq (i32.load offset=92 (local.get $in)) (i32.const {length}))
                   (then (call $same (i32.load offset=88 (local.get $in)) (i32.const {at})
                     (i32.const {length})))
                   (else (i32.const 0)))"
            )
        };
        let encoders = match by_ffmpeg {
            true => "(i32.load offset=100 (local.get $in))",
            false => "(i32.const 1)",
        };
        let body = format!(
            "(if (i32.eqz (i32.or {high} {low})) (then (return (i32.const {unknown}))))
             (if (i32.eqz (i32.load8_u offset=32 (local.get $in)))
               (then (return (i32.const {no_video}))))
             (if (i32.eqz {encoders}) (then (return (i32.const {missing}))))
             (i32.const {plan})",
            high = is(high),
            low = is(low),
        );
        self.answer = plan;
        self.with("plan", &body)
    }

    /// Replaces the body of a function.
    pub fn with(mut self, function: &'static str, body: &str) -> Guest {
        self.functions.insert(function, body.to_owned());
        self
    }

    /// Lets a function answer what lies at an address.
    pub fn answers(self, function: &'static str, at: u32) -> Guest {
        self.with(function, &format!("(i32.const {at})"))
    }

    /// Lets `resolve` answer this.
    pub fn info(mut self, info: &Info) -> Guest {
        self.answer = info.place(&mut self.image);
        let answer = self.answer;
        self.answers("resolve", answer)
    }

    /// Lets `resolve` send this request so many times, to the address that
    /// follows the `?` of the one that is asked for. The title of the answer is
    /// what came of the last: the body or the error; the duration is the status,
    /// or 1000 and the case of `http-error`.
    pub fn sends(mut self, times: u32, method: u32, headers: &[(&str, &str)], body: &str) -> Guest {
        let headers = crate::image::headers(&mut self.image, headers);
        let body = self.image.text(body);
        let came = self.image.place(&[0; 64]);
        let info = Info { id: b"x".to_vec(), duration: Some(1.0), ..Info::good() };
        self = self.info(&info);
        let skip = format!("https://{}.example/?", self.name).len();
        let answer = self.answer;
        let code = format!(
            "(local $n i32)
             (loop $on
               (call $send (i32.const {method})
                 (i32.add (local.get $url) (i32.const {skip}))
                 (i32.sub (local.get $length) (i32.const {skip}))
                 (i32.const {}) (i32.const {}) (i32.const {}) (i32.const {}) (i32.const {came}))
               (local.set $n (i32.add (local.get $n) (i32.const 1)))
               (br_if $on (i32.lt_u (local.get $n) (i32.const {times}))))
             (if (i32.load8_u (i32.const {came}))
               (then
                 (f64.store offset=40 (i32.const {answer}) (f64.convert_i32_u
                   (i32.add (i32.const 1000) (i32.load8_u offset=4 (i32.const {came})))))
                 (i64.store offset=20 align=4 (i32.const {answer})
                   (i64.load offset=8 align=4 (i32.const {came}))))
               (else
                 (f64.store offset=40 (i32.const {answer}) (f64.convert_i32_u
                   (i32.load16_u offset=4 (i32.const {came}))))
                 (i64.store offset=20 align=4 (i32.const {answer})
                   (i64.load offset=24 align=4 (i32.const {came})))))
             (i32.const {answer})",
            headers.0, headers.1, body.0, body.1,
        );
        self.with("resolve", &code)
    }

    /// Lets `resolve` answer a title that it has from a function of the host,
    /// which hands over an `option<string>` or `option<list<u8>>`.
    pub fn titled_by(mut self, function: &str, key: &str, otherwise: &str) -> Guest {
        let (key, length) = self.image.text(key);
        let came = self.image.place(&[0; 16]);
        let answer = self.answer;
        let code = format!(
            "(call {function} (i32.const {key}) (i32.const {length}) (i32.const {came}))
             (if (i32.load8_u (i32.const {came}))
               (then (i64.store offset=20 align=4 (i32.const {answer})
                 (i64.load offset=4 align=4 (i32.const {came}))))
               (else {otherwise}))
             (i32.const {answer})"
        );
        self.with("resolve", &code)
    }

    /// Adds globals, tables, functions.
    pub fn more(mut self, wat: &str) -> Guest {
        self.more.push_str(wat);
        self
    }

    /// Replaces a part of the module's text.
    pub fn edit(mut self, from: &str, to: &str) -> Guest {
        self.edits.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Overwrites a part of what `resolve` or `plan` answers.
    pub fn poke(mut self, offset: u32, bytes: &[u8]) -> Guest {
        self.image.poke(self.answer + offset, bytes);
        self
    }

    /// Overwrites a part of what `describe` answers.
    pub fn describe_poke(mut self, offset: u32, bytes: &[u8]) -> Guest {
        self.image.poke(self.said + offset, bytes);
        self
    }

    pub fn wants(mut self, wants: &str) -> Guest {
        self.wants = wants.to_owned();
        self
    }

    pub fn version(mut self, version: &str) -> Guest {
        self.version = version.to_owned();
        self
    }

    pub fn manifest(&self) -> String {
        let Guest { name, version, world, wants, .. } = self;
        format!(
            "name = '{name}'\nversion = '{version}'\napi = '0.1'\nkind = '{world}'\n\
             [wants]\n{wants}\n"
        )
    }

    fn text(&self) -> String {
        let of_sources = if self.world == "source" { HOST_OF_SOURCES } else { "" };
        let functions: String = self
            .functions
            .iter()
            .map(|(name, body)| {
                format!("  (func ${name} (export \"{name}\") {} {body})\n", signature(name))
            })
            .collect();
        let (heap, data, more) = (self.image.end(), self.image.wat(), &self.more);
        let pages = heap / 65536 + 2;
        let text = format!(
            "(module {HOST} {of_sources}
               (memory $memory (export \"memory\") {pages})
               (global $heap (mut i32) (i32.const {heap}))
               {LIBRARY} {functions} {more} {data})"
        );
        self.edits.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "there is no {from:?} to replace");
            text.replace(from, to)
        })
    }

    /// The core module, with the types of its world in it.
    pub fn module(&self) -> Vec<u8> {
        let mut module = wat::parse_str(self.text()).unwrap_or_else(|error| panic!("{error}"));
        let (resolve, package) = &*INTERFACE;
        let world = resolve.select_world(&[*package], Some(self.world)).unwrap();
        wit_component::embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8)
            .unwrap();
        module
    }

    pub fn component(&self) -> Vec<u8> {
        wasm::pack(&self.module(), None).unwrap_or_else(|error| panic!("{error}"))
    }

    /// One file that is a plugin by itself.
    pub fn single(&self) -> Vec<u8> {
        wasm::pack(&self.module(), Some(&self.manifest())).unwrap()
    }
}
