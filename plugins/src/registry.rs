//! Which handlers there are, and which one is asked.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use url::Url;

use crate::{Codec, Source};

/// A source or a codec.
#[derive(Clone)]
pub enum Handler {
    /// A source.
    Source(Arc<dyn Source>),
    /// A codec.
    Codec(Arc<dyn Codec>),
}

impl Handler {
    /// Its name.
    pub fn name(&self) -> String {
        match self {
            Handler::Source(source) => source.describe().name,
            Handler::Codec(codec) => codec.describe().name,
        }
    }
}

/// Who comes first, and who not at all.
///
/// Handlers that `first` names come first, in that order; then plugins by
/// name; then the built-in ones, the special before the general.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    /// Names, the first of them first.
    pub first: Vec<String>,
    /// Names of handlers that are never asked.
    pub disabled: BTreeSet<String>,
}

/// The handlers, in order of precedence: the first source that claims an
/// address gets it, and the first codec of a name is that codec.
///
/// Plugins come and go while others ask; who has been given a handler keeps it
/// for as long as it needs it.
#[derive(Default)]
pub struct Registry {
    order: Order,
    built_in: Vec<Handler>,
    now: RwLock<Arc<Handlers>>,
}

/// The handlers at one moment.
#[derive(Default)]
struct Handlers {
    sources: Vec<Arc<dyn Source>>,
    codecs: Vec<Arc<dyn Codec>>,
}

impl Registry {
    /// A registry of these built-in handlers, the special ones first.
    pub fn new(built_in: Vec<Handler>, order: Order) -> Registry {
        let registry = Registry { order, built_in, now: RwLock::default() };
        registry.set_plugins(Vec::new());
        registry
    }

    /// Replaces all plugins by these.
    pub fn set_plugins(&self, mut plugins: Vec<Handler>) {
        plugins.sort_by_key(Handler::name);
        let all = plugins.into_iter().chain(self.built_in.iter().cloned());
        let mut all: Vec<_> = all.map(|handler| (handler.name(), handler)).collect();
        all.retain(|(name, _)| !self.order.disabled.contains(name));
        let ranks: BTreeMap<_, _> = self.order.first.iter().zip(0_usize..).collect();
        // The sort is stable: who has no rank stays in place behind those who have.
        all.sort_by_key(|(name, _)| Reverse(ranks.get(name).map(|rank| Reverse(*rank))));
        let mut now = Handlers::default();
        for (_, handler) in all {
            match handler {
                Handler::Source(source) => now.sources.push(source),
                Handler::Codec(codec) => now.codecs.push(codec),
            }
        }
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(now);
    }

    /// Whether a built-in handler has this name.
    pub fn is_built_in(&self, name: &str) -> bool {
        self.built_in.iter().any(|handler| handler.name() == name)
    }

    /// Whether this codec is a built-in one, and no plugin of the same name.
    pub fn is_own(&self, codec: &Arc<dyn Codec>) -> bool {
        self.built_in.iter().any(|handler| match handler {
            Handler::Codec(own) => Arc::ptr_eq(own, codec),
            Handler::Source(_) => false,
        })
    }

    /// Whether the configuration keeps a handler of this name from being asked.
    pub fn is_disabled(&self, name: &str) -> bool {
        self.order.disabled.contains(name)
    }

    /// The source for this address.
    pub async fn source_for(&self, url: &Url) -> Option<Arc<dyn Source>> {
        for source in &self.now().sources {
            if source.claims(url).await {
                return Some(Arc::clone(source));
            }
        }
        None
    }

    /// The sources, in the order in which they are asked.
    pub fn sources(&self) -> Vec<Arc<dyn Source>> {
        self.now().sources.clone()
    }

    /// The codec of this name.
    pub fn codec(&self, name: &str) -> Option<Arc<dyn Codec>> {
        self.now().codecs.iter().find(|codec| codec.describe().name == name).cloned()
    }

    /// The codecs that clients may ask for, in order.
    pub fn offered_codecs(&self) -> Vec<Arc<dyn Codec>> {
        self.now().codecs.iter().filter(|codec| codec.describe().offered).cloned().collect()
    }

    fn now(&self) -> Arc<Handlers> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::codecs::{AV1, H264, H265};

    fn names(registry: &Registry) -> Vec<String> {
        registry.offered_codecs().iter().map(|codec| codec.describe().name).collect()
    }

    #[test]
    fn the_named_come_first_then_plugins_then_the_built_in() {
        let handlers =
            |codecs: Vec<Arc<dyn Codec>>| codecs.into_iter().map(Handler::Codec).collect();
        let order = |first: &[&str], disabled: &[&str]| Order {
            first: first.iter().map(|name| (*name).to_owned()).collect(),
            disabled: disabled.iter().map(|name| (*name).to_owned()).collect(),
        };
        let built_in = || handlers(vec![Arc::new(H264), Arc::new(H265)]);
        let plugins = || handlers(vec![Arc::new(AV1)]);

        let plain = Registry::new(built_in(), Order::default());
        assert_eq!(names(&plain), ["h264", "h265"]);
        plain.set_plugins(plugins());
        assert_eq!(names(&plain), ["av1", "h264", "h265"]);
        plain.set_plugins(Vec::new());
        assert_eq!(names(&plain), ["h264", "h265"]);

        let ordered = Registry::new(built_in(), order(&["h265", "nobody", "h264"], &[]));
        ordered.set_plugins(plugins());
        assert_eq!(names(&ordered), ["h265", "h264", "av1"]);

        let without = Registry::new(built_in(), order(&[], &["h264", "av1"]));
        without.set_plugins(plugins());
        assert_eq!(names(&without), ["h265"]);
        assert!(without.codec("h264").is_none() && without.is_built_in("h264"));
    }
}
