//! Operations on the engine as a whole and on Countersign itself.

mod check_policy;
mod engine_info;
mod ping;

pub use check_policy::CheckPolicy;
pub use engine_info::EngineInfo;
pub use ping::Ping;
