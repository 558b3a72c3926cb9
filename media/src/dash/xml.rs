//! XML as a small tree of names, attributes and text.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::MediaError;

/// Deepest nesting.
const NESTING: usize = 24;
/// Most elements.
const ELEMENTS: usize = 1_000_000;
/// Most attributes of one element.
const ATTRIBUTES: usize = 100;

/// One element; prefixes of names are dropped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct XmlElement {
    pub name: String,
    pub text: String,
    attributes: Vec<(String, String)>,
    children: Vec<XmlElement>,
}

impl XmlElement {
    /// An attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The elements of this name.
    pub fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a XmlElement> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first element of this name.
    pub fn child(&self, name: &str) -> Option<&XmlElement> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// Reads a document.
pub(super) fn parse_xml(text: &str) -> Result<XmlElement, MediaError> {
    let damaged = || MediaError::damaged("a manifest that is no proper XML");
    let mut reader = Reader::from_str(text);
    let mut open: Vec<XmlElement> = Vec::new();
    let mut count = 0_usize;
    loop {
        let (node, closes) = match reader.read_event().map_err(|_| damaged())? {
            Event::Start(start) => (Some(parse_element(&start)?), false),
            Event::Empty(start) => (Some(parse_element(&start)?), true),
            Event::End(_) => (None, true),
            Event::Text(text) => {
                if let (Some(node), Ok(text)) = (open.last_mut(), text.decode()) {
                    node.text.push_str(&text);
                }
                continue;
            }
            Event::CData(text) => {
                if let (Some(node), Ok(text)) = (open.last_mut(), text.decode()) {
                    node.text.push_str(&text);
                }
                continue;
            }
            Event::GeneralRef(name) => {
                let text = resolve_entity(&name)?;
                if let Some(node) = open.last_mut() {
                    node.text.push(text);
                }
                continue;
            }
            Event::DocType(_) => {
                return Err(MediaError::unsupported("a manifest with a document type"));
            }
            Event::Eof => return Err(damaged()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
        };
        if let Some(node) = node {
            count += 1;
            if count > ELEMENTS || open.len() >= NESTING {
                return Err(MediaError::too_large("a manifest of too many elements"));
            }
            open.push(node);
        }
        if closes {
            let done = open.pop().ok_or_else(damaged)?;
            match open.last_mut() {
                Some(parent) => parent.children.push(done),
                None => return Ok(done),
            }
        }
    }
}

fn parse_element(start: &BytesStart<'_>) -> Result<XmlElement, MediaError> {
    let damaged = || MediaError::damaged("an element of a manifest that can't be read");
    let local = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    let mut node = XmlElement { name: local(start.local_name().as_ref()), ..XmlElement::default() };
    for attribute in start.attributes().take(ATTRIBUTES) {
        let attribute = attribute.map_err(|_| damaged())?;
        // Entities that XML itself defines, and no others.
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| damaged())?;
        let name = local(attribute.key.local_name().as_ref());
        node.attributes.push((name, value.into_owned()));
    }
    Ok(node)
}

/// The character of an entity that XML itself defines.
fn resolve_entity(name: &quick_xml::events::BytesRef<'_>) -> Result<char, MediaError> {
    let unknown = || MediaError::unsupported("a manifest with entities of its own");
    if let Some(character) = name.resolve_char_ref().map_err(|_| unknown())? {
        return Ok(character);
    }
    match &*name.decode().map_err(|_| unknown())? {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => Err(unknown()),
    }
}
