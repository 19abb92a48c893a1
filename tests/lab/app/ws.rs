//! The server's side of a websocket (RFC 6455): what a client sends comes back, a ping gets its pong.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const GOING_AWAY: u16 = 1001;
const PROTOCOL_ERROR: u16 = 1002;
const TOO_BIG: u16 = 1009;
const LONGEST_FRAME: u64 = 1024 * 1024;
/// How often a silent connection looks whether the process ends.
const LOOK: Duration = Duration::from_millis(50);
/// How long the rest of a frame, or the client's part of the goodbye, may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A frame as it came, unmasked. A message in parts is echoed in the same parts.
struct Frame {
    finish: bool,
    opcode: u8,
    payload: Vec<u8>,
}

/// Why a frame could not be read.
enum Fault {
    /// The connection ended or broke.
    Gone(io::Error),
    /// The client breaks the protocol; it is told so with this code.
    Wrong(u16),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Fault::Gone(error)
    }
}

/// The head of the answer that makes a websocket of the connection.
pub fn upgrade(key: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        accept(key)
    )
}

/// Serves a websocket until the client closes it or `stopping` says that the process ends: then it says goodbye
/// with 1001 and waits for nothing more.
pub fn serve(
    reader: &mut BufReader<TcpStream>,
    writer: &mut TcpStream,
    stopping: &dyn Fn() -> bool,
) -> io::Result<()> {
    loop {
        if !wait(reader, stopping)? {
            return close(writer, GOING_AWAY);
        }
        let frame = match read(reader) {
            Ok(frame) => frame,
            Err(Fault::Wrong(code)) => return close(writer, code),
            Err(Fault::Gone(error)) => return Err(error),
        };
        match frame.opcode {
            0..=2 => write(writer, frame.finish, frame.opcode, &frame.payload)?,
            PING => write(writer, true, PONG, &frame.payload)?,
            PONG => {}
            CLOSE => return write(writer, true, CLOSE, &frame.payload),
            _ => return close(writer, PROTOCOL_ERROR),
        }
    }
}

/// Waits for a frame to begin; false where the process ends meanwhile.
fn wait(reader: &mut BufReader<TcpStream>, stopping: &dyn Fn() -> bool) -> io::Result<bool> {
    reader.get_ref().set_read_timeout(Some(LOOK))?;
    loop {
        if stopping() {
            return Ok(false);
        }
        match reader.fill_buf() {
            Ok([]) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => break,
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
    reader.get_ref().set_read_timeout(Some(PATIENCE))?;
    Ok(true)
}

fn read(reader: &mut impl Read) -> Result<Frame, Fault> {
    let [first, second] = bytes(reader)?;
    let length = match second & 0x7f {
        126 => u16::from_be_bytes(bytes(reader)?).into(),
        127 => u64::from_be_bytes(bytes(reader)?),
        length => length.into(),
    };
    let masked = second & 0x80 != 0;
    let control = first & 0x08 != 0;
    if !masked || first & 0x70 != 0 || control && (length > 125 || first & 0x80 == 0) {
        return Err(Fault::Wrong(PROTOCOL_ERROR));
    }
    if length > LONGEST_FRAME {
        return Err(Fault::Wrong(TOO_BIG));
    }
    let mask: [u8; 4] = bytes(reader)?;
    let mut payload = vec![0; length as usize];
    reader.read_exact(&mut payload)?;
    for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    Ok(Frame {
        finish: first & 0x80 != 0,
        opcode: first & 0x0f,
        payload,
    })
}

fn bytes<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn close(writer: &mut impl Write, code: u16) -> io::Result<()> {
    write(writer, true, CLOSE, &code.to_be_bytes())
}

fn write(writer: &mut impl Write, finish: bool, opcode: u8, payload: &[u8]) -> io::Result<()> {
    let mut frame = vec![u8::from(finish) << 7 | opcode];
    match payload.len() {
        length @ 0..=125 => frame.push(length as u8),
        length @ 126..=0xffff => {
            frame.push(126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    writer.write_all(&frame)
}

/// What proves to the client that its key was read.
pub fn accept(key: &str) -> String {
    base64(&sha1(
        format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11").as_bytes(),
    ))
}

fn sha1(message: &[u8]) -> [u8; 20] {
    let mut state: [u32; 5] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(64), 0);
    if message.len() % 64 > 55 {
        padded.resize(padded.len() + 64, 0);
    }
    let end = padded.len() - 8;
    padded[end..].copy_from_slice(&(message.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks_exact(64) {
        mix(&mut state, block);
    }
    let mut digest = [0; 20];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

fn mix(state: &mut [u32; 5], block: &[u8]) {
    let mut words = [0u32; 80];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    for i in 16..80 {
        words[i] = (words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16]).rotate_left(1);
    }
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for (i, word) in words.iter().enumerate() {
        let (f, k) = match i {
            0..=19 => (b & c | !b & d, 0x5a827999),
            20..=39 => (b ^ c ^ d, 0x6ed9eba1),
            40..=59 => (b & c | b & d | c & d, 0x8f1bbcdc),
            _ => (b ^ c ^ d, 0xca62c1d6),
        };
        let next = a
            .rotate_left(5)
            .wrapping_add(f)
            .wrapping_add(e)
            .wrapping_add(k)
            .wrapping_add(*word);
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
    }
    for (sum, word) in state.iter_mut().zip([a, b, c, d, e]) {
        *sum = sum.wrapping_add(word);
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0u32, |sum, byte| sum << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            out.push(match place <= chunk.len() {
                true => ALPHABET[(group >> (18 - 6 * place) & 63) as usize] as char,
                false => '=',
            });
        }
    }
    out
}
