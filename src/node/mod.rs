//! Controlling nodes: ping, version, start, stop, restart, migrations, logs and the console.
//!
//! `node.sh` has an adapter for each kind of start script; the kind is found on the host, not
//! configured. `container.sh` has the one for images. `migrate.sh` has the two ways in which a release migrates its database.

mod command;
mod console;
mod logs;
mod migration;
mod state;

pub use command::{NodeAction, command, time_limit};
pub use console::console;
pub use logs::{LogRange, logs};
pub use migration::{Direction, Migration};
pub use state::NodeState;
