//! Proximal policy optimization (Schulman et al. 2017) with generalized advantage estimation over whole runs.

use rand_chacha::ChaCha8Rng;

use super::network::{ACTIONS, FEATURES, Network};

const RATE: f64 = 3e-3;
/// How far the probability of an action may move within one improvement.
const CLIP: f64 = 0.2;
/// Passes over the decisions of one round.
const PASSES: usize = 10;
/// Decay of the estimate's memory. Rewards themselves are not discounted: only the end of a run counts.
const MEMORY: f64 = 0.95;
/// Weight of the entropy, which keeps the policy from making up its mind too early.
const ENTROPY: f64 = 0.01;

/// One decision and what came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Decision {
    /// What was seen.
    pub features: [f64; FEATURES],
    /// What was done.
    pub action: usize,
    /// How likely that was.
    pub probability: f64,
    /// What it gained until the next decision.
    pub reward: f64,
}

/// A policy that gets better, and the judge of the states it meets.
pub(super) struct Learner {
    policy: Network,
    value: Network,
}

impl Learner {
    pub(super) fn new(random: &mut ChaCha8Rng) -> Self {
        Self { policy: Network::new(ACTIONS.len(), random), value: Network::new(1, random) }
    }

    pub(super) fn policy(&self) -> &Network {
        &self.policy
    }

    /// Learns from the runs of one round.
    pub(super) fn improve(&mut self, episodes: &[Vec<Decision>]) {
        let mut all: Vec<(Decision, f64, f64)> = Vec::new();
        for episode in episodes {
            let values: Vec<f64> = episode.iter().map(|decision| self.value.outputs(&decision.features)[0]).collect();
            let mut advantage = 0.0;
            for (index, decision) in episode.iter().enumerate().rev() {
                let next = values.get(index + 1).copied().unwrap_or(0.0);
                advantage = decision.reward + next - values[index] + MEMORY * advantage;
                all.push((*decision, advantage, advantage + values[index]));
            }
        }
        if all.len() < 2 {
            return;
        }
        let count = all.len() as f64;
        let mean = all.iter().map(|entry| entry.1).sum::<f64>() / count;
        let deviation = (all.iter().map(|entry| (entry.1 - mean).powi(2)).sum::<f64>() / count).sqrt() + 1e-8;
        for _ in 0..PASSES {
            let (mut policy, mut value) = (self.policy.no_gradient(), self.value.no_gradient());
            for (decision, advantage, outcome) in &all {
                let slopes = self.policy_slopes(decision, (advantage - mean) / deviation);
                self.policy.add_gradient(&decision.features, &slopes.map(|slope| slope / count), &mut policy);
                let error = self.value.outputs(&decision.features)[0] - outcome;
                self.value.add_gradient(&decision.features, &[error / count], &mut value);
            }
            self.policy.step(RATE, &policy);
            self.value.step(RATE, &value);
        }
    }

    /// Derivatives of the clipped objective (to be minimised) by the policy's outputs.
    fn policy_slopes(&self, decision: &Decision, advantage: f64) -> [f64; ACTIONS.len()] {
        let probabilities = self.policy.probabilities(&decision.features);
        let ratio = probabilities[decision.action] / decision.probability;
        let gone_far = if advantage > 0.0 { ratio > 1.0 + CLIP } else { ratio < 1.0 - CLIP };
        let weight = if gone_far { 0.0 } else { ratio * advantage };
        let entropy: f64 = probabilities.iter().map(|p| -p * p.max(1e-12).ln()).sum();
        std::array::from_fn(|action| {
            let p = probabilities[action];
            let chosen = f64::from(u8::from(action == decision.action));
            -weight * (chosen - p) + ENTROPY * p * (p.max(1e-12).ln() + entropy)
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn slopes_are_those_of_the_clipped_objective() {
        let mut random = ChaCha8Rng::seed_from_u64(4);
        let mut learner = Learner::new(&mut random);
        let features = [0.2; FEATURES];
        // Away from the uniform start, where the entropy has no slope.
        let push: Vec<f64> = (0..learner.policy.no_gradient().len()).map(|_| random.random_range(-1.0..1.0)).collect();
        for _ in 0..200 {
            learner.policy.step(3e-3, &push);
        }
        let probabilities = learner.policy.probabilities(&features);
        for (factor, advantage) in [(1.0, 0.7), (1.0, -0.7), (1.5, -0.7), (0.5, 0.7), (1.5, 0.7), (0.5, -0.7)] {
            let decision = Decision { features, action: 1, probability: probabilities[1] / factor, reward: 0.0 };
            let objective = |outputs: &[f64]| {
                let sum: f64 = outputs.iter().map(|output| output.exp()).sum();
                let p: Vec<f64> = outputs.iter().map(|output| output.exp() / sum).collect();
                let ratio = p[1] / decision.probability;
                let clipped = ratio.clamp(1.0 - CLIP, 1.0 + CLIP);
                let entropy: f64 = p.iter().map(|p| -p * p.ln()).sum();
                -(ratio * advantage).min(clipped * advantage) - ENTROPY * entropy
            };
            let outputs = learner.policy.outputs(&features);
            let slopes = learner.policy_slopes(&decision, advantage);
            for action in 0..ACTIONS.len() {
                let mut shifted = [outputs.clone(), outputs.clone()];
                shifted[0][action] -= 1e-5;
                shifted[1][action] += 1e-5;
                let expected = (objective(&shifted[1]) - objective(&shifted[0])) / 2e-5;
                assert!((slopes[action] - expected).abs() < 1e-8, "{factor} {advantage}: {slopes:?}, {expected}");
            }
        }
    }

    #[test]
    fn learns_which_action_pays() {
        let mut random = ChaCha8Rng::seed_from_u64(9);
        let mut learner = Learner::new(&mut random);
        // Halving pays where the first feature is positive, doubling where it is negative.
        for _ in 0..40 {
            let mut episode = Vec::new();
            for _ in 0..40 {
                let features: [f64; FEATURES] = std::array::from_fn(|_| random.random_range(-1.0..1.0));
                let probabilities = learner.policy.probabilities(&features);
                let action = super::super::drawn(&probabilities, random.random_range(0.0..1.0));
                let right = if features[0] > 0.0 { 0 } else { 2 };
                let reward = f64::from(u8::from(action == right));
                episode.push(Decision { features, action, probability: probabilities[action], reward });
            }
            let single: Vec<Vec<Decision>> = episode.into_iter().map(|decision| vec![decision]).collect();
            learner.improve(&single);
        }
        let policy = learner.policy();
        assert!(policy.probabilities(&[0.8, 0.0, 0.0, 0.0, 0.0, 0.0])[0] > 0.8);
        assert!(policy.probabilities(&[-0.8, 0.0, 0.0, 0.0, 0.0, 0.0])[2] > 0.8);
    }
}
