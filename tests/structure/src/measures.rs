//! What a reader of the code meets: long functions, long lists of parameters, names that are borne
//! by several types.

use std::collections::BTreeMap;

use crate::lexer::Token;
use crate::outline::{group_length, is};

/// Lines of a function at most: what fits on a screen.
const LONGEST_FUNCTION: usize = 50;
/// Parameters of a function at most; `self` doesn't count.
const MOST_PARAMETERS: usize = 5;
/// A name of a function that can't be found by search.
const UNSEARCHABLE: [&str; 10] =
    ["of", "take", "at", "look", "make", "tell", "ask", "see", "way", "fit"];

/// What was seen in the files so far.
#[derive(Debug, Default)]
pub struct Measures {
    /// A line for each function that is too long, has too many parameters or a name of little use.
    pub functions: Vec<String>,
    /// Types that others can see, and where each is defined.
    types: BTreeMap<String, Vec<String>>,
}

impl Measures {
    /// Takes the tokens of a file, without its tests.
    pub fn add(&mut self, file: &str, tokens: &[Token]) {
        for (at, pair) in tokens.windows(2).enumerate() {
            let place = || format!("{file}:{}", pair[0].line);
            match pair[0].text {
                "fn" if pair[1].is_word() => {
                    self.function(&place(), pair[1].text, &tokens[at + 2..])
                }
                "struct" | "enum" | "trait" | "union"
                    if pair[1].is_word() && is_visible(&tokens[..at]) =>
                {
                    self.types.entry(pair[1].text.to_owned()).or_default().push(place());
                }
                _ => {}
            }
        }
    }

    /// A line for each name that several types bear.
    pub fn shared_names(&self) -> Vec<String> {
        let shared = self.types.iter().filter(|(_, places)| places.len() > 1);
        shared.map(|(name, places)| format!("{name}: {}", places.join(", "))).collect()
    }

    /// `rest` is what follows the name.
    fn function(&mut self, place: &str, name: &str, rest: &[Token]) {
        let start = generics_length(rest);
        if !is(rest, start, "(") {
            return;
        }
        let end = start + group_length(&rest[start..]);
        let parameters = parameters(&rest[start + 1..end - 1]);
        let body = rest[end..].iter().position(|token| matches!(token.text, "{" | ";"));
        let lines = body.map_or(0, |body| {
            let body = end + body;
            let last = body + group_length(&rest[body..]) - 1;
            rest[last].line - rest[body].line
        });
        let mut faults = Vec::new();
        if lines > LONGEST_FUNCTION {
            faults.push(format!("{lines} lines"));
        }
        if parameters > MOST_PARAMETERS {
            faults.push(format!("{parameters} parameters"));
        }
        if UNSEARCHABLE.contains(&name) {
            faults.push("a name that can't be searched".to_owned());
        }
        if !faults.is_empty() {
            self.functions.push(format!("{place} {name}: {}", faults.join(", ")));
        }
    }
}

/// Whether a visibility stands at the end of `before`: `pub`, `pub(crate)`, also with `unsafe`.
fn is_visible(before: &[Token]) -> bool {
    let mut before = before;
    while let [rest @ .., last] = before {
        match last.text {
            "unsafe" | "auto" | ")" | "crate" | "super" | "in" | "(" | "::" => before = rest,
            text => return text == "pub",
        }
    }
    false
}

/// How many tokens `<..>` has; the arrow of `Fn() -> T` closes nothing.
fn generics_length(tokens: &[Token]) -> usize {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "<" => depth += 1,
            ">" if at > 0 && !is(tokens, at - 1, "-") => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return if token.text == ">" { at + 1 } else { at };
        }
    }
    tokens.len()
}

/// How many parameters there are between two parentheses.
fn parameters(tokens: &[Token]) -> usize {
    let mut count = 0;
    let mut is_new = true;
    let mut angles = 0usize;
    let mut at = 0;
    while at < tokens.len() {
        let before = at.checked_sub(1).map_or("", |before| tokens[before].text);
        match tokens[at].text {
            "," if angles == 0 => is_new = true,
            "<" => angles += 1,
            ">" if before != "-" => angles = angles.saturating_sub(1),
            "self" if angles == 0 && !is(tokens, at + 1, "::") && count == 1 => count = 0,
            _ if is_new => {
                count += 1;
                is_new = false;
                // `self` alone.
                continue;
            }
            "(" | "[" | "{" => at += group_length(&tokens[at..]) - 1,
            _ => {}
        }
        at += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::tokens;

    fn measured(source: &str) -> Measures {
        let mut measures = Measures::default();
        measures.add("a.rs", &tokens(source));
        measures
    }

    #[test]
    fn parameters_are_counted_without_self() {
        for (text, expected) in [
            ("", 0),
            ("&self", 0),
            ("self", 0),
            ("&'a mut self, a: u8", 1),
            ("a: Map<K, V>, b: impl Fn(A, B) -> C, (c, d): (C, D),", 3),
            ("self: Arc<Self>, a: [u8; 4], b: &dyn Fn(&self::X)", 2),
        ] {
            assert_eq!(parameters(&tokens(text)), expected, "{text}");
        }
    }

    #[test]
    fn long_functions_are_found() {
        let lines = "\n".repeat(51);
        let source = format!(
            "impl A {{ fn short() {{}}\n fn long<T: Fn() -> Vec<u8>>(a: T) -> u8 {{ {lines} }} }}"
        );
        assert_eq!(measured(&source).functions, ["a.rs:2 long: 51 lines"]);
        let source = "fn of(a: A, b: B, c: C, d: D, e: E, f: F);";
        assert_eq!(
            measured(source).functions,
            ["a.rs:1 of: 6 parameters, a name that can't be searched"]
        );
    }

    #[test]
    fn names_are_shared_by_what_others_can_see() {
        let measures = measured(
            "pub struct A;\npub(crate) enum A {}\nstruct B; pub(super) trait B {} pub struct C;",
        );
        assert_eq!(measures.shared_names(), ["A: a.rs:1, a.rs:2"]);
    }
}
