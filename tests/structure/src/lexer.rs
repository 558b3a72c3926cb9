//! Rust source as tokens: identifiers, `::` and single characters; comments and literals are left out.

/// One token and the line, from 1, on which it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub text: &'a str,
    pub line: usize,
}

impl Token<'_> {
    /// Whether this is an identifier or a keyword.
    pub fn is_word(&self) -> bool {
        self.text.starts_with(|first: char| first == '_' || first.is_alphabetic())
    }
}

/// Splits `source` into tokens. A literal becomes one token, `"`, so that what follows it is not
/// taken for its neighbour.
pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { source, position: 0, line: 1, tokens: Vec::new() };
    while lexer.position < source.len() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer<'a> {
    source: &'a str,
    position: usize,
    line: usize,
    tokens: Vec<Token<'a>>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.position..]
    }

    fn skip(&mut self, length: usize) {
        let end = (self.position + length).min(self.source.len());
        self.line += self.source[self.position..end].matches('\n').count();
        self.position = end;
    }

    fn push(&mut self, length: usize) {
        let text = &self.rest()[..length];
        self.tokens.push(Token { text, line: self.line });
        self.skip(length);
    }

    fn literal(&mut self, length: usize) {
        self.tokens.push(Token { text: "\"", line: self.line });
        self.skip(length);
    }

    fn step(&mut self) {
        let rest = self.rest();
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() {
            self.skip(first.len_utf8());
        } else if rest.starts_with("//") {
            self.skip(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.skip(block_comment(rest));
        } else if let Some(length) = string(rest).or_else(|| character(rest)) {
            self.literal(length);
        } else if first == '\'' {
            self.literal(1 + word(&rest[1..]));
        } else if first.is_ascii_digit() {
            self.literal(number(rest));
        } else if let Some(raw) = rest.strip_prefix("r#").filter(|raw| word(raw) > 0) {
            self.skip(2);
            self.push(word(raw));
        } else if word(rest) > 0 {
            self.push(word(rest));
        } else if rest.starts_with("::") {
            self.push(2);
        } else {
            self.push(first.len_utf8());
        }
    }
}

/// The length of the identifier that `text` starts with.
fn word(text: &str) -> usize {
    text.find(|char: char| char != '_' && !char.is_alphanumeric()).unwrap_or(text.len())
}

/// The length of a number; `1..2` is two of them.
fn number(text: &str) -> usize {
    let whole = word(text);
    match text[whole..].strip_prefix('.') {
        Some(rest) if rest.starts_with(|char: char| char.is_ascii_digit()) => {
            whole + 1 + word(rest)
        }
        _ => whole,
    }
}

/// The length of a block comment, which may hold others.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of a string literal of any kind, with its prefix.
fn string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['"', '#']))
    })?;
    let rest = &text[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let body = rest[hashes..].strip_prefix('"')?;
        let close = format!("\"{}", "#".repeat(hashes));
        let length = body.find(&close).map_or(body.len(), |end| end + close.len());
        return Some(prefix.len() + hashes + 1 + length);
    }
    Some(prefix.len() + 1 + quoted(rest.strip_prefix('"')?, '"'))
}

/// The length of a character literal; none for a lifetime.
fn character(text: &str) -> Option<usize> {
    let prefix = usize::from(text.starts_with("b'"));
    let body = text[prefix..].strip_prefix('\'')?;
    let first = body.chars().next()?;
    let is_literal = first == '\\' || body[first.len_utf8()..].starts_with('\'');
    is_literal.then(|| prefix + 1 + quoted(body, '\''))
}

/// How far it is to the end of a literal, the closing quote included.
fn quoted(body: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, char) in body.char_indices() {
        if escaped {
            escaped = false;
        } else if char == '\\' {
            escaped = true;
        } else if char == quote {
            return at + 1;
        }
    }
    body.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        tokens(source).iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_literals_are_no_words() {
        let source = r##"a /* b /* c */ d */ "e \" f" r#"g " h"# b'\'' 'i' 'j: // k
            crate::l<1.5, 0..2> r#type"##;
        let expected = [
            "a", "\"", "\"", "\"", "\"", "\"", ":", "crate", "::", "l", "<", "\"", ",", "\"", ".",
            ".", "\"", ">", "type",
        ];
        assert_eq!(texts(source), expected);
        assert_eq!(tokens(source).last().map(|token| token.line), Some(2));
    }
}
