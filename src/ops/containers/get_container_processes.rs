//! `get_container_processes`: what runs in a container.

use serde_json::{Value, json};

use super::lifecycle::OneContainer;
use super::{notes, target};
use crate::core::operation::{Class, Spec};
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::redact::Redactor;
use crate::core::text;
use crate::gate::{Context, Read, Render};
use crate::ops::table::table;
use crate::ports::engine::{CONTAINER, Processes};

/// Rows, at most.
const ROWS_MAX: usize = 100;

/// The longest command line, in characters.
const COMMAND_CHARS_MAX: usize = 200;

/// The longest other cell, in characters.
const CELL_CHARS_MAX: usize = 32;

/// The columns that are shown, as they are called here and as `ps` calls them. The last one holds
/// command lines.
const COLUMNS: [(&str, &[&str]); 6] = [
    ("PID", &["PID"]),
    ("PARENT", &["PPID"]),
    ("USER", &["UID", "USER"]),
    ("START", &["STIME", "START"]),
    ("CPU TIME", &["TIME"]),
    ("COMMAND", &["CMD", "COMMAND"]),
];

/// The operation.
#[derive(Debug)]
pub struct GetContainerProcesses;

/// The processes found.
#[derive(Debug)]
pub struct Running {
    name: String,
    /// Why there are none: the state of a container that does not run.
    down: Option<String>,
    rows: Vec<[String; 6]>,
    left_out: usize,
    hidden: bool,
}

impl Running {
    fn of(name: &str, processes: &Processes, mut redactor: Redactor) -> Self {
        let places = COLUMNS.map(|(_, titles)| {
            processes.titles.iter().position(|title| titles.contains(&title.as_str()))
        });
        let mut row = |cells: &Vec<String>| {
            let mut shown = places.map(|place| {
                let cell = place.and_then(|place| cells.get(place)).map(String::as_str);
                text::line(cell.unwrap_or_default(), CELL_CHARS_MAX)
            });
            let [.., command] = places;
            let command = command.and_then(|place| cells.get(place)).map(String::as_str);
            let words = command.unwrap_or_default().split_whitespace().map(str::to_owned);
            let words = redactor.command(&words.collect::<Vec<_>>()).join(" ");
            // A secret that stands in one word or over several is found in the line as well.
            let line = redactor.text(&words);
            let [.., last] = &mut shown;
            *last = text::line(&line, COMMAND_CHARS_MAX);
            shown
        };
        let rows: Vec<_> = processes.rows.iter().take(ROWS_MAX).map(&mut row).collect();
        Self {
            name: text::name(name),
            down: None,
            left_out: processes.rows.len() - rows.len(),
            rows,
            hidden: redactor.hidden() > 0,
        }
    }
}

impl Render for Running {
    fn text(&self) -> String {
        if let Some(state) = &self.down {
            return format!("{} is not running ({state}), so it has no processes.", self.name);
        }
        let mut out = table(COLUMNS.map(|(heading, _)| heading), &self.rows);
        out.push_str("Process ids are those of the host.");
        if self.hidden {
            out.push_str(" Values that can be secret were hidden.");
        }
        if self.left_out > 0 {
            out.push_str(&format!("\n… {} more; only `docker top` shows all", self.left_out));
        }
        out
    }

    fn data(&self) -> Value {
        let keys = ["pid", "parent", "user", "start", "cpuTime", "command"];
        let object = |row: &[String; 6]| -> Value {
            let pairs = keys.iter().zip(row);
            pairs.map(|(key, cell)| ((*key).to_owned(), json!(cell))).collect()
        };
        let rows: Vec<Value> = self.rows.iter().map(object).collect();
        json!({"processes": rows, "leftOut": self.left_out, "hidden": self.hidden})
    }

    fn record(&self) -> Value {
        json!({"rows": self.rows.len(), "leftOut": self.left_out, "hidden": self.hidden})
    }
}

impl Read for GetContainerProcesses {
    type Params = OneContainer;
    type Output = Running;

    fn spec() -> Spec {
        let spec = Spec::read(
            "get_container_processes",
            "List a container's processes",
            "Lists the processes of a running container with their command lines, in which values \
             that can be secret are hidden.",
            "containers",
        );
        Spec {
            class: Class::Sensitive,
            ceiling: Class::Sensitive,
            kinds: &[&CONTAINER],
            references: &["container"],
            since_api: Some("1.24"),
            ..spec
        }
    }

    async fn resolve(cx: Context<'_>, params: &OneContainer) -> Result<Vec<Target>, Fault> {
        target::resolve(cx, &params.container).await
    }

    async fn read(cx: Context<'_>, _: &OneContainer, targets: &[Target]) -> Result<Running, Fault> {
        let container = cx.look.container(&target::full_id(targets)?).await?;
        let redactor = Redactor::new(&container.env);
        if notes::run(&container) == notes::Run::Down {
            let down = Some(text::name(&container.state.status));
            let none = Running::of(&container.name, &Processes::default(), redactor);
            return Ok(Running { down, ..none });
        }
        let processes = cx.look.processes(&container.id).await?;
        Ok(Running::of(&container.name, &processes, redactor))
    }
}
