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
            let content = next.trim_start();
            let is_outside = indent_of(next) <= indent;
            let is_gap = content.is_empty() || is_outside && is_beside(content);
            let is_last = content.starts_with(['}', ']']);
            let continues = content.starts_with("- ") || is_last;
            if !is_gap && is_outside && !(indent_of(next) == indent && continues) {
                break;
            }
            after += 1;
            end = if is_gap { end } else { after };
            if is_outside && is_last {
                break;
            }
        }
        if self.lines[first..end].iter().any(|line| has_control(line)) {
            return false;
        }
        let margin = " ".repeat(indent);
        for line in &mut self.lines[first..end] {
            let rest = &line[indent.min(indent_of(line))..];
            // A template's tags would be evaluated in a comment, too.
            let rest = rest.replace("<%", "<%%");
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

/// Returns whether a line may stand in a block at any margin.
fn is_beside(content: &str) -> bool {
    content.starts_with('#') || has_control(content)
}

/// Returns whether a line has a tag of a template that prints nothing, such as `<% if … %>`: its end may be elsewhere.
fn has_control(line: &str) -> bool {
    let mut tags = line.split("<%").skip(1);
    tags.any(|tag| !tag.starts_with(['=', '%']))
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

    #[test]
    fn a_block_goes_on_behind_what_stands_at_the_margin() {
        let text = concat!(
            "ssh:\n  key_data:\n# at the margin\n    - <%= `cat key` %>\n  user: app\n",
            "proxy:\n  run: {\n    publish: false\n  }\n  host: x\n",
            "env:\n  tags:\n<% if true %>\n    x: {A: 1}\n<% end %>\n",
        );
        let mut lines = Lines::of(text);
        assert!(lines.comment_out(2, 3, "a"));
        assert!(lines.comment_out(7, 3, "b"));
        assert!(!lines.comment_out(12, 3, "c"), "the end would stay");
        let expected = concat!(
            "ssh:\n  # key_data:  # not read by mrsk: a\n  # # at the margin\n  #   - <%%= `cat key` %>\n  user: app\n",
            "proxy:\n  # run: {  # not read by mrsk: b\n  #   publish: false\n  # }\n  host: x\n",
            "env:\n  tags:\n<% if true %>\n    x: {A: 1}\n<% end %>\n",
        );
        assert_eq!(lines.text(), expected);
    }
}
