//! What one source file says of itself: which names its modules define and import, and which paths
//! they use. Tests, `#[cfg(test)]` and what stands below it, are left out.

use crate::lexer::Token;

/// A path such as `super::boxes::child`, and the line on which it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    pub segments: Vec<String>,
    pub line: usize,
}

/// One name of a `use` declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The name that it has here, `*` for all names of a module.
    pub name: String,
    pub path: Path,
    /// `pub`, `pub(crate)` or the like: others may take the name from here.
    pub is_public: bool,
}

/// A module: a file, or `mod name { .. }` inside of one.
#[derive(Debug, Default)]
pub struct Outline {
    pub imports: Vec<Import>,
    /// Names of functions, types, constants, traits and macros.
    pub items: Vec<String>,
    /// `mod name;`
    pub files: Vec<String>,
    /// `mod name { .. }`
    pub inline: Vec<(String, Outline)>,
    /// Paths of two segments and more in code.
    pub paths: Vec<Path>,
    /// All single words in code, for what comes through `use module::*`.
    pub words: Vec<Path>,
}

impl Outline {
    /// Takes the tokens of a file, without its tests.
    pub fn parse(tokens: &[Token]) -> Outline {
        let mut outline = Outline::default();
        outline.read(tokens);
        outline
    }

    fn read(&mut self, tokens: &[Token]) {
        let mut at = 0;
        while at < tokens.len() {
            let end = at + item_length(&tokens[at..]);
            self.item(&tokens[at..end]);
            at = end;
        }
    }

    fn item(&mut self, item: &[Token]) {
        let start = item.len() - without_attributes(item).len();
        self.code(&item[..start]);
        let mut rest = &item[start..];
        let is_public = is(rest, 0, "pub");
        if is_public {
            rest = &rest[1..];
            if is(rest, 0, "(") {
                rest = &rest[group_length(rest)..];
            }
        }
        while is_modifier(rest) {
            rest = &rest[1..];
        }
        let name = rest.get(1).filter(|token| token.is_word()).map(|token| token.text.to_owned());
        match (rest.first().map_or("", |token| token.text), name) {
            ("use", _) => self.imports.extend(imports(&rest[1..], is_public)),
            ("mod", Some(name)) if is(rest, 2, ";") => self.files.push(name),
            ("mod", Some(name)) => {
                let mut inner = Outline::default();
                inner.read(&rest[3..rest.len().saturating_sub(1).max(3)]);
                self.inline.push((name, inner));
            }
            (
                "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static",
                Some(name),
            ) => {
                self.items.push(name);
                self.code(&rest[2..]);
            }
            ("macro_rules", _) => {
                self.items.extend(rest.get(2).map(|token| token.text.to_owned()));
                self.code(&rest[3.min(rest.len())..]);
            }
            _ => self.code(rest),
        }
    }

    /// Collects the paths and words of code; a `use` inside of a function is an import like others.
    fn code(&mut self, code: &[Token]) {
        let mut at = 0;
        while at < code.len() {
            let is_start =
                code[at].is_word() && (at == 0 || !matches!(code[at - 1].text, "::" | "."));
            if !is_start {
                at += 1;
            } else if code[at].text == "use" {
                let end = at + until_semicolon(&code[at..]);
                self.imports.extend(imports(&code[at + 1..end], false));
                at = end;
            } else {
                let mut segments = vec![code[at].text.to_owned()];
                let line = code[at].line;
                at += 1;
                while is(code, at, "::") && code.get(at + 1).is_some_and(Token::is_word) {
                    segments.push(code[at + 1].text.to_owned());
                    at += 2;
                }
                let list = if segments.len() == 1 { &mut self.words } else { &mut self.paths };
                list.push(Path { segments, line });
            }
        }
    }
}

pub fn is(tokens: &[Token], at: usize, text: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.text == text)
}

/// Whether a word stands before the one that says what an item is: `const` of `const fn`.
fn is_modifier(tokens: &[Token]) -> bool {
    match tokens.first().map_or("", |token| token.text) {
        "async" | "unsafe" | "default" | "auto" => true,
        "extern" => is(tokens, 1, "\""),
        // The name of an ABI.
        "\"" => true,
        "const" => tokens
            .get(1)
            .is_some_and(|next| matches!(next.text, "fn" | "async" | "unsafe" | "extern")),
        _ => false,
    }
}

/// Skips the attributes that `tokens` start with.
fn without_attributes<'a, 'b>(mut tokens: &'a [Token<'b>]) -> &'a [Token<'b>] {
    while let Some(length) = attribute_length(tokens) {
        tokens = &tokens[length..];
    }
    tokens
}

fn attribute_length(tokens: &[Token]) -> Option<usize> {
    let bracket = 1 + usize::from(is(tokens, 1, "!"));
    (is(tokens, 0, "#") && is(tokens, bracket, "["))
        .then(|| bracket + group_length(&tokens[bracket..]))
}

/// `#[test]`, `#[tokio::test(..)]`, `#[cfg(test)]`, `#[cfg(all(test, ..))]`.
fn is_test_attribute(attribute: &[Token]) -> bool {
    let has = |word: &str| attribute.iter().any(|token| token.text == word);
    has("test") && !has("not") && !has("feature") && !has("cfg_attr")
}

/// Leaves out, at any depth, whatever an attribute says is for tests only.
pub fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        match attribute_length(&tokens[at..]) {
            Some(length) if is_test_attribute(&tokens[at..at + length]) => {
                at += item_length(&tokens[at..])
            }
            Some(length) => {
                kept.extend_from_slice(&tokens[at..at + length]);
                at += length;
            }
            None => {
                kept.push(tokens[at]);
                at += 1;
            }
        }
    }
    kept
}

