//! Which handlers there are, and which one is asked.

use std::sync::Arc;

use url::Url;

use crate::{Codec, Source};

/// The handlers, in order of precedence: the first source that claims an
/// address gets it, and the first codec of a name is that codec.
#[derive(Clone, Default)]
pub struct Registry {
    sources: Vec<Arc<dyn Source>>,
    codecs: Vec<Arc<dyn Codec>>,
}

impl Registry {
    /// A registry of these handlers.
    pub fn new(sources: Vec<Arc<dyn Source>>, codecs: Vec<Arc<dyn Codec>>) -> Registry {
        Registry { sources, codecs }
    }

    /// The source for this address.
    pub fn source_for(&self, url: &Url) -> Option<Arc<dyn Source>> {
        self.sources.iter().find(|source| source.claims(url)).cloned()
    }

    /// The codec of this name.
    pub fn codec(&self, name: &str) -> Option<Arc<dyn Codec>> {
        self.codecs.iter().find(|codec| codec.describe().name == name).cloned()
    }

    /// The codecs that clients may ask for, in order.
    pub fn offered_codecs(&self) -> impl Iterator<Item = &Arc<dyn Codec>> {
        self.codecs.iter().filter(|codec| codec.describe().offered)
    }
}
