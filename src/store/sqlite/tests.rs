//! The state in a file: the contract, and whatever can happen to a file.

mod crowd;
mod files;
mod full;
mod rows;
mod support;

use self::support::Folder;
use crate::store::contract::asks::contract;

contract!(Folder);
