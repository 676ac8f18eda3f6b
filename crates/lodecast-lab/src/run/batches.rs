//! The batches of a run in their order: loaded when they are asked for, or ahead of it on another thread.

use std::panic::resume_unwind;
use std::sync::mpsc::sync_channel;
use std::thread;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::run::length::Length;
use crate::run::random::{AUGMENTATION, EXAMPLE_ORDER, stream};
use crate::run::task::Task;

/// Batches that wait for the network, besides the one being loaded.
const AHEAD: usize = 2;
/// Random words that the augmentation of one step may use, as a power of two.
const WORDS_PER_STEP: u32 = 32;

/// Lets `train` have the batches of a run of `seed`, one a step. The first error is the last item.
///
/// What is loaded does not depend on when: equal seeds give equal batches.
pub(crate) fn with_batches<T: Task, R>(
    task: &T,
    length: Length,
    seed: u64,
    train: impl FnOnce(&mut dyn Iterator<Item = Result<T::Batch>>) -> R,
) -> R {
    let mut step = 0_u64;
    let mut batches = Order::new(task.train_examples(), length, seed).map(move |indices| {
        let mut random = stream(seed, AUGMENTATION);
        random.set_word_pos(u128::from(step) << WORDS_PER_STEP);
        step += 1;
        task.load(&indices, &mut random)
    });
    if task.loads_ahead() { loaded_ahead(batches, train) } else { train(&mut batches) }
}

/// Lets `take` have `batches` that are made on another thread, a few ahead. The first error is the last item.
pub(crate) fn loaded_ahead<B: Send, R>(
    batches: impl Iterator<Item = Result<B>> + Send,
    take: impl FnOnce(&mut dyn Iterator<Item = Result<B>>) -> R,
) -> R {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        let loader = scope.spawn(move || {
            for batch in batches {
                let failed = batch.is_err();
                // Nobody takes batches any more once the run is over.
                if sender.send(batch).is_err() || failed {
                    break;
                }
            }
        });
        let outcome = take(&mut receiver.into_iter());
        match loader.join() {
            Ok(()) => outcome,
            Err(panic) => resume_unwind(panic),
        }
    })
}

/// The indices of the examples, batch by batch. Each epoch shuffles them; what is left over at its end is not used in it.
struct Order {
    random: ChaCha8Rng,
    examples: Vec<u32>,
    batch_size: usize,
    epochs_left: u64,
    used: usize,
}

impl Order {
    fn new(examples: usize, length: Length, seed: u64) -> Self {
        Self {
            random: stream(seed, EXAMPLE_ORDER),
            examples: (0..examples as u32).collect(),
            batch_size: length.batch_size,
            epochs_left: length.epochs,
            used: examples,
        }
    }
}

impl Iterator for Order {
    type Item = Vec<u32>;

    fn next(&mut self) -> Option<Vec<u32>> {
        if self.used + self.batch_size > self.examples.len() {
            self.epochs_left = self.epochs_left.checked_sub(1)?;
            self.examples.shuffle(&mut self.random);
            self.used = 0;
        }
        let batch = self.examples[self.used..][..self.batch_size].to_vec();
        self.used += self.batch_size;
        Some(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn what_is_loaded_ahead_comes_in_order_and_ends_with_the_first_error() {
        let fails_at = |bad: u32| {
            (0..10).map(move |k| if k == bad { Err(Error::Cancelled { finished: 0, total: 1 }) } else { Ok(k) })
        };
        let taken = loaded_ahead(fails_at(4), |batches| batches.collect::<Vec<_>>());
        assert_eq!(taken.iter().flatten().copied().collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert!(taken.len() == 5 && taken[4].is_err());
        // Who has enough just stops taking.
        assert_eq!(loaded_ahead(fails_at(10), |batches| batches.take(2).flatten().sum::<u32>()), 1);
        let panic = std::panic::catch_unwind(|| {
            loaded_ahead((0..3).map(|k| if k == 1 { panic!("no picture") } else { Ok(k) }), |batches| batches.count())
        });
        assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"no picture"));
    }

    #[test]
    fn every_epoch_is_another_order_without_repetition() {
        let length = Length { epochs: 2, batch_size: 3, points_per_epoch: 1 };
        let batches: Vec<Vec<u32>> = Order::new(10, length, 5).collect();
        assert_eq!(batches.len(), 6, "one example is left over in each epoch");
        let [first, second] = [&batches[..3], &batches[3..]].map(<[Vec<u32>]>::concat);
        for epoch in [&first, &second] {
            let mut sorted = epoch.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), 9);
        }
        assert_ne!(first, second);
        assert_eq!(Order::new(10, length, 5).collect::<Vec<_>>(), batches);
        assert_ne!(Order::new(10, length, 6).collect::<Vec<_>>(), batches);
    }
}
