//! Encrypted files in the format of age (<https://age-encryption.org/v1>) for one passphrase, so that
//! any program for it opens them.

use std::io::{self, BufRead, Read, Write};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use chacha20poly1305::{
    ChaCha20Poly1305, Nonce,
    aead::{Aead as _, KeyInit as _},
};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thiserror::Error;

const VERSION: &str = "age-encryption.org/v1";
/// Work of a guess: 2¹⁸ rounds take about a second and 256 MiB.
const WORK: u8 = 18;
/// Work that a file may demand of its reader.
const WORK_MAX: u8 = 20;
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;
const SALT: usize = 16;
/// Longest line of a header.
const LINE_MAX: u64 = 1024;

/// Why a file cannot be opened.
#[derive(Debug, Error)]
pub(crate) enum OpenError {
    /// Another format.
    #[error("this is not a file encrypted with a passphrase in the format of age")]
    Format,
    /// The passphrase does not open it.
    #[error("the passphrase is wrong")]
    Passphrase,
    /// It would take too long.
    #[error("opening this file would take more work than is allowed")]
    Work,
    /// It cannot be read.
    #[error("cannot read the file: {0}")]
    Io(#[from] io::Error),
}

/// Encrypts what is written to it. Only [`Sealer::finish`] makes the file whole.
pub(crate) struct Sealer<W> {
    to: W,
    stream: Stream,
    waiting: Vec<u8>,
}

/// Decrypts what is read from it. A file that was cut or changed ends with an error.
pub(crate) struct Opener<R> {
    from: R,
    stream: Stream,
    /// The next chunk, read ahead to know whether the one before is the last.
    ahead: Vec<u8>,
    plain: io::Cursor<Vec<u8>>,
    ended: bool,
}

impl<W: Write> Sealer<W> {
    /// Begins a file.
    pub(crate) fn new(to: W, passphrase: &str) -> io::Result<Self> {
        Self::with_work(to, passphrase, WORK)
    }

    /// Begins a file whose passphrase takes 2 to the `work` rounds to try.
    pub(crate) fn with_work(mut to: W, passphrase: &str, work: u8) -> io::Result<Self> {
        let (file_key, salt, nonce): ([u8; 16], [u8; SALT], [u8; 16]) =
            (rand::random(), rand::random(), rand::random());
        let cipher = ChaCha20Poly1305::new(&wrapping_key(passphrase, &salt, work)?.into());
        let wrapped = cipher.encrypt(&Nonce::default(), &file_key[..]).map_err(broken)?;
        let header = format!(
            "{VERSION}\n-> scrypt {} {work}\n{}\n---",
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(wrapped)
        );
        let mac = header_mac(&file_key, &header).finalize().into_bytes();
        writeln!(to, "{header} {}", STANDARD_NO_PAD.encode(mac))?;
        to.write_all(&nonce)?;
        Ok(Self { to, stream: Stream::new(&file_key, &nonce), waiting: Vec::new() })
    }

