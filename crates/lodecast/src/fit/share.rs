//! Lanes of a batch: groups of samples that compute in step, and the shares of them that threads see to.

use super::objective::{Objective, PathTerm};
use super::sample::Sample;
use crate::kernels::lanes::{Lanes, Real};
use crate::kernels::ode::Tolerances;
use crate::model::Architecture;
use crate::model::pass::{Network, Pass, Task};

/// One vector of lanes with its share of the batch.
pub(super) struct Group<L> {
    pub(super) pass: Pass<L>,
    pub(super) task: Task<L>,
    pub(super) targets: Vec<L>,
    pub(super) weights: Vec<L>,
    /// 1 in lanes that hold a sample.
    used: L,
    pub(super) latent: Vec<L>,
    pub(super) loss: L,
}

impl<L: Lanes> Group<L> {
    fn new() -> Self {
        Self {
            pass: Pass::default(),
            task: Task::default(),
            targets: Vec::new(),
            weights: Vec::new(),
            used: L::zero(),
            latent: Vec::new(),
            loss: L::zero(),
        }
    }

    /// Puts up to `L::COUNT` samples into the lanes. Windows end together: shorter ones start later.
    fn fill(&mut self, samples: &[Sample], inputs: usize, outputs: usize, time_scale: f64) {
        let steps = samples.iter().map(|sample| sample.window.len()).max().unwrap_or(0);
        let times = samples.iter().map(|sample| sample.times.len()).max().unwrap_or(0);
        let flags = inputs > 4;
        reset(&mut self.task.inputs, steps * inputs);
        reset(&mut self.task.active, steps);
        reset(&mut self.task.times, times);
        reset(&mut self.targets, times * outputs);
        reset(&mut self.weights, times * outputs);
        self.task.controls.clear();
        self.used = L::from_fn(|lane| f64::from(u8::from(lane < samples.len())));
        for (lane, sample) in samples.iter().enumerate() {
            let real = L::Real::from_f64;
            let first = steps - sample.window.len();
            for (step, point) in (first..).zip(&sample.window) {
                let row = &mut self.task.inputs[step * inputs..(step + 1) * inputs];
                point.write_inputs(time_scale, flags, |column, value| row[column].lanes_mut()[lane] = real(value));
                self.task.active[step].lanes_mut()[lane] = real(1.0);
            }
            let end = sample.times.last().copied().unwrap_or(sample.control.start);
            for time in 0..times {
                let at = sample.times.get(time).copied().unwrap_or(end);
                self.task.times[time].lanes_mut()[lane] = real(at);
            }
            for (at, (&target, &weight)) in sample.targets.iter().zip(&sample.weights).enumerate() {
                self.targets[at].lanes_mut()[lane] = real(target);
                self.weights[at].lanes_mut()[lane] = real(weight);
            }
            self.task.controls.push(sample.control.clone());
        }
    }

    pub(super) fn encode(&mut self, network: &Network<L::Real>) {
        self.latent.clear();
        let latent = self.pass.encode(network, &self.task);
        self.latent.extend_from_slice(latent);
    }

    /// Decodes and compares; with `gradients` (and working memory) also adds those to them.
    fn learn(
        &mut self,
        network: &Network<L::Real>,
        outputs: usize,
        tolerances: Tolerances,
        path: Option<PathTerm<'_, L::Real>>,
        adjoints: &mut Vec<L>,
        gradients: Option<&mut [L]>,
    ) {
        let values = self.pass.decode(network, &self.task, &self.latent, tolerances, gradients.is_some());
        adjoints.resize(values.len(), L::zero());
        let objective = Objective { targets: &self.targets, weights: &self.weights, outputs, path };
        // A lane whose solve was cut off has no gradient, and is as wrong as can be.
        let counts = self.used * self.pass.finished();
        let values = self.pass.values(network);
        let unfinished = (self.used - counts) * L::constant(UNFINISHED);
        self.loss = objective.evaluate(values, counts, adjoints) + unfinished;
        if let Some(gradients) = gradients {
            self.pass.pull_back(network, &self.task, adjoints, gradients);
        }
    }
}

/// Groups that one thread sees to in turn. Their gradients are summed in the same memory, a vector of lanes a parameter, which is as
/// much to clear and to add up as a group needs for all else: two groups at once are a tenth faster than one.
pub(super) struct Share<L> {
    pub(super) groups: Vec<Group<L>>,
    adjoints: Vec<L>,
    /// Gradients by the parameters, lane by lane.
    pub(super) sums: Vec<L>,
}

/// Groups of a share, whatever the number of threads: it decides in which order gradients are added.
pub(super) const GROUPS_IN_TURN: usize = 2;

impl<L: Lanes> Share<L> {
    pub(super) fn new() -> Self {
        Self { groups: Vec::new(), adjoints: Vec::new(), sums: Vec::new() }
    }

    /// Distributes up to `GROUPS_IN_TURN * L::COUNT` samples over the groups.
    pub(super) fn fill(&mut self, samples: &[Sample], architecture: Architecture, time_scale: f64) {
        self.groups.resize_with(samples.len().div_ceil(L::COUNT), Group::new);
        for (group, samples) in self.groups.iter_mut().zip(samples.chunks(L::COUNT)) {
            group.fill(samples, architecture.inputs, architecture.outputs, time_scale);
        }
    }

    /// Decodes and compares all groups; with `reversible` also sums their gradients.
    pub(super) fn learn(
        &mut self,
        network: &Network<L::Real>,
        outputs: usize,
        tolerances: Tolerances,
        path: Option<PathTerm<'_, L::Real>>,
        reversible: bool,
    ) {
        reset(&mut self.sums, if reversible { network.parameters() } else { 0 });
        for group in &mut self.groups {
            let gradients = reversible.then_some(&mut self.sums[..]);
            group.learn(network, outputs, tolerances, path, &mut self.adjoints, gradients);
        }
    }
}

fn reset<L: Lanes>(memory: &mut Vec<L>, size: usize) {
    memory.clear();
    memory.resize(size, L::zero());
}

/// Loss of a sample whose solve was cut off, and of one whose end is not finite: that of being off by several deviations.
pub(super) const UNFINISHED: f64 = 10.0;
