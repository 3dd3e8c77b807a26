//! CBOR as a tree that can be written wrongly at any place.

/// An item as the protocol's formats use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Unsigned(u64),
    Bytes(Vec<u8>),
    Text(String),
    Array(Vec<Self>),
    Map(Vec<(Self, Self)>),
    /// False, true and null, by their first byte.
    Simple(u8),
}

/// Another way to write an item, which a strict reader refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Distortion {
    /// The length or number in one size more than needed.
    WideHead,
    /// Strings in one chunk, arrays and maps, ended by a break.
    Indefinite,
    /// A tag in front.
    Tagged,
    /// `undefined` for null.
    Undefined,
    /// A map's keys as their places.
    NumberedKeys,
    /// A map's values as an array.
    KeysLeftOut,
    /// A map's first entry twice.
    DuplicateKey,
    /// An entry more, with an unknown key.
    UnknownKey,
    /// A map's entries in the opposite order.
    Reversed,
    /// A map without its last entry.
    LastMissing,
    /// A text as bytes.
    TextAsBytes,
    /// Bytes as an array of numbers.
    BytesAsArray,
    /// A length that promises the whole memory.
    HugeLength,
}

/// All distortions.
pub(crate) const DISTORTIONS: [Distortion; 13] = [
    Distortion::WideHead,
    Distortion::Indefinite,
    Distortion::Tagged,
    Distortion::Undefined,
    Distortion::NumberedKeys,
    Distortion::KeysLeftOut,
    Distortion::DuplicateKey,
    Distortion::UnknownKey,
    Distortion::Reversed,
    Distortion::LastMissing,
    Distortion::TextAsBytes,
    Distortion::BytesAsArray,
    Distortion::HugeLength,
];

/// Reads one item, which must be all there is.
pub(crate) fn parse(bytes: &[u8]) -> Item {
    let mut rest = bytes;
    let item = read(&mut rest);
    assert!(rest.is_empty(), "{} bytes behind the item", rest.len());
    item
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at(count);
    *rest = left;
    taken
}

fn read(rest: &mut &[u8]) -> Item {
    let first = take(rest, 1)[0];
    let (major, low) = (first >> 5, first & 0x1f);
    if major == 7 {
        return Item::Simple(first);
    }
    let number = match low {
        0..=23 => u64::from(low),
        24..=27 => take(rest, 1 << (low - 24)).iter().fold(0, |n, &byte| n << 8 | u64::from(byte)),
        _ => panic!("head {first:#x} is not of our formats"),
    };
    let count = number as usize;
    match major {
        0 => Item::Unsigned(number),
        2 => Item::Bytes(take(rest, count).to_vec()),
        3 => Item::Text(String::from_utf8(take(rest, count).to_vec()).unwrap()),
        4 => Item::Array((0..count).map(|_| read(rest)).collect()),
        5 => Item::Map((0..count).map(|_| (read(rest), read(rest))).collect()),
        _ => panic!("head {first:#x} is not of our formats"),
    }
}

impl Item {
    /// A text.
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// The canonical encoding.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer { at: usize::MAX, distortion: Distortion::Tagged, out: Vec::new() };
        writer.write(self, &mut 0);
        writer.out
    }

    /// Every encoding with one distortion at one place that differs from the canonical one.
    pub(crate) fn distorted(&self, distortion: Distortion) -> Vec<Vec<u8>> {
        let canonical = self.encode();
        let mut encodings = Vec::new();
        for at in 0.. {
            let mut writer = Writer { at, distortion, out: Vec::new() };
            let mut places = 0;
            writer.write(self, &mut places);
            if at >= places {
                break;
            }
            if writer.out != canonical {
                encodings.push(writer.out);
            }
        }
        encodings
    }

    /// The entry of a map, anywhere below this item, that has this key.
    pub(crate) fn find(&mut self, key: &str) -> Option<&mut Self> {
        match self {
            Self::Array(items) => items.iter_mut().find_map(|item| item.find(key)),
            Self::Map(entries) => entries.iter_mut().find_map(|(name, value)| {
                if *name == Self::text(key) { Some(value) } else { value.find(key) }
            }),
            _ => None,
        }
    }
}

