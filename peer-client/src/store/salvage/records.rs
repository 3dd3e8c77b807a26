//! Rows on a page of a table's b-tree. Every length is held against what is there: the bytes may be
//! anything.

/// Largest row that is read: more than an entry with the largest header and payload takes.
const ROW_MAX: usize = 256 * 1024;
/// Bytes of all rows of a page that are read: more than a sound page has, whose rows overflow only if
/// they take an eighth of it.
const PAGE_ROWS_MAX: usize = 16 * ROW_MAX;
/// Columns beyond this one are not read: no table has as many.
const COLUMNS_MAX: usize = 32;
/// The kind of page that holds the rows of a table. Pages of text and bytes that overflow a row begin
/// with the number of a page, and so never look like it.
const TABLE_LEAF: u8 = 0x0d;
/// Where the first page's b-tree begins, behind the file's header.
const FIRST_PAGE: usize = 100;
/// Bytes of such a page's own header.
const LEAF_HEADER: usize = 8;

/// A row.
#[derive(Debug, PartialEq)]
pub(super) struct Record {
    pub(super) rowid: i64,
    pub(super) values: Vec<Value>,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
    /// A number with a fraction, or text that is none: no column has such.
    Strange,
}

/// The rows of a page that can be read. `overflow` gives further pages by their number.
pub(super) fn records(
    page: &[u8],
    number: u32,
    mut overflow: impl FnMut(u32) -> Option<Vec<u8>>,
) -> Vec<Record> {
    let header = if number == 1 { FIRST_PAGE } else { 0 };
    if page.get(header) != Some(&TABLE_LEAF) {
        return Vec::new();
    }
    let count = short(page, header + 3).unwrap_or(0);
    let mut left = PAGE_ROWS_MAX;
    let mut records = Vec::new();
    for cell in (0..count).filter_map(|index| short(page, header + LEAF_HEADER + 2 * index)) {
        let Some((rowid, body)) = row(page, cell, &mut overflow) else { continue };
        let Some(rest) = left.checked_sub(body.len()) else { break };
        left = rest;
        records.extend(values(&body).map(|values| Record { rowid, values }));
    }
    records
}

/// A row's number and bytes.
fn row(
    page: &[u8],
    cell: usize,
    overflow: impl FnMut(u32) -> Option<Vec<u8>>,
) -> Option<(i64, Vec<u8>)> {
    let mut bytes = page.get(cell..)?;
    let length = usize::try_from(varint(&mut bytes)?).ok().filter(|length| *length <= ROW_MAX)?;
    let rowid = varint(&mut bytes)?.cast_signed();
    Some((rowid, body(page.len(), bytes, length, overflow)?))
}

/// A row's bytes, from its page and those that it overflows to.
fn body(
    page: usize,
    bytes: &[u8],
    length: usize,
    mut overflow: impl FnMut(u32) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let local = local(page, length)?;
    let mut body = bytes.get(..local)?.to_vec();
    let mut next = if local < length { long(bytes, local)? } else { 0 };
    while body.len() < length {
        let further = overflow(next)?;
        next = long(&further, 0)?;
        let rest = further.get(4..)?;
        if rest.is_empty() {
            return None;
        }
        body.extend_from_slice(&rest[..rest.len().min(length - body.len())]);
    }
    Some(body)
}

/// How many of a row's bytes are on its own page.
fn local(page: usize, length: usize) -> Option<usize> {
    let most = page.checked_sub(35)?;
    if length <= most {
        return Some(length);
    }
    let least = ((page - 12) * 32 / 255).checked_sub(23)?;
    let fitting = least + (length - least) % (page - 4);
    Some(if fitting <= most { fitting } else { least })
}

fn values(body: &[u8]) -> Option<Vec<Value>> {
    let mut rest = body;
    let length = usize::try_from(varint(&mut rest)?).ok()?;
    let mut types = body.get(body.len() - rest.len()..length)?;
    let mut content = body.get(length..)?;
    let mut values = Vec::new();
    while !types.is_empty() && values.len() < COLUMNS_MAX {
        values.push(value(varint(&mut types)?, &mut content)?);
    }
    Some(values)
}

fn value(kind: u64, content: &mut &[u8]) -> Option<Value> {
    Some(match kind {
        0 => Value::Null,
        1..=6 => Value::Integer(integer(content, [1, 2, 3, 4, 6, 8][kind as usize - 1])?),
        7 => {
            content.split_off(..8)?;
            Value::Strange
        }
        8 => Value::Integer(0),
        9 => Value::Integer(1),
        10 | 11 => return None,
        _ => {
            let length = usize::try_from((kind - 12) / 2).ok()?;
            let bytes = content.split_off(..length)?;
            match (kind % 2, str::from_utf8(bytes)) {
                (0, _) => Value::Blob(bytes.to_vec()),
                (_, Ok(text)) => Value::Text(text.to_owned()),
                (_, Err(_)) => Value::Strange,
            }
        }
    })
}

fn integer(content: &mut &[u8], length: usize) -> Option<i64> {
    let bytes = content.split_off(..length)?;
    let sign: i64 = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
    Some(bytes.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte)))
}

/// A number of one to nine bytes, seven bits in each but the last.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for index in 0..9 {
        let byte = *bytes.split_off_first()?;
        if index == 8 {
            return Some(number << 8 | u64::from(byte));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(number)
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes: [u8; 2] = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(usize::from(u16::from_be_bytes(bytes)))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
