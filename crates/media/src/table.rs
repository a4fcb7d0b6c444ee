//! Peers by the key the forwarding tables gave them.

use forward::PeerKey;

/// A list with holes.
#[derive(Debug)]
pub(crate) struct Table<T>(Vec<Option<T>>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

fn place(key: PeerKey) -> usize {
    usize::try_from(key.0).unwrap_or(usize::MAX)
}

impl<T> Table<T> {
    pub(crate) fn insert(&mut self, key: PeerKey, value: T) {
        let place = place(key);
        if self.0.len() <= place {
            self.0.resize_with(place + 1, || None);
        }
        if let Some(room) = self.0.get_mut(place) {
            *room = Some(value);
        }
    }

    pub(crate) fn get_mut(&mut self, key: PeerKey) -> Option<&mut T> {
        self.0.get_mut(place(key))?.as_mut()
    }

    pub(crate) fn remove(&mut self, key: PeerKey) -> Option<T> {
        self.0.get_mut(place(key))?.take()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (PeerKey, &mut T)> {
        (0..)
            .map(PeerKey)
            .zip(&mut self.0)
            .filter_map(|(key, value)| Some((key, value.as_mut()?)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().flatten().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_key() {
        let mut table = Table::default();
        table.insert(PeerKey(3), 'c');
        table.insert(PeerKey(1), 'a');
        assert_eq!(table.len(), 2);
        assert_eq!(table.remove(PeerKey(3)), Some('c'));
        assert_eq!(table.get_mut(PeerKey(3)), None);
        assert_eq!(table.iter_mut().collect::<Vec<_>>(), [(PeerKey(1), &mut 'a')]);
    }
}
