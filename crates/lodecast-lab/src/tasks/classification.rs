//! Cross-entropy and accuracy, for every task that puts examples into classes.

use burn::tensor::{Int, Tensor, activation};

use crate::run::task::Evaluation;

/// Mean cross-entropy of `logits` (example, class) against the examples' classes, with its gradient.
pub(super) fn cross_entropy(logits: Tensor<2>, classes: Tensor<1, Int>) -> Tensor<1> {
    activation::log_softmax(logits, 1).gather(1, classes.unsqueeze_dim(1)).mean().neg()
}

/// Cross-entropy and accuracy over batch after batch of held-out examples.
///
/// A network whose logits are NaN is taken to answer with the first class, as an argmax does elsewhere.
#[derive(Debug, Default)]
pub(super) struct Tally {
    loss: f64,
    right: usize,
    count: usize,
}

impl Tally {
    /// Takes the `logits` (example, class) of a batch, read back from the device, with the examples' classes.
    pub(super) fn add(&mut self, logits: Tensor<2>, classes: impl IntoIterator<Item = usize>) {
        let width = logits.dims()[1];
        let logits: Vec<f32> = logits.into_data().iter::<f32>().collect();
        for (row, class) in logits.chunks_exact(width).zip(classes) {
            let best = (1..width).fold(0, |best, index| if row[index] > row[best] { index } else { best });
            self.right += usize::from(best == class);
            let largest = f64::from(row[best]);
            let sum: f64 = row.iter().map(|&logit| (f64::from(logit) - largest).exp()).sum();
            self.loss += largest + sum.ln() - f64::from(row[class]);
            self.count += 1;
        }
    }

    /// Mean cross-entropy and accuracy over all of them.
    pub(super) fn evaluation(&self) -> Evaluation {
        let count = self.count as f64;
        Evaluation { loss: self.loss / count, metric: self.right as f64 / count }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn loss_and_accuracy_of_known_logits() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_data([[2.0, 0.0, 0.0], [0.0, 0.0, 1.0], [1.0, 3.0, -1.0]], &device);
        let mut tally = Tally::default();
        tally.add(logits.clone().narrow(0, 0, 2), [0, 1]);
        tally.add(logits.clone().narrow(0, 2, 1), [1]);
        let evaluation = tally.evaluation();
        // ln(e^2 + 2) - 2, ln(2 + e), ln(e + e^3 + 1/e) - 3
        let expected = (0.239_544_8 + 1.551_444_7 + 0.142_931_6) / 3.0;
        assert!((evaluation.loss - expected).abs() < 1e-6, "{evaluation:?}");
        assert!((evaluation.metric - 2.0 / 3.0).abs() < 1e-12);
        let on_device = cross_entropy(logits, Tensor::from_data([0, 1, 1], &device)).into_scalar::<f32>();
        assert!((f64::from(on_device) - expected).abs() < 1e-6, "{on_device}");
    }

    #[test]
    fn a_broken_network_answers_with_the_first_class() {
        let logits = Tensor::<2>::from_data([[f32::NAN; 3], [f32::NAN; 3]], &Device::flex());
        let mut tally = Tally::default();
        tally.add(logits, [0, 1]);
        let evaluation = tally.evaluation();
        assert!(evaluation.loss.is_nan());
        assert_eq!(evaluation.metric, 0.5);
    }
}
