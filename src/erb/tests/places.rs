//! Places of the text become places of the template, and what tags printed is left out.

use super::Fixed;
use crate::diagnostic::Diagnostic;
use crate::erb::evaluate;

#[test]
fn places_of_the_text_are_traced_to_the_template() {
    let template =
        "é: <%= ENV['USER'] %> x\n<% if true -%>\n  b: 1<%# c %>2\n<% end %>z: <%=\n 1 %>\n";
    let evaluated = evaluate("x.erb", template, &mut Fixed::new()).unwrap();
    assert_eq!(evaluated.text, "é: deploy x\n  b: 12\nz: 1\n");
    for ((line, column, length), expected) in [
        ((1, 1, 1), (1, 1, 1)),
        ((1, 4, 6), (1, 4, 18)),
        ((1, 6, 1), (1, 4, 18)),
        ((1, 11, 1), (1, 23, 1)),
        ((1, 1, 11), (1, 1, 23)),
        ((2, 3, 1), (3, 3, 1)),
        ((2, 7, 1), (3, 15, 1)),
        ((3, 1, 1), (4, 10, 1)),
        ((3, 4, 1), (4, 13, 3)),
        ((2, 0, 1), (3, 0, 1)),
        ((0, 0, 1), (0, 0, 1)),
        ((9, 9, 9), (6, 1, 1)),
    ] {
        let mut place = crate::diagnostic::Place {
            file: "x.erb".to_owned(),
            line,
            column,
            length,
        };
        evaluated.trace_places("x.erb", [&mut place]);
        let traced = (place.line, place.column, place.length);
        assert_eq!(traced, expected, "{line}:{column}");
    }
}

#[test]
fn values_are_left_out_of_messages_about_the_text() {
    let template =
        "<%= ENV['TOKEN'] %>:<%= ENV['USER'] %><%= \"a\\\"long value \" + ENV['USER'] %>";
    let evaluated = evaluate("x.erb", template, &mut Fixed::new()).unwrap();
    for (message, expected) in [
        ("unknown key `hunter2hunter2`", "unknown key `…`"),
        ("not `hunter2hun…`", "not `…`"),
        ("not `hunter2hun`, at a dep", "not `hunter2hun`, at a dep"),
        ("`xdeploy` and a long value deploy", "`x…` and a …"),
    ] {
        let mut found = [Diagnostic::error(message).help(message)];
        evaluated.trace("x.erb", &mut found);
        assert_eq!(found[0].message, expected);
        assert_eq!(found[0].help.as_deref(), Some(expected));
    }
}
