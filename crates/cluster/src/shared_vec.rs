//! A vector that grows at its end and whose clones share what they have in common.

use std::sync::Arc;

/// Elements a chunk. A clone followed by a push copies at most so many.
const CHUNK: usize = 256;

/// A vector that grows at its end, in chunks behind `Arc`: a clone copies one pointer a chunk.
#[derive(Clone, Debug)]
pub struct SharedVec<T> {
    chunks: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T> Default for SharedVec<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T: Clone> SharedVec<T> {
    /// Adds an element at the end.
    pub fn push(&mut self, value: T) {
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Arc::new(Vec::with_capacity(CHUNK)));
        }
        if let Some(last) = self.chunks.last_mut() {
            Arc::make_mut(last).push(value);
            self.len += 1;
        }
    }
}

impl<T: Clone> SharedVec<T> {
    /// Takes the last element away again.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.chunks.last_mut()?;
        let value = Arc::make_mut(last).pop()?;
        self.len -= 1;
        if last.is_empty() {
            self.chunks.pop();
        }
        Some(value)
    }
}

impl<T> SharedVec<T> {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The element at `index`.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    /// The last element.
    pub fn last(&self) -> Option<&T> {
        self.chunks.last()?.last()
    }

    /// The elements from `index` on.
    pub fn iter_from(&self, index: usize) -> impl DoubleEndedIterator<Item = &T> {
        let (chunk, within) = (index / CHUNK, index % CHUNK);
        let rest = self.chunks.get(chunk..).unwrap_or_default();
        rest.iter().enumerate().flat_map(move |(i, chunk)| {
            let skipped = if i == 0 { within.min(chunk.len()) } else { 0 };
            &chunk[skipped..]
        })
    }

    /// All elements.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.iter_from(0)
    }
}

impl<T: PartialEq> SharedVec<T> {
    /// How many elements both begin with. What is shared is not looked at.
    pub fn first_difference(&self, other: &Self) -> usize {
        let chunks = || self.chunks.iter().zip(&other.chunks);
        let shared = chunks().take_while(|(a, b)| Arc::ptr_eq(a, b)).count();
        let rest = self.iter_from(shared * CHUNK).zip(other.iter_from(shared * CHUNK));
        let least = self.len.min(other.len);
        (shared * CHUNK).min(least) + rest.take_while(|(a, b)| a == b).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_keeps_what_it_had_and_goes_its_own_way() {
        let mut a = SharedVec::default();
        (0..1_000).for_each(|i| a.push(i));
        let mut b = a.clone();
        a.push(-1);
        b.push(-2);
        assert_eq!((a.len(), b.len()), (1_001, 1_001));
        assert_eq!((a.last(), b.last()), (Some(&-1), Some(&-2)));
        assert!(a.iter().take(1_000).eq(b.iter().take(1_000)));
        assert_eq!(a.iter_from(998).copied().collect::<Vec<_>>(), [998, 999, -1]);
        assert_eq!(a.iter_from(5_000).count(), 0);
        assert_eq!(a.iter().next_back(), Some(&-1));
        assert_eq!(a.get(256), Some(&256));
        assert_eq!(a.get(1_001), None);
        assert_eq!((a.first_difference(&b), b.first_difference(&a)), (1_000, 1_000));
        let whole = a.clone();
        assert_eq!((a.pop(), a.len(), whole.len()), (Some(-1), 1_000, 1_001));
        a.push(-1);
        assert_eq!(a.first_difference(&whole), 1_001);
        assert_eq!(a.first_difference(&SharedVec::default()), 0);
        (0..1_001).for_each(|_| assert!(a.pop().is_some()));
        assert_eq!((a.pop(), a.len(), a.last()), (None, 0, None));
    }
}
