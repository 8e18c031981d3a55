//! Operations on a caller's own asks. They tell how one stands and take one back; none decides.

mod cancel_ask;
mod check_ask;
mod standing;

pub use cancel_ask::CancelAsk;
pub use check_ask::CheckAsk;
