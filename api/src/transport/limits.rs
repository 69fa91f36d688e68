//! Every limit of the GraphQL door, in one place.

use std::time::Duration;

pub use super::seats::SeatLimits;

/// What the door accepts, and for how long. The defaults are those the public documentation
/// promises; an installation may change any of them.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Limits on one document, checked before it is executed.
    pub document: DocumentLimits,
    /// The cost bucket of each caller.
    pub rate: RateSettings,
    /// Limits on `WebSocket` connections.
    pub socket: SocketLimits,
    /// Limits on what each token and each workspace has open.
    pub seats: SeatLimits,
    /// Bytes of text that are remembered of documents sent with their hash, in one process.
    pub persisted_bytes: usize,
    /// Longest body of a POST, in bytes, also once it is unpacked; counted while reading, whatever
    /// the headers announce.
    pub body_max_bytes: usize,
    /// Longest body that is read before it is known who sends it.
    pub body_short_bytes: usize,
    /// How long a client may take to send its body; for a long one three times as long.
    pub body_timeout: Duration,
    /// How long a query or a mutation may run, on every transport.
    pub request_timeout: Duration,
    /// Most errors in one answer.
    pub errors_max: usize,
    /// Pause between signs of life on event streams and multipart streams.
    pub heartbeat: Duration,
    /// Pause between checks that the session of a live stream or socket is still good.
    pub session_recheck: Duration,
    /// Origins (`https://app.example.com`) whose pages may call the API, also the one people see this
    /// installation under. The origin of `Host`, and clients that send no `Origin`, are always welcome.
    pub allowed_origins: Vec<String>,
    /// Parsed documents each worker thread keeps.
    pub plans_kept: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            document: DocumentLimits::default(),
            rate: RateSettings::default(),
            socket: SocketLimits::default(),
            seats: SeatLimits::default(),
            persisted_bytes: 16 * 1024 * 1024,
            body_max_bytes: 16 * 1024 * 1024,
            body_short_bytes: 1024 * 1024,
            body_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            errors_max: 20,
            heartbeat: Duration::from_secs(5),
            session_recheck: Duration::from_secs(2),
            allowed_origins: Vec::new(),
            plans_kept: 512,
        }
    }
}

/// Limits on one document. Counts are of the text as written, each fragment counted once, unless
/// the field says "expanded".
#[derive(Debug, Clone)]
pub struct DocumentLimits {
    /// Length of the document, in bytes.
    pub bytes: usize,
    /// Lexical tokens.
    pub tokens: usize,
    /// Brackets of any kind open at the same time.
    pub brackets: usize,
    /// Fields below each other, expanded. The introspection query of `GraphiQL` needs 15.
    pub depth: u32,
    /// Selection sets inside each other, expanded, fragments included.
    pub nesting: u32,
    /// Selections once every fragment is put in the place of its spreads.
    pub selections: u64,
    /// Aliases, also those of `__typename`.
    pub aliases: u32,
    /// Directives.
    pub directives: u32,
    /// Fragment spreads.
    pub spreads: u32,
    /// Fragment definitions.
    pub fragments: usize,
    /// Operations in one document.
    pub operations: usize,
    /// Variables of one operation.
    pub variables: usize,
    /// Fields at the root of a query or subscription, expanded.
    pub root_fields: u64,
    /// Mutations in one document, expanded.
    pub mutations: u64,
    /// Introspection lists (`types`, `fields`, `interfaces`, `possibleTypes`, `inputFields`) below
    /// each other.
    pub introspection_lists: u32,
    /// The budget: the highest estimated cost of one operation, in points.
    pub cost: u64,
    /// Items assumed of a list whose size is not asked for.
    pub list_default: u64,
    /// Most items one page can have; larger requests are costed as this, and refused by resolvers.
    pub list_max: u64,
}

impl Default for DocumentLimits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            tokens: 4_000,
            brackets: 64,
            depth: 15,
            nesting: 32,
            selections: 5_000,
            aliases: 30,
            directives: 50,
            spreads: 200,
            fragments: 100,
            operations: 20,
            variables: 100,
            root_fields: 30,
            mutations: 10,
            introspection_lists: 2,
            cost: 10_000,
            list_default: 20,
            list_max: 100,
        }
    }
}

/// The bucket of points each caller spends from.
#[derive(Debug, Clone, Copy)]
pub struct RateSettings {
    /// Points a full bucket holds. An operation that costs more than this takes a full bucket.
    pub burst: u32,
    /// Points that flow back each second.
    pub per_second: u32,
}

impl Default for RateSettings {
    fn default() -> Self {
        Self {
            burst: 50_000,
            per_second: 1_000,
        }
    }
}

/// Limits on one WebSocket.
#[derive(Debug, Clone, Copy)]
pub struct SocketLimits {
    /// How long a client may take to send `connection_init`.
    pub init_timeout: Duration,
    /// Operations live at the same time.
    pub operations: usize,
    /// Longest message before `connection_init` was accepted, in bytes.
    pub init_max_bytes: usize,
    /// Longest message, in bytes, its continuation frames together.
    pub message_max_bytes: usize,
    /// Longest operation id, in bytes.
    pub id_max_bytes: usize,
    /// How long a client may leave its outgoing buffer full before it is cut off.
    pub stall_timeout: Duration,
    /// Pause between pings; three without any sign of life end the socket.
    pub ping: Duration,
}

impl Default for SocketLimits {
    fn default() -> Self {
        Self {
            init_timeout: Duration::from_secs(3),
            operations: 100,
            init_max_bytes: 16 * 1024,
            message_max_bytes: 1024 * 1024,
            id_max_bytes: 128,
            stall_timeout: Duration::from_secs(5),
            ping: Duration::from_secs(15),
        }
    }
}