struct Writer {
    at: usize,
    distortion: Distortion,
    out: Vec<u8>,
}

impl Writer {
    fn write(&mut self, item: &Item, place: &mut usize) {
        let distortion = (*place == self.at).then_some(self.distortion);
        *place += 1;
        if distortion == Some(Distortion::Tagged) {
            self.out.push(0xc1);
        }
        match item {
            Item::Unsigned(number) => self.head(0, *number, distortion),
            Item::Simple(0xf6) if distortion == Some(Distortion::Undefined) => self.out.push(0xf7),
            Item::Simple(byte) => self.out.push(*byte),
            Item::Bytes(bytes) if distortion == Some(Distortion::BytesAsArray) => {
                self.head(4, bytes.len() as u64, None);
                for byte in bytes {
                    self.head(0, u64::from(*byte), None);
                }
            }
            Item::Bytes(bytes) => self.string(2, bytes, distortion),
            Item::Text(text) if distortion == Some(Distortion::TextAsBytes) => {
                self.string(2, text.as_bytes(), None);
            }
            Item::Text(text) => self.string(3, text.as_bytes(), distortion),
            Item::Array(items) => {
                self.head(4, items.len() as u64, distortion);
                for item in items {
                    self.write(item, place);
                }
                self.end(distortion);
            }
            Item::Map(entries) => self.map(entries, distortion, place),
        }
    }

    fn map(&mut self, entries: &[(Item, Item)], distortion: Option<Distortion>, place: &mut usize) {
        let mut entries = entries.to_vec();
        match distortion {
            Some(Distortion::DuplicateKey) => entries.insert(0, entries[0].clone()),
            Some(Distortion::UnknownKey) => {
                entries.push((Item::text("unknown"), Item::Unsigned(0)));
            }
            Some(Distortion::Reversed) => entries.reverse(),
            Some(Distortion::LastMissing) => drop(entries.pop()),
            Some(Distortion::NumberedKeys) => {
                for (number, (key, _)) in entries.iter_mut().enumerate() {
                    *key = Item::Unsigned(number as u64);
                }
            }
            _ => {}
        }
        let keyed = distortion != Some(Distortion::KeysLeftOut);
        self.head(if keyed { 5 } else { 4 }, entries.len() as u64, distortion);
        for (key, value) in &entries {
            if keyed {
                self.write(key, place);
            }
            self.write(value, place);
        }
        self.end(distortion);
    }

    fn string(&mut self, major: u8, bytes: &[u8], distortion: Option<Distortion>) {
        self.head(major, bytes.len() as u64, distortion);
        if distortion == Some(Distortion::Indefinite) {
            self.head(major, bytes.len() as u64, None);
        }
        self.out.extend_from_slice(bytes);
        self.end(distortion);
    }

    fn head(&mut self, major: u8, number: u64, distortion: Option<Distortion>) {
        let size = match number {
            0..=23 => 0,
            24..=0xff => 1,
            0x100..=0xffff => 2,
            0x1_0000..=0xffff_ffff => 3,
            _ => 4,
        };
        match distortion {
            Some(Distortion::Indefinite) if major != 0 => self.out.push(major << 5 | 0x1f),
            Some(Distortion::HugeLength) if major != 0 => self.sized(major, u64::MAX, 4),
            Some(Distortion::WideHead) if size < 4 => self.sized(major, number, size + 1),
            _ => self.sized(major, number, size),
        }
    }

    fn sized(&mut self, major: u8, number: u64, size: u8) {
        if size == 0 {
            self.out.push(major << 5 | number as u8);
        } else {
            self.out.push(major << 5 | (23 + size));
            self.out.extend_from_slice(&number.to_be_bytes()[8 - (1 << (size - 1))..]);
        }
    }

    fn end(&mut self, distortion: Option<Distortion>) {
        if distortion == Some(Distortion::Indefinite) {
            self.out.push(0xff);
        }
    }
}
