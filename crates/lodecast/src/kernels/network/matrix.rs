//! Matrix-vector products and outer products in lanes.

use crate::kernels::lanes::{Lanes, Real};

/// A weight matrix, packed in blocks of rows whose results fit the registers.
///
/// Weights are the same for all lanes, so they are stored as scalars and broadcast.
#[derive(Clone, Debug)]
pub(crate) struct Matrix<R> {
    rows: usize,
    columns: usize,
    /// For each block of rows: the block's column 0, column 1, ...
    packed: Vec<R>,
}

/// Rows in the next block when `left` rows are left. Blocks of at least 4 hide the latency of a multiply-add.
#[inline(always)]
fn block_rows(left: usize) -> usize {
    match left {
        _ if left.is_multiple_of(10) => 10,
        8.. => 8,
        4.. => 4,
        2.. => 2,
        _ => 1,
    }
}

impl<R: Real> Matrix<R> {
    /// Packs a row-major matrix.
    pub(crate) fn new(rows: usize, columns: usize, weights: &[f64]) -> Self {
        Self::pack(rows, columns, |row, column| weights[row * columns + column])
    }

    /// Packs the first `kept` rows of the transpose of a row-major matrix of `rows` x `columns`.
    pub(crate) fn transposed(rows: usize, columns: usize, kept: usize, weights: &[f64]) -> Self {
        Self::pack(kept, rows, |row, column| weights[column * columns + row])
    }

    fn pack(rows: usize, columns: usize, weight: impl Fn(usize, usize) -> f64) -> Self {
        let mut packed = Vec::with_capacity(rows * columns);
        let mut first = 0;
        while first < rows {
            let block = block_rows(rows - first);
            for column in 0..columns {
                packed.extend((first..first + block).map(|row| R::from_f64(weight(row, column))));
            }
            first += block;
        }
        Self { rows, columns, packed }
    }

    /// `result += self * x`. `x` has the matrix's columns, `result` its rows.
    #[inline(always)]
    pub(crate) fn multiply_add<L: Lanes<Real = R>>(&self, x: &[L], result: &mut [L]) {
        self.multiply::<L, false>(x, result);
    }

    /// `result *= self * x`, element by element.
    #[inline(always)]
    pub(crate) fn multiply_scale<L: Lanes<Real = R>>(&self, x: &[L], result: &mut [L]) {
        self.multiply::<L, true>(x, result);
    }

    #[inline(always)]
    fn multiply<L: Lanes<Real = R>, const SCALE: bool>(&self, x: &[L], result: &mut [L]) {
        let x = &x[..self.columns];
        let mut packed = &self.packed[..];
        let mut result = &mut result[..self.rows];
        while !result.is_empty() {
            let block = block_rows(result.len());
            let (weights, later) = packed.split_at(block * self.columns);
            let (sums, rest) = result.split_at_mut(block);
            match block {
                // Registers of narrow lanes hold two blocks of five, or of four, but not one of ten or eight.
                10 if L::WIDE => multiply_block::<L, SCALE, 10, 0, 10>(weights, x, sums),
                10 => {
                    multiply_block::<L, SCALE, 10, 0, 5>(weights, x, sums);
                    multiply_block::<L, SCALE, 10, 5, 5>(weights, x, sums);
                }
                8 if L::WIDE => multiply_block::<L, SCALE, 8, 0, 8>(weights, x, sums),
                8 => {
                    multiply_block::<L, SCALE, 8, 0, 4>(weights, x, sums);
                    multiply_block::<L, SCALE, 8, 4, 4>(weights, x, sums);
                }
                4 => multiply_block::<L, SCALE, 4, 0, 4>(weights, x, sums),
                2 => multiply_block::<L, SCALE, 2, 0, 2>(weights, x, sums),
                _ => multiply_block::<L, SCALE, 1, 0, 1>(weights, x, sums),
            }
            packed = later;
            result = rest;
        }
    }
}

/// Rows `FIRST..FIRST + ROWS` of a block of `BLOCK` rows, whose sums stay in registers.
#[inline(always)]
fn multiply_block<L: Lanes, const SCALE: bool, const BLOCK: usize, const FIRST: usize, const ROWS: usize>(
    weights: &[L::Real],
    x: &[L],
    result: &mut [L],
) {
    let result: &mut [L] = &mut result[FIRST..FIRST + ROWS];
    let mut sums = [L::zero(); ROWS];
    if !SCALE {
        sums.copy_from_slice(result);
    }
    let (columns, _) = weights.as_chunks::<BLOCK>();
    for (column, &x) in columns.iter().zip(x) {
        for row in 0..ROWS {
            sums[row] = L::splat(column[FIRST + row]).mul_add(x, sums[row]);
        }
    }
    if SCALE {
        for (result, sum) in result.iter_mut().zip(sums) {
            *result = *result * sum;
        }
    } else {
        result.copy_from_slice(&sums);
    }
}

/// Where vectors lie on a tape: in each row of `stride`, `size` of them from `offset`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns {
    pub(crate) offset: usize,
    pub(crate) size: usize,
}

