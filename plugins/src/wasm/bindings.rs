//! What the WIT package says, in Rust: one module a world, one set of types.

/// The world `source`, with the types and imports that all worlds share.
pub(super) mod source {
    wasmtime::component::bindgen!({
        path: "wit/0.1.0",
        world: "source",
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

/// The world `codec`.
pub(super) mod codec {
    wasmtime::component::bindgen!({
        path: "wit/0.1.0",
        world: "codec",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "clipmill:plugin/types": super::source::clipmill::plugin::types,
            "clipmill:plugin/log": super::source::clipmill::plugin::log,
            "clipmill:plugin/clock": super::source::clipmill::plugin::clock,
            "clipmill:plugin/settings": super::source::clipmill::plugin::settings,
        },
    });
}

/// The world `frame-codec`.
pub(super) mod frames {
    wasmtime::component::bindgen!({
        path: "wit/0.1.0",
        world: "frame-codec",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "clipmill:plugin/types": super::source::clipmill::plugin::types,
            "clipmill:plugin/log": super::source::clipmill::plugin::log,
            "clipmill:plugin/clock": super::source::clipmill::plugin::clock,
            "clipmill:plugin/settings": super::source::clipmill::plugin::settings,
        },
    });
}

pub(super) use source::clipmill::plugin::{cache, clock, http, log, settings, types};
