//! Makes a new migration file count as a change: the macro that embeds them
//! only watches those that it knows.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
