//! The trait of sources, and their export.

use crate::{MediaInfo, ResolveOptions, SourceError};

/// A site, or a kind of page or feed.
///
/// Every call meets a fresh instance of the plugin, so there is no `self`: what
/// is to outlive a call belongs into [`crate::cache`].
pub trait Source {
    /// Whether this address concerns it. Asked for every address that no handler
    /// before it claimed, so it has 200 ms and no HTTP: look at the text alone.
    /// [`crate::address::Address`] takes it apart.
    fn claims(url: &str) -> bool;

    /// Finds out what can be had at an address that it claimed.
    ///
    /// # Errors
    /// [`SourceError`] says what is wrong and whether asking again can help.
    /// Errors of [`crate::http`] become one with `?`.
    fn resolve(url: &str, options: ResolveOptions) -> Result<MediaInfo, SourceError>;
}

/// Makes a type that implements the trait of the chosen feature the plugin.
///
/// The name and the version that a source tells are the crate's, with `-`
/// replaced by `_`; another name can be given:
///
/// ```text
/// clipmill_plugin::export!(MySource);
/// clipmill_plugin::export!(MySource, name: "my_site");
/// ```
#[macro_export]
macro_rules! export {
    ($type:ty) => {
        $crate::export!($type, name: env!("CARGO_PKG_NAME"));
    };
    ($type:ty, name: $name:expr) => {
        #[doc(hidden)]
        struct ClipmillPlugin;

        impl $crate::bindings::Guest for ClipmillPlugin {
            fn describe() -> $crate::SourceDescription {
                $crate::SourceDescription {
                    name: str::replace($name, "-", "_"),
                    version: env!("CARGO_PKG_VERSION").to_string(),
                }
            }

            fn claims(url: String) -> bool {
                <$type as $crate::Source>::claims(&url)
            }

            fn resolve(
                url: String,
                options: $crate::ResolveOptions,
            ) -> Result<$crate::MediaInfo, $crate::SourceError> {
                <$type as $crate::Source>::resolve(&url, options)
            }
        }

        $crate::bindings::export_world!(ClipmillPlugin with_types_in $crate::bindings);
    };
}
