//! What the terminal can show.

use std::io::IsTerminal;
use std::os::fd::AsFd;

use crate::show::Look;
use crate::text::Styling;

/// Returns how text looks on `stream`: with colors if it is a terminal and NO_COLOR is not set.
pub fn look(stream: &(impl IsTerminal + AsFd)) -> Look {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_terminal = stream.is_terminal();
    Look {
        styling: match is_terminal && !no_color {
            true => Styling::Ansi,
            false => Styling::Plain,
        },
        width: is_terminal
            .then(|| rustix::termios::tcgetwinsize(stream).ok())
            .flatten()
            .map(|size| size.ws_col)
            .filter(|columns| *columns > 0),
    }
}