    /// Writes what waits and the end.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        let sealed = self.stream.seal(&self.waiting, true)?;
        self.to.write_all(&sealed)?;
        self.to.flush()?;
        Ok(self.to)
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The last chunk is sealed apart, and it may be full: so a full one waits for more.
        if self.waiting.len() == CHUNK {
            let sealed = self.stream.seal(&self.waiting, false)?;
            self.to.write_all(&sealed)?;
            self.waiting.clear();
        }
        let taken = bytes.len().min(CHUNK - self.waiting.len());
        self.waiting.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl<R: BufRead> Opener<R> {
    /// Reads the beginning of a file and checks the passphrase.
    pub(crate) fn new(mut from: R, passphrase: &str) -> Result<Self, OpenError> {
        let lines = [line(&mut from)?, line(&mut from)?, line(&mut from)?, line(&mut from)?];
        let [version, recipient, wrapped, end] = &lines;
        let fields: Vec<_> = recipient.split(' ').collect();
        let (&["->", "scrypt", salt, work], Some(mac)) = (&fields[..], end.strip_prefix("--- "))
        else {
            return Err(OpenError::Format);
        };
        let salt: [u8; SALT] = decode(salt)?.try_into().map_err(|_salt| OpenError::Format)?;
        let work: u8 = work.parse().map_err(|_work| OpenError::Format)?;
        if version != VERSION {
            return Err(OpenError::Format);
        }
        if work == 0 || work > WORK_MAX {
            return Err(OpenError::Work);
        }
        let cipher = ChaCha20Poly1305::new(&wrapping_key(passphrase, &salt, work)?.into());
        let wrapped_key = decode(wrapped)?;
        let file_key = cipher.decrypt(&Nonce::default(), &wrapped_key[..]);
        let file_key = file_key.map_err(|_error| OpenError::Passphrase)?;
        let file_key: [u8; 16] = file_key.try_into().map_err(|_key| OpenError::Format)?;
        let header = format!("{version}\n{recipient}\n{wrapped}\n---");
        header_mac(&file_key, &header)
            .verify_slice(&decode(mac)?)
            .map_err(|_error| OpenError::Format)?;
        let mut nonce = [0; 16];
        from.read_exact(&mut nonce)?;
        let mut opener = Self {
            from,
            stream: Stream::new(&file_key, &nonce),
            ahead: Vec::new(),
            plain: io::Cursor::default(),
            ended: false,
        };
        opener.ahead = opener.chunk()?;
        Ok(opener)
    }

    fn chunk(&mut self) -> io::Result<Vec<u8>> {
        let mut chunk = Vec::new();
        self.from.by_ref().take((CHUNK + TAG) as u64).read_to_end(&mut chunk)?;
        Ok(chunk)
    }
}

impl<R: BufRead> Read for Opener<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.plain.read(buffer)?;
            if read > 0 || self.ended || buffer.is_empty() {
                return Ok(read);
            }
            let next = self.chunk()?;
            let chunk = std::mem::replace(&mut self.ahead, next);
            self.ended = self.ahead.is_empty();
            self.plain = io::Cursor::new(self.stream.open(&chunk, self.ended)?);
        }
    }
}

/// The chunks of a file's content, each sealed under its number.
struct Stream {
    cipher: ChaCha20Poly1305,
    number: u64,
}

impl Stream {
    fn new(file_key: &[u8; 16], nonce: &[u8; 16]) -> Self {
        Self {
            cipher: ChaCha20Poly1305::new(&derive(nonce, file_key, b"payload").into()),
            number: 0,
        }
    }

    fn nonce(&mut self, last: bool) -> Nonce {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.number.to_be_bytes());
        nonce[11] = u8::from(last);
        self.number += 1;
        nonce.into()
    }

    fn seal(&mut self, plain: &[u8], last: bool) -> io::Result<Vec<u8>> {
        let nonce = self.nonce(last);
        self.cipher.encrypt(&nonce, plain).map_err(broken)
    }

    fn open(&mut self, sealed: &[u8], last: bool) -> io::Result<Vec<u8>> {
        let nonce = self.nonce(last);
        self.cipher.decrypt(&nonce, sealed).map_err(broken)
    }
}

fn wrapping_key(passphrase: &str, salt: &[u8; SALT], work: u8) -> io::Result<[u8; 32]> {
    let salt = [format!("{VERSION}/scrypt").as_bytes(), salt].concat();
    let settings = scrypt::Params::new(work, 8, 1).map_err(io::Error::other)?;
    let mut key = [0; 32];
    scrypt::scrypt(passphrase.as_bytes(), &salt, &settings, &mut key).map_err(io::Error::other)?;
    Ok(key)
}

fn derive(salt: &[u8], file_key: &[u8; 16], purpose: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    #[expect(clippy::expect_used, reason = "HKDF gives up to 8,160 bytes")]
    Hkdf::<Sha256>::new(Some(salt), file_key).expand(purpose, &mut key).expect("32 bytes");
    key
}

fn header_mac(file_key: &[u8; 16], header: &str) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(&derive(&[], file_key, b"header")).expect("a key");
    mac.update(header.as_bytes());
    mac
}

fn line(from: &mut impl BufRead) -> Result<String, OpenError> {
    let mut line = Vec::new();
    from.take(LINE_MAX).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(OpenError::Format);
    }
    String::from_utf8(line).map_err(|_error| OpenError::Format)
}

fn decode(text: &str) -> Result<Vec<u8>, OpenError> {
    STANDARD_NO_PAD.decode(text).map_err(|_error| OpenError::Format)
}

fn broken(_error: chacha20poly1305::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the file is damaged or incomplete")
}
