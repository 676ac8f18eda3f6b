//! Joint draws of a Gaussian process at given candidates.

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::gaussian_process::GaussianProcess;
use super::hyperparameters::JITTER;
use super::linear_algebra::{Cholesky, dot};

/// Candidates up to which their joint distribution is taken as it is; its cost grows with the cube of their number.
const JOINT: usize = 512;
/// Cosines (with their sines) that a draw of the prior is made of.
const COSINES: usize = 128;

/// A process ready to be drawn from at given candidates.
pub(crate) struct ProcessPaths<'a> {
    process: &'a GaussianProcess,
    means: Vec<f64>,
    deviations: Deviations,
}

/// How draws come to differ from the mean.
enum Deviations {
    /// By the factor of the candidates' covariance, given the targets.
    Joint(Cholesky),
    /// By Matheron's rule, for many candidates: a draw of the prior, corrected by how it misses the targets. Draws of the prior are sums
    /// of random cosines (Rahimi & Recht 2007).
    Corrected {
        candidates: Vec<Vec<f64>>,
        /// Covariance with the targets, one row a candidate.
        covariances: Vec<Vec<f64>>,
    },
}

impl GaussianProcess {
    /// Prepares joint draws at `candidates`.
    pub(crate) fn paths(&self, candidates: &[Vec<f64>]) -> ProcessPaths<'_> {
        let mut covariances = vec![Vec::new(); candidates.len()];
        for (candidate, row) in candidates.iter().zip(&mut covariances) {
            self.covariances(candidate, row);
        }
        let means = covariances.iter().map(|row| dot(row, &self.weights)).collect();
        let joint = (candidates.len() <= JOINT).then(|| self.joint(candidates, &covariances)).flatten();
        let deviations = match joint {
            Some(factor) => Deviations::Joint(factor),
            None => Deviations::Corrected { candidates: candidates.to_vec(), covariances },
        };
        ProcessPaths { process: self, means, deviations }
    }

    /// Factor of the covariance that `candidates` have among each other, given the targets. `None` if rounding leaves it without one.
    fn joint(&self, candidates: &[Vec<f64>], covariances: &[Vec<f64>]) -> Option<Cholesky> {
        let known: Vec<Vec<f64>> = covariances
            .iter()
            .map(|row| {
                let mut row = row.clone();
                self.factor.solve_lower(&mut row);
                row
            })
            .collect();
        let count = candidates.len();
        let mut covariance = vec![0.0; count * count];
        for a in 0..count {
            for b in 0..=a {
                covariance[a * count + b] =
                    self.kernel.covariance(&candidates[a], &candidates[b]) - dot(&known[a], &known[b]);
            }
            // Candidates may be the same, or what is known already.
            covariance[a * count + a] += JITTER * self.kernel.signal;
        }
        Cholesky::of(covariance, count)
    }
}

impl ProcessPaths<'_> {
    /// One draw at all candidates, its distance to the mean multiplied by `widen`.
    pub(crate) fn draw(&self, random: &mut impl Rng, widen: f64) -> Vec<f64> {
        match &self.deviations {
            Deviations::Joint(factor) => {
                let normal: Vec<f64> = (0..self.means.len()).map(|_| random.sample(StandardNormal)).collect();
                let deviations = factor.multiply(&normal);
                self.means.iter().zip(deviations).map(|(mean, deviation)| mean + widen * deviation).collect()
            }
            Deviations::Corrected { candidates, covariances } => {
                let draws = self.process.corrected(candidates, covariances, random);
                draws.iter().zip(&self.means).map(|(draw, mean)| mean + widen * (draw - mean)).collect()
            }
        }
    }
}