/// `sums += sum over rows of left * right^T`: the weight gradient of a layer from its output adjoints `left` and its
/// inputs `right`, kept per lane. `sums` is row-major, `left.size` x `right.size`.
#[inline(always)]
pub(crate) fn add_outer_products<L: Lanes>(
    sums: &mut [L],
    left: (&[L], usize, Columns),
    right: (&[L], usize, Columns),
) {
    let (rows, columns) = (left.2.size, right.2.size);
    let mut row = 0;
    while row < rows {
        let left_rows = rows - row;
        macro_rules! strip {
            ($height:literal) => {{
                let mut column = 0;
                while column < columns {
                    let at = row * columns + column;
                    match columns - column {
                        4.. if L::WIDE => {
                            outer_tile::<L, $height, 4>(&mut sums[at..], columns, left, row, right, column);
                            column += 4;
                        }
                        2.. => {
                            outer_tile::<L, $height, 2>(&mut sums[at..], columns, left, row, right, column);
                            column += 2;
                        }
                        _ => {
                            outer_tile::<L, $height, 1>(&mut sums[at..], columns, left, row, right, column);
                            column += 1;
                        }
                    }
                }
                row += $height;
            }};
        }
        match left_rows {
            _ if L::WIDE && left_rows.is_multiple_of(5) => strip!(5),
            4.. if L::WIDE => strip!(4),
            2.. => strip!(2),
            _ => strip!(1),
        }
    }
}

#[inline(always)]
fn outer_tile<L: Lanes, const HEIGHT: usize, const WIDTH: usize>(
    sums: &mut [L],
    sums_stride: usize,
    (left, left_stride, left_columns): (&[L], usize, Columns),
    row: usize,
    (right, right_stride, right_columns): (&[L], usize, Columns),
    column: usize,
) {
    let mut tile = [[L::zero(); WIDTH]; HEIGHT];
    for (i, tile_row) in tile.iter_mut().enumerate() {
        tile_row.copy_from_slice(&sums[i * sums_stride..][..WIDTH]);
    }
    let (left_at, right_at) = (left_columns.offset + row, right_columns.offset + column);
    for (left, right) in left.chunks_exact(left_stride).zip(right.chunks_exact(right_stride)) {
        let (left, right) = (&left[left_at..left_at + HEIGHT], &right[right_at..right_at + WIDTH]);
        for i in 0..HEIGHT {
            for j in 0..WIDTH {
                tile[i][j] = left[i].mul_add(right[j], tile[i][j]);
            }
        }
    }
    for (i, tile_row) in tile.iter().enumerate() {
        sums[i * sums_stride..][..WIDTH].copy_from_slice(tile_row);
    }
}

/// `sums += sum over rows` of the vectors at `columns`: the bias gradient.
#[inline(always)]
pub(crate) fn add_rows<L: Lanes>(sums: &mut [L], tape: &[L], stride: usize, columns: Columns) {
    for row in tape.chunks_exact(stride) {
        for (sum, &value) in sums.iter_mut().zip(&row[columns.offset..columns.offset + columns.size]) {
            *sum = *sum + value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::lanes::Portable;
    use proptest::prelude::*;

    type L = Portable<f64, 8>;

    proptest! {
        #[test]
        fn products_agree_with_the_definition(rows in 1usize..25, columns in 1usize..25, seed in 0u64..1000) {
            let value = |i: usize| (((i as u64 * 37 + seed * 11) % 19) as f64 - 9.0) / 7.0;
            let weights: Vec<f64> = (0..rows * columns).map(value).collect();
            let x: Vec<L> = (0..columns).map(|j| L::from_fn(|lane| value(j * 8 + lane + 3))).collect();
            let y: Vec<L> = (0..rows).map(|i| L::from_fn(|lane| value(i * 8 + lane + 5))).collect();
            let mut product = y.clone();
            Matrix::new(rows, columns, &weights).multiply_add(&x, &mut product);
            let mut back = x.clone();
            Matrix::transposed(rows, columns, columns, &weights).multiply_add(&y, &mut back);
            for lane in 0..8 {
                for i in 0..rows {
                    let exact = y[i].lanes()[lane]
                        + (0..columns).map(|j| weights[i * columns + j] * x[j].lanes()[lane]).sum::<f64>();
                    prop_assert!((product[i].lanes()[lane] - exact).abs() < 1e-12);
                }
                for j in 0..columns {
                    let exact = x[j].lanes()[lane]
                        + (0..rows).map(|i| weights[i * columns + j] * y[i].lanes()[lane]).sum::<f64>();
                    prop_assert!((back[j].lanes()[lane] - exact).abs() < 1e-12);
                }
            }
        }

        #[test]
        fn outer_products_agree_with_the_definition(rows in 1usize..13, columns in 1usize..13, count in 0usize..4) {
            let tape = |stride: usize, k: usize| -> Vec<L> {
                (0..count * stride).map(|i| L::from_fn(|lane| ((i * 7 + lane * 3 + k) % 11) as f64 - 5.0)).collect()
            };
            let (left, right) = (tape(rows + 3, 1), tape(columns + 2, 2));
            let mut sums = vec![L::constant(0.5); rows * columns];
            add_outer_products(
                &mut sums,
                (&left, rows + 3, Columns { offset: 2, size: rows }),
                (&right, columns + 2, Columns { offset: 1, size: columns }),
            );
            for i in 0..rows {
                for j in 0..columns {
                    for lane in 0..8 {
                        let exact = 0.5 + (0..count).map(|n| {
                            left[n * (rows + 3) + 2 + i].lanes()[lane] * right[n * (columns + 2) + 1 + j].lanes()[lane]
                        }).sum::<f64>();
                        prop_assert!((sums[i * columns + j].lanes()[lane] - exact).abs() < 1e-12);
                    }
                }
            }
        }
    }
}
