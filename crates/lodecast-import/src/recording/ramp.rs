//! Integers that mostly rise by the same amount, kept as straight pieces: steps and moments take next to no memory.

/// A sequence of integers. Each piece of equal strides takes 24 bytes, whatever its length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ramp {
    pieces: Vec<Piece>,
    len: usize,
}

/// Integers from the `start`-th on: `first`, `first + stride`, and so on. Modulo 2^64, so that any two integers make a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    first: u64,
    stride: u64,
    start: usize,
}

impl Piece {
    fn at(self, index: usize) -> u64 {
        self.first.wrapping_add(self.stride.wrapping_mul((index - self.start) as u64))
    }
}

impl Ramp {
    /// Appends an integer.
    #[inline]
    pub(crate) fn push(&mut self, value: u64) {
        match self.pieces.last_mut() {
            Some(piece) if piece.start + 1 == self.len => piece.stride = value.wrapping_sub(piece.first),
            Some(piece) if piece.at(self.len) == value => {}
            _ => self.pieces.push(Piece { first: value, stride: 0, start: self.len }),
        }
        self.len += 1;
    }

    /// The integer of this index.
    pub(crate) fn get(&self, index: usize) -> Option<u64> {
        if index >= self.len {
            return None;
        }
        let piece = self.pieces.partition_point(|piece| piece.start <= index);
        Some(self.pieces[piece - 1].at(index))
    }

    /// The last integer.
    pub(crate) fn last(&self) -> Option<u64> {
        self.pieces.last().map(|piece| piece.at(self.len - 1))
    }

    /// The integers from index `start` on.
    pub(crate) fn iter_from(&self, start: usize) -> Iter<'_> {
        let piece = self.pieces.partition_point(|piece| piece.start <= start).saturating_sub(1);
        Iter { ramp: self, piece, index: start }
    }

    /// All integers.
    pub(crate) fn iter(&self) -> Iter<'_> {
        self.iter_from(0)
    }

    /// Number of integers before the first of which `holds` is false, where it holds of the first ones only.
    pub(crate) fn partition_point(&self, holds: impl Fn(u64) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low.midpoint(high);
            if self.get(middle).is_some_and(&holds) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

impl FromIterator<u64> for Ramp {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Self {
        let mut ramp = Self::default();
        values.into_iter().for_each(|value| ramp.push(value));
        ramp
    }
}

/// Goes through a [`Ramp`].
#[derive(Clone, Debug)]
pub(crate) struct Iter<'a> {
    ramp: &'a Ramp,
    piece: usize,
    index: usize,
}

impl Iterator for Iter<'_> {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        if self.index >= self.ramp.len {
            return None;
        }
        if self.ramp.pieces.get(self.piece + 1).is_some_and(|next| next.start <= self.index) {
            self.piece += 1;
        }
        let value = self.ramp.pieces[self.piece].at(self.index);
        self.index += 1;
        Some(value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.ramp.len.saturating_sub(self.index);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Iter<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_comes_back_and_straight_pieces_take_one_entry() {
        let sequences: [Vec<u64>; 6] = [
            vec![],
            vec![7],
            (0..1000).map(|i| 5 + 10 * i).collect(),
            vec![0, u64::MAX, 0, u64::MAX, 3, 3, 3, 2, 1, 0],
            vec![10, 20, 30, 20, 30, 40, 40],
            vec![1, 2, 4, 8, 16, 17, 18, 19],
        ];
        for values in sequences {
            let ramp: Ramp = values.iter().copied().collect();
            assert_eq!(ramp.iter().collect::<Vec<_>>(), values);
            assert_eq!(ramp.last(), values.last().copied());
            for start in 0..=values.len() {
                assert_eq!(ramp.iter_from(start).collect::<Vec<_>>(), values[start..], "from {start}");
                assert_eq!(ramp.get(start), values.get(start).copied());
            }
        }
        let straight: Ramp = (0..1000).collect();
        assert_eq!(straight.pieces.len(), 1);
        assert_eq!(straight.partition_point(|value| value < 321), 321);
    }
}