impl GaussianProcess {
    /// A draw at `candidates` by Matheron's rule.
    fn corrected(&self, candidates: &[Vec<f64>], covariances: &[Vec<f64>], random: &mut impl Rng) -> Vec<f64> {
        let mut normal = || -> f64 { random.sample(StandardNormal) };
        let (kernel, features) = (&self.kernel, self.fitted.features);
        let frequencies: Vec<f64> =
            (0..COSINES * features).map(|k| normal() * kernel.inverse_lengths[k % features]).collect();
        let amplitudes: Vec<(f64, f64)> = (0..COSINES).map(|_| (normal(), normal())).collect();
        let size = (kernel.signal / COSINES as f64).sqrt();
        let prior = |input: &[f64]| {
            let waves = frequencies.chunks_exact(features).zip(&amplitudes);
            size * waves
                .map(|(frequency, (cosine, sine))| {
                    let (sin, cos) = dot(frequency, input).sin_cos();
                    cosine * cos + sine * sin
                })
                .sum::<f64>()
        };
        let noise = kernel.noise.sqrt();
        let mut missed: Vec<f64> = (self.fitted.inputs.chunks_exact(features).zip(&self.fitted.targets))
            .map(|(run, target)| target - prior(run) - noise * normal())
            .collect();
        self.factor.solve(&mut missed);
        let corrected = |(input, covariance): (&Vec<f64>, &Vec<f64>)| prior(input) + dot(covariance, &missed);
        candidates.iter().zip(covariances).map(corrected).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::hyperparameters::Hyperprior;
    use super::*;

    #[test]
    fn draws_of_few_and_of_many_have_the_mean_and_the_covariance_of_the_process() {
        let inputs: Vec<Vec<f64>> = (0..6).map(|k| vec![f64::from(k) / 2.0, f64::from(k % 2)]).collect();
        let targets: Vec<f64> = inputs.iter().map(|input| input[0].cos()).collect();
        let process = GaussianProcess::fit(&inputs, &targets, &Hyperprior::about(0.8, 0.6), None).expect("finite");
        let asked = [vec![1.1, 0.0], vec![5.0, 1.0], vec![5.5, 1.0]];
        let many: Vec<Vec<f64>> =
            asked.iter().cloned().chain((0..=JOINT).map(|k| vec![k as f64 / 100.0, 0.5])).collect();
        let predicted: Vec<_> = asked.iter().map(|input| process.predict(input, &mut Vec::new())).collect();
        let mut together = Vec::new();
        for candidates in [asked.to_vec(), many] {
            let paths = process.paths(&candidates);
            assert_eq!(matches!(paths.deviations, Deviations::Joint(_)), candidates.len() <= JOINT);
            let mut random = crate::random::stream(1, crate::random::Purpose::Candidate, 0);
            let draws: Vec<Vec<f64>> = (0..4000).map(|_| paths.draw(&mut random, 1.0)).collect();
            let mean = |of: &dyn Fn(&[f64]) -> f64| draws.iter().map(|draw| of(draw)).sum::<f64>() / draws.len() as f64;
            for (at, predicted) in predicted.iter().enumerate() {
                let found = mean(&|draw| draw[at]);
                let variance = mean(&|draw| (draw[at] - found).powi(2));
                let error = (predicted.variance / draws.len() as f64).sqrt();
                assert!((found - predicted.mean).abs() < 4.0 * error, "{found} for {predicted:?}");
                assert!((variance / predicted.variance - 1.0).abs() < 0.12, "{variance} for {predicted:?}");
            }
            together.push(mean(&|draw| (draw[1] - predicted[1].mean) * (draw[2] - predicted[2].mean)));
        }
        let scale = (predicted[1].variance * predicted[2].variance).sqrt();
        assert!(together[0] > 0.5 * scale, "neighbours are alike: {together:?} beside {scale}");
        assert!((together[0] - together[1]).abs() < 0.12 * scale, "{together:?} beside {scale}");
    }

    #[test]
    fn what_is_known_is_drawn_as_it_is_and_twins_alike() {
        let inputs: Vec<Vec<f64>> = (0..5).map(|k| vec![f64::from(k)]).collect();
        let targets: Vec<f64> = inputs.iter().map(|input| input[0].sin()).collect();
        let process = GaussianProcess::fit(&inputs, &targets, &Hyperprior::about(0.8, 1e-6), None).expect("finite");
        let paths = process.paths(&[vec![2.0], vec![2.0], vec![2.5], vec![2.5]]);
        let mut random = crate::random::stream(2, crate::random::Purpose::Candidate, 0);
        for _ in 0..100 {
            let draw = paths.draw(&mut random, 1.0);
            assert!((draw[0] - draw[1]).abs() < 1e-2 && (draw[2] - draw[3]).abs() < 1e-2, "{draw:?}");
        }
    }
}
