//! A channel for output of commands that holds so many bytes: beyond them, who writes waits for who reads.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// The bytes that a channel holds.
const ROOM: usize = 8 << 20;

/// Where pieces of output go.
#[derive(Debug, Clone)]
pub struct Pieces {
    sender: mpsc::UnboundedSender<(String, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
}

/// Where pieces of output come from.
#[derive(Debug)]
pub struct PieceReader(mpsc::UnboundedReceiver<(String, OwnedSemaphorePermit)>);

/// Nobody reads any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread;

/// Returns both ends of a channel.
pub fn pieces() -> (Pieces, PieceReader) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(ROOM));
    (Pieces { sender, room }, PieceReader(receiver))
}

impl Pieces {
    /// Hands a piece on; waits until there is room for it.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub async fn send(&self, piece: String) -> Result<(), Unread> {
        let size = u32::try_from(piece.len().min(ROOM)).map_err(|_| Unread)?;
        let room = self.room.clone().acquire_many_owned(size);
        let permit = room.await.map_err(|_| Unread)?;
        self.sender.send((piece, permit)).map_err(|_| Unread)
    }
}

impl PieceReader {
    /// Returns the next piece; nothing if nobody writes any more.
    pub async fn recv(&mut self) -> Option<String> {
        self.0.recv().await.map(|(piece, _)| piece)
    }
}
