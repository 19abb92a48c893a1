//! Keys of a YAML file that become comments. All else stays as it was written, comments and tags included.

/// The lines of a file.
pub struct Lines {
    lines: Vec<String>,
}

impl Lines {
    /// Splits a text.
    pub fn of(text: &str) -> Self {
        Self {
            lines: text.lines().map(str::to_owned).collect(),
        }
    }

    /// Makes comments of the lines of a key that stands at `line` and `column`, both from 1. Returns whether it has lines of its
    /// own; else nothing changes.
    pub fn comment_out(&mut self, line: usize, column: usize, why: &str) -> bool {
        let Some(first) = line
            .checked_sub(1)
            .filter(|first| *first < self.lines.len())
        else {
            return false;
        };
        let indent = column.saturating_sub(1);
        if indent_of(&self.lines[first]) != indent
            || self.lines[first].trim_start().starts_with('-')
        {
            return false;
        }
        let mut end = first + 1;
        let mut after = end;
        while let Some(next) = self.lines.get(after) {
            let is_empty = next.trim().is_empty();
            let is_item = indent_of(next) == indent && next.trim_start().starts_with("- ");
            if !is_empty && indent_of(next) <= indent && !is_item {
                break;
            }
            after += 1;
            end = if is_empty { end } else { after };
        }
        let margin = " ".repeat(indent);
        for line in &mut self.lines[first..end] {
            let rest = line.get(indent..).unwrap_or_default();
            *line = format!("{margin}# {rest}").trim_end().to_owned();
        }
        // On the line itself, so that the numbers of lines stay what they are.
        let line = &mut self.lines[first];
        *line = format!("{line}  # not read by mrsk: {why}");
        true
    }

    /// Returns the text.
    pub fn text(self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
service: shop # the shop
env:
  clear: {A: 1}
  tags:
    a:
      B: 2

    # of b
    b: {C: 3}
list:
- x
- y
boot: {max_failures: 1}
last: 1
";

    #[test]
    fn a_key_with_lines_of_its_own_becomes_a_comment() {
        let mut lines = Lines::of(FILE);
        assert!(lines.comment_out(4, 3, "use roles"));
        assert!(lines.comment_out(10, 1, "remove it"));
        assert!(!lines.comment_out(13, 8, "remove it"), "in braces");
        assert!(!lines.comment_out(99, 1, ""), "no such line");
        let expected = "\
service: shop # the shop
env:
  clear: {A: 1}
  # tags:  # not read by mrsk: use roles
  #   a:
  #     B: 2
  #
  #   # of b
  #   b: {C: 3}
# list:  # not read by mrsk: remove it
# - x
# - y
boot: {max_failures: 1}
last: 1
";
        assert_eq!(lines.text(), expected);
    }
}
