//! What is generated from the WIT files. Not for authors: the names that are
//! meant for them are at the root of the crate.
#![allow(missing_docs, clippy::all)]

#[cfg(feature = "source")]
wit_bindgen::generate!({
    path: "wit",
    world: "source",
    additional_derives: [PartialEq],
    generate_unused_types: true,
    pub_export_macro: true,
    export_macro_name: "export_world",
    default_bindings_module: "clipmill_plugin::bindings",
});

#[cfg(feature = "codec")]
wit_bindgen::generate!({
    path: "wit",
    world: "codec",
    additional_derives: [PartialEq],
    pub_export_macro: true,
    export_macro_name: "export_world",
    default_bindings_module: "clipmill_plugin::bindings",
});

#[cfg(feature = "frame-codec")]
wit_bindgen::generate!({
    path: "wit",
    world: "frame-codec",
    additional_derives: [PartialEq],
    pub_export_macro: true,
    export_macro_name: "export_world",
    default_bindings_module: "clipmill_plugin::bindings",
});

#[cfg(feature = "frame-codec")]
pub use crate::frame_codec::out_of_order;
