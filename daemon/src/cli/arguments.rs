//! What can be typed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clipmill_core::{OutputFormat, Resolution};

use super::times::parse_time;

/// Save a span of a video, get exactly those frames.
#[derive(Debug, Parser)]
#[command(name = "clipmill", version, about, after_help = super::error::HELP)]
pub struct Arguments {
    /// Configuration file [default: config.toml in the current folder, if there is one]
    #[arg(long, global = true, env = "CLIPMILL_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the daemon
    Serve(ServeArguments),
    /// Get a clip of a remote video or a local file
    Clip(ClipArguments),
    /// Encode a local file
    Encode(EncodeArguments),
    /// Make, try and list sources and codecs of others
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Manage accounts
    #[command(subcommand)]
    User(UserCommand),
    /// Copy users, sessions and videos from one database to another
    Migrate(MigrateArguments),
    /// Check or print the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// List what clipmill needs, and what is wrong with it
    Doctor,
}

/// `clipmill serve`
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Address and port, over the configured ones
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Data folder, over the configured one
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Make the configured stores those of the whole cluster, after they were moved
    #[arg(long)]
    pub adopt_stores: bool,
}

/// `clipmill clip`
#[derive(Debug, Args)]
pub struct ClipArguments {
    /// Address of the video, or a local file
    pub source: String,
    /// First moment that is wanted: seconds or [HH:]MM:SS, with fractions
    #[arg(long, value_parser = parse_time, value_name = "TIME")]
    pub from: f64,
    /// First moment that is not wanted any more
    #[arg(long, value_parser = parse_time, value_name = "TIME")]
    pub to: f64,
    /// mp4, webm or best [default: as the output is named, or as configured]
    #[arg(long, value_parser = one_of::<OutputFormat>(OutputFormat::ALL.map(OutputFormat::as_str)))]
    pub format: Option<OutputFormat>,
    /// 720p to 4320p, or best [default: as configured]
    #[arg(long, value_parser = one_of::<Resolution>(Resolution::SPELLINGS))]
    pub resolution: Option<Resolution>,
    /// The file to write [default: clip.mp4 or clip.webm]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How to tell about it
    #[command(flatten)]
    pub report: ReportArguments,
}

/// `clipmill encode`
#[derive(Debug, Args)]
pub struct EncodeArguments {
    /// The file to encode; it is not changed
    pub input: PathBuf,
    /// h264, h265, av1 or a plugin's
    #[arg(long, default_value = "h264")]
    pub codec: String,
    /// lossless, high or medium, or a plugin's own [default: high, or the codec's first]
    #[arg(long)]
    pub quality: Option<String>,
    /// The file to write [default: INPUT_CODEC_QUALITY with the codec's extension]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How to tell about it
    #[command(flatten)]
    pub report: ReportArguments,
}

/// How to tell about the work.
#[derive(Debug, Clone, Copy, Args)]
pub struct ReportArguments {
    /// One JSON object a line on standard output, for scripts
    #[arg(long)]
    pub json: bool,
    /// Write over an existing file
    #[arg(short, long)]
    pub force: bool,
}

/// `clipmill plugin`
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Begin a plugin: a folder that builds as it is
    New(NewPluginArguments),
    /// Tell whether a file is a plugin, what it wants, and what is wrong with it
    Check(CheckPluginArguments),
    /// Run a plugin once, and tell what it answers and what that costs
    Test(TestPluginArguments),
    /// List the plugins in the folder, in the order in which they are asked
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Make a plugin of a core module, or put a manifest into one
    Pack(PackPluginArguments),
}

/// `clipmill plugin new`
#[derive(Debug, Args)]
pub struct NewPluginArguments {
    /// Its name: 1 to 32 of a-z, 0-9 and _
    pub name: String,
    /// The language to write it in
    #[arg(long)]
    pub lang: Language,
    /// What it is; codecs are begun in Rust
    #[arg(long, default_value = "source")]
    pub kind: PluginKind,
    /// The folder to make [default: NAME]
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

/// Languages that there are templates for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Rust
    Rust,
    /// C
    C,
    /// JavaScript
    Js,
}

/// What a plugin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PluginKind {
    /// Finds media at an address
    Source,
    /// Plans how ffmpeg encodes
    Codec,
    /// Encodes frames by itself
    FrameCodec,
}

/// `clipmill plugin check`
#[derive(Debug, Args)]
pub struct CheckPluginArguments {
    /// NAME.wasm, with NAME.toml beside it or inside, or the folder of both
    pub file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `clipmill plugin test`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct TestPluginArguments {
    /// NAME.wasm, with NAME.toml beside it or inside, or the folder of both
    pub plugin: PathBuf,
    /// An address to ask a source about
    #[arg(long, group = "what")]
    pub url: Option<String>,
    /// Tell the source that its last answer does not work any more
    #[arg(long, requires = "url")]
    pub fresh: bool,
    /// A file to ask a codec about; a frame codec encodes it
    #[arg(long, group = "what", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Quality [default: the plugin's best]
    #[arg(long, requires = "file")]
    pub quality: Option<String>,
    /// Keep the encoded file
    #[arg(short, long, requires = "file", value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write over an existing file
    #[arg(short, long, requires = "output")]
    pub force: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `clipmill plugin pack`
#[derive(Debug, Args)]
pub struct PackPluginArguments {
    /// A core module as compilers make it, or a component
    pub module: PathBuf,
    /// The manifest to put into it
    #[arg(long, value_name = "NAME.toml")]
    pub manifest: Option<PathBuf>,
    /// The file to write [default: NAME.wasm of the manifest, or MODULE.component.wasm]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write over an existing file
    #[arg(short, long)]
    pub force: bool,
}

/// `clipmill user`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make an account; asks for the password
    Add(Account),
    /// Change a password and end all logins of the account
    Passwd(Account),
    /// List all accounts
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
}

/// An account, and where its password comes from.
#[derive(Debug, Args)]
pub struct Account {
    /// E-mail address
    pub email: String,
    /// Read the password from the first line of standard input
    #[arg(long)]
    pub password_stdin: bool,
}

/// `clipmill migrate`: files stay where they are. It can be run again: what is
/// there already is left as it is.
#[derive(Debug, Args)]
pub struct MigrateArguments {
    /// sqlite:PATH, mongodb://HOST/DATABASE or mongodb+srv://HOST/DATABASE
    #[arg(long, value_name = "DATABASE")]
    pub from: String,
    /// The same, of the database that gets the records
    #[arg(long, value_name = "DATABASE")]
    pub to: String,
    /// Print the counts as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `clipmill config`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Tell what is wrong with it
    Check,
    /// Print what is in force, without secrets
    Print,
}

/// Reads one of these spellings; the help and the errors list them.
fn one_of<T>(spellings: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: std::error::Error + Send + Sync> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(spellings).try_map(|text| text.parse::<T>())
}