/// How many tokens an item, a statement, a field or an arm has, with its attributes.
fn item_length(tokens: &[Token]) -> usize {
    let start = tokens.len() - without_attributes(tokens).len();
    let mut at = start;
    if is(tokens, at, "pub") {
        at += 1;
        if is(tokens, at, "(") {
            at += group_length(&tokens[at..]);
        }
    }
    while is_modifier(&tokens[at..]) {
        at += 1;
    }
    let keyword = tokens.get(at).map_or("", |token| token.text);
    if matches!(keyword, "use" | "const" | "static" | "type" | "let" | "extern") {
        return at + until_semicolon(&tokens[at..]);
    }
    let is_item = matches!(
        keyword,
        "fn" | "struct" | "enum" | "union" | "trait" | "impl" | "mod" | "macro_rules"
    );
    while at < tokens.len() {
        match tokens[at].text {
            "{" => return at + group_length(&tokens[at..]),
            ";" => return at + 1,
            "," if !is_item => return at + 1,
            "(" | "[" => at += group_length(&tokens[at..]),
            // What encloses it ends here.
            ")" | "]" | "}" if at > start => return at,
            _ => at += 1,
        }
    }
    tokens.len()
}

fn until_semicolon(tokens: &[Token]) -> usize {
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].text {
            ";" => return at + 1,
            "(" | "[" | "{" => at += group_length(&tokens[at..]),
            _ => at += 1,
        }
    }
    tokens.len()
}

/// How many tokens there are from an opening bracket to the one that closes it.
pub fn group_length(tokens: &[Token]) -> usize {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// The names that one `use` declaration brings in, its `use` left out.
fn imports(tokens: &[Token], is_public: bool) -> Vec<Import> {
    let mut found = Vec::new();
    // A leading `::` names a crate: nothing of ours is written so.
    if !is(tokens, 0, "::") {
        tree(tokens, &[], is_public, &mut found);
    }
    found
}

/// Reads one branch of a `use` tree that hangs below `prefix`; answers how many tokens it has.
fn tree(tokens: &[Token], prefix: &[String], is_public: bool, found: &mut Vec<Import>) -> usize {
    let mut segments = prefix.to_vec();
    let mut at = 0;
    let mut name = None;
    let line = tokens.first().map_or(0, |token| token.line);
    while let Some(token) = tokens.get(at) {
        match token.text {
            "::" => at += 1,
            "{" => {
                let end = at + group_length(&tokens[at..]);
                let mut inner = at + 1;
                while inner + 1 < end {
                    inner += tree(&tokens[inner..end - 1], &segments, is_public, found).max(1);
                    inner += usize::from(is(tokens, inner, ","));
                }
                return end;
            }
            "as" => {
                name = tokens.get(at + 1).map(|token| token.text.to_owned());
                at += 2;
            }
            "self" if !segments.is_empty() => at += 1,
            "*" => {
                segments.push("*".to_owned());
                at += 1;
            }
            _ if token.is_word() => {
                segments.push(token.text.to_owned());
                at += 1;
            }
            _ => break,
        }
    }
    if let Some(name) = name.or_else(|| segments.last().cloned()) {
        if name == "*" {
            segments.pop();
        }
        found.push(Import { name, path: Path { segments, line }, is_public });
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::tokens;

    fn outline(source: &str) -> Outline {
        Outline::parse(&without_tests(&tokens(source)))
    }

    fn paths(outline: &Outline) -> Vec<String> {
        outline.paths.iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn a_use_tree_is_taken_apart() {
        let outline = outline("pub(crate) use a::{self, b::{C, D as E}, f::*};");
        let imports: Vec<(String, String)> = outline
            .imports
            .iter()
            .map(|one| (one.name.clone(), one.path.segments.join("::")))
            .collect();
        let expected = [("a", "a"), ("C", "a::b::C"), ("E", "a::b::D"), ("*", "a::f")];
        assert_eq!(imports, expected.map(|(name, path)| (name.to_owned(), path.to_owned())));
        assert!(outline.imports.iter().all(|one| one.is_public));
    }

    #[test]
    fn items_modules_and_paths_are_found() {
        let outline = outline(
            "mod one; pub const fn two(x: [u8; 4]) -> super::T { crate::f(x) } const A: B = B { c: d::e };
             mod inner { pub struct G; } macro_rules! h { () => {} } impl I { fn j() { use k::L; L::m(); } }",
        );
        assert_eq!(outline.files, ["one"]);
        assert_eq!(outline.items, ["two", "A", "h"]);
        assert_eq!(outline.inline[0].0, "inner");
        assert_eq!(outline.inline[0].1.items, ["G"]);
        assert_eq!(paths(&outline), ["super::T", "crate::f", "d::e", "L::m"]);
        assert_eq!(outline.imports[0].path.segments, ["k", "L"]);
    }

    #[test]
    fn what_is_for_tests_is_left_out() {
        let source = "#[cfg(test)] mod tests { fn a() { crate::a() } }
            #[cfg(test)] use crate::b::{B};
            #[cfg(all(test, unix))] #[derive(X)] pub struct C<D, E>(crate::c::C);
            impl F { #[cfg(test)] fn g(&self) -> Vec<u8> { crate::d::D } fn h() { crate::kept::H } }
            struct I { #[cfg(test)] j: crate::e::E, k: crate::kept::K }
            #[cfg(not(test))] fn l() { crate::kept::L }
            #[tokio::test] async fn m() { crate::f::F }
            #[cfg(test)] mod other;";
        assert_eq!(paths(&outline(source)), ["crate::kept::H", "crate::kept::K", "crate::kept::L"]);
        assert!(outline(source).files.is_empty());
    }
}
