//! What an import said of its lines, as a CSV file.

use super::ImportLine;
use crate::sheet::formula;

/// The report's first line.
pub const REPORT_HEADER: &str = "line,outcome,column,field,code,message\r\n";

impl ImportLine {
    /// Appends what was said of the line to a report: a line for each problem.
    pub fn write(&self, text: &mut String) {
        let number = self.line.to_string();
        let mut row = |column: &str, field: &str, code: &str, message: &str| {
            let cells = [&number, self.outcome.word(), column, field, code, message];
            let cells = cells.map(|cell| {
                let cell = formula::neutralise(cell).replace('"', "\"\"");
                format!("\"{cell}\"")
            });
            text.push_str(&cells.join(","));
            text.push_str("\r\n");
        };
        if self.problems.is_empty() {
            let changes: Vec<&str> = self.changes.iter().map(|field| field.word()).collect();
            row("", &changes.join(" "), "", "");
        }
        for problem in &self.problems {
            let column = problem.column.map(|column| column.to_string());
            let code = problem
                .code
                .and_then(|code| serde_json::to_value(code).ok());
            let code = code.as_ref().and_then(|code| code.as_str());
            row(
                column.as_deref().unwrap_or_default(),
                problem.field.map_or("", |field| field.word()),
                code.unwrap_or_default(),
                &problem.message,
            );
        }
    }
}
