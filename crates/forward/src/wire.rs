//! How numbers lie in packets: big-endian, read and written without indexing.

/// One byte at `at`.
pub(crate) fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// Two bytes at `at`.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}

/// Four bytes at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

/// The lowest 16 bits.
pub(crate) const fn low16(n: u64) -> u16 {
    let [.., a, b] = n.to_be_bytes();
    u16::from_be_bytes([a, b])
}

/// The lowest 32 bits.
pub(crate) const fn low32(n: u64) -> u32 {
    let [.., a, b, c, d] = n.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// A packet being written into a buffer of fixed size.  What does not fit is left out, and
/// [`finish`](Self::finish) says so.
#[derive(Debug)]
pub(crate) struct Writer<const N: usize> {
    bytes: [u8; N],
    used: usize,
    overflowed: bool,
}

impl<const N: usize> Writer<N> {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], used: 0, overflowed: false }
    }

    pub(crate) fn put(&mut self, what: &[u8]) {
        let end = self.used.saturating_add(what.len());
        match self.bytes.get_mut(self.used..end) {
            Some(room) => {
                room.copy_from_slice(what);
                self.used = end;
            }
            None => self.overflowed = true,
        }
    }

    pub(crate) fn put_u16(&mut self, n: u16) {
        self.put(&n.to_be_bytes());
    }

    pub(crate) fn put_u32(&mut self, n: u32) {
        self.put(&n.to_be_bytes());
    }

    /// Writes over two bytes written before.
    pub(crate) fn patch_u16(&mut self, at: usize, n: u16) {
        if let Some(room) = self.bytes.get_mut(at..at.saturating_add(2)) {
            room.copy_from_slice(&n.to_be_bytes());
        }
    }

    /// Writes over one byte written before.
    pub(crate) fn patch_u8(&mut self, at: usize, n: u8) {
        if let Some(room) = self.bytes.get_mut(at) {
            *room = n;
        }
    }

    /// Zeros up to the next multiple of four bytes.  Returns how many.
    pub(crate) fn pad_to_word(&mut self) -> u8 {
        let mut n = 0;
        while !self.used.is_multiple_of(4) && !self.overflowed {
            self.put(&[0]);
            n += 1;
        }
        n
    }

    pub(crate) const fn len(&self) -> usize {
        self.used
    }

    /// The bytes, if all of them fitted.
    pub(crate) fn finish(&self) -> Option<&[u8]> {
        if self.overflowed { None } else { self.bytes.get(..self.used) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_only_where_they_are_whole() {
        assert_eq!(u16_at(&[1, 2, 3], 1), Some(0x0203));
        assert_eq!(u16_at(&[1, 2, 3], 2), None);
        assert_eq!(u32_at(&[1, 2, 3], 9), None);
        assert_eq!(low16(0x12_3456), 0x3456);
        assert_eq!(low32(0x12_3456_789a), 0x3456_789a);
    }

    #[test]
    fn a_writer_says_when_something_did_not_fit() {
        let mut writer = Writer::<4>::new();
        writer.put_u16(7);
        assert_eq!(writer.finish(), Some(&[0, 7][..]));
        writer.put_u32(9);
        assert_eq!(writer.finish(), None);
    }
}
