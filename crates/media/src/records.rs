//! What lies in a DTLS datagram, read before any stack sees it (RFC 6347 sections 4.1, 4.2.2).

/// Bytes of a record's header.
pub(crate) const RECORD_HEADER_BYTES: usize = 13;
/// Bytes of a handshake message's header.
pub(crate) const HANDSHAKE_HEADER_BYTES: usize = 12;

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    ChangeCipherSpec,
    Alert,
    Handshake,
    ApplicationData,
    Other,
}

/// One record where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) content: Content,
    pub(crate) epoch: u16,
    /// Header and body.
    pub(crate) whole: &'a [u8],
    pub(crate) body: &'a [u8],
}

/// One piece of a handshake message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) kind: u8,
    pub(crate) length: usize,
    pub(crate) number: u16,
    pub(crate) offset: usize,
    pub(crate) body: &'a [u8],
}

/// Walks over the records; ends where they cannot be read.
pub(crate) fn records(mut datagram: &[u8]) -> impl Iterator<Item = Record<'_>> {
    std::iter::from_fn(move || {
        let (&[kind, major, _, e0, e1, _, _, _, _, _, _, l0, l1], _) =
            datagram.split_first_chunk::<RECORD_HEADER_BYTES>()?;
        if major != 0xfe {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let (whole, rest) = datagram.split_at_checked(RECORD_HEADER_BYTES + length)?;
        datagram = rest;
        let content = match kind {
            20 => Content::ChangeCipherSpec,
            21 => Content::Alert,
            22 => Content::Handshake,
            23 => Content::ApplicationData,
            _ => Content::Other,
        };
        let epoch = u16::from_be_bytes([e0, e1]);
        Some(Record { content, epoch, whole, body: whole.get(RECORD_HEADER_BYTES..)? })
    })
}

/// Walks over the pieces of handshake messages in a record in clear.
pub(crate) fn pieces(mut body: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        let (&[kind, l0, l1, l2, n0, n1, o0, o1, o2, p0, p1, p2], rest) =
            body.split_first_chunk::<HANDSHAKE_HEADER_BYTES>()?;
        let number24 = |a: u8, b: u8, c: u8| {
            usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX)
        };
        let (piece, rest) = rest.split_at_checked(number24(p0, p1, p2))?;
        body = rest;
        Some(Piece {
            kind,
            length: number24(l0, l1, l2),
            number: u16::from_be_bytes([n0, n1]),
            offset: number24(o0, o1, o2),
            body: piece,
        })
    })
}

/// A record in clear with one whole handshake message.
pub(crate) fn handshake_record(kind: u8, number: u16, sequence: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
    let [l0, l1] = length.to_be_bytes();
    let [n0, n1] = number.to_be_bytes();
    let header_bytes = u16::try_from(HANDSHAKE_HEADER_BYTES).unwrap_or(0);
    let [r0, r1] = length.saturating_add(header_bytes).to_be_bytes();
    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, sequence, r0, r1];
    record.extend([kind, 0, l0, l1, n0, n1, 0, 0, 0, 0, l0, l1]);
    record.extend(body);
    record
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_written_reads_back() {
        let record = handshake_record(1, 2, 3, b"hello");
        let read = records(&record).next().unwrap();
        assert_eq!((read.content, read.epoch), (Content::Handshake, 0));
        let piece = pieces(read.body).next().unwrap();
        assert_eq!((piece.kind, piece.number, piece.offset, piece.length), (1, 2, 0, 5));
        assert_eq!(piece.body, b"hello");
        assert_eq!(pieces(read.body).count(), 1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
            for record in records(&bytes) {
                pieces(record.body).count();
            }
        }
    }
}
