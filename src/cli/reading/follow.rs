//! The output of commands that do not end by themselves, line by line as it comes.

use tokio::sync::mpsc;

use super::Reading;
use super::section::{Section, start};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::redaction::LineRedactor;
use crate::text;
use crate::transport::pieces;

/// Lines that wait to be printed.
const WAITING: usize = 256;

/// Why nothing is followed any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All commands have ended.
    Ended,
    /// The user stopped it.
    Interrupted,
}

impl Reading {
    /// Runs all commands, and prints the lines of all as they come, until the last ends or the user stops it. Of several, each line
    /// has the host's name in front.
    pub async fn follow(&mut self, sections: Vec<Section>) -> Result<End, Failure> {
        tokio::select! {
            done = self.interleave(sections) => done.map(|()| End::Ended),
            _ = tokio::signal::ctrl_c() => {
                self.links.close();
                Ok(End::Interrupted)
            }
        }
    }

    async fn interleave(&mut self, sections: Vec<Section>) -> Result<(), Failure> {
        let widest = sections
            .iter()
            .map(|section| section.name().chars().count());
        let width = match sections.len() {
            0 | 1 => None,
            _ => widest.max(),
        };
        let (sender, mut lines) = mpsc::channel(WAITING);
        let mut ends = Vec::new();
        for section in sections {
            let prefix = width.map_or(String::new(), |width| {
                format!("{:<width$} | ", section.name())
            });
            let mut running = start(section, &self.links)?;
            let sender = sender.clone();
            let (_, nothing) = pieces::pieces();
            let mut pieces = std::mem::replace(&mut running.pieces, nothing);
            let mut line = LineRedactor::new(self.redactor.clone());
            tokio::spawn(async move {
                while let Some(piece) = pieces.recv().await {
                    let shown = line.add(&piece);
                    if !shown.is_empty() && sender.send((prefix.clone(), shown)).await.is_err() {
                        return;
                    }
                }
                let rest = line.rest();
                if !rest.is_empty() {
                    let _ = sender.send((prefix, rest)).await;
                }
            });
            ends.push(running);
        }
        drop(sender);
        while let Some((prefix, piece)) = lines.recv().await {
            let line = text::escape(piece.trim_end_matches(['\r', '\n']));
            output::print(&format!("{prefix}{line}\n"))?;
        }
        for running in ends {
            self.end(running).await?;
        }
        Ok(())
    }
}
