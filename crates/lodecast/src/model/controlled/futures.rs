//! Futures of an observed run: what was encoded once is solved under any controls, for every member of an ensemble.

use rayon::prelude::*;

use crate::kernels::lanes::{Dispatch, LaneKernel, Lanes};
use crate::kernels::ode::Control;
use crate::model::ensemble::Ensemble;
use crate::model::pass::{Network, Pass, Task};

impl Ensemble {
    /// The metric in the model's units at the end of each control, `[control * networks + network]`. `latents` holds a vector
    /// for each of the networks.
    pub(super) fn final_metrics(
        &self,
        networks: &[Network<f32>],
        latents: &[Vec<f32>],
        controls: &[Control],
    ) -> Vec<f64> {
        f32::dispatch(Ends { ensemble: self, networks, latents, controls })
    }

    /// Values `[network][time][loss, metric]` in the model's units under one control, at model times.
    pub(super) fn curves(
        &self,
        networks: &[Network<f32>],
        latents: &[Vec<f32>],
        control: &Control,
        times: &[f64],
    ) -> Vec<Vec<[f64; 2]>> {
        f32::dispatch(Curves { ensemble: self, networks, latents, control, times })
    }
}

fn broadcast<L: Lanes<Real = f32>>(latents: &[Vec<f32>]) -> Vec<Vec<L>> {
    latents.iter().map(|latent| latent.iter().map(|&value| L::splat(value)).collect()).collect()
}

struct Ends<'a> {
    ensemble: &'a Ensemble,
    networks: &'a [Network<f32>],
    latents: &'a [Vec<f32>],
    controls: &'a [Control],
}

impl LaneKernel<f32> for Ends<'_> {
    type Output = Vec<f64>;

    fn run<L: Lanes<Real = f32>>(self) -> Self::Output {
        let members = self.networks.len();
        // A vector of lanes takes as many steps as the one of its lanes that needs most, and a step ends at every joint of
        // the control: those with as many joints go together.
        let mut order: Vec<usize> = (0..self.controls.len()).collect();
        order.sort_by_key(|&index| self.controls[index].segments.len());
        let groups: Vec<&[usize]> = order.chunks(L::COUNT).collect();
        let latents = broadcast::<L>(self.latents);
        let solves = groups.len() * members;
        let solved: Vec<L> = (0..solves)
            .into_par_iter()
            // Working memory is made for each part anew.
            .with_min_len(solves.div_ceil(2 * rayon::current_num_threads()))
            .map_init(Pass::<L>::default, |pass, index| {
                let (group, member) = (groups[index / members], index % members);
                let controls: Vec<&Control> = group.iter().map(|&control| &self.controls[control]).collect();
                let tolerances = self.ensemble.tolerances();
                let [_loss, metric] = pass.decode_end(&self.networks[member], &controls, &latents[member], tolerances);
                metric
            })
            .collect();
        let mut metrics = vec![0.0; self.controls.len() * members];
        for (index, values) in solved.into_iter().enumerate() {
            for (&control, &value) in groups[index / members].iter().zip(values.lanes()) {
                metrics[control * members + index % members] = f64::from(value);
            }
        }
        metrics
    }
}

struct Curves<'a> {
    ensemble: &'a Ensemble,
    networks: &'a [Network<f32>],
    latents: &'a [Vec<f32>],
    control: &'a Control,
    times: &'a [f64],
}

impl LaneKernel<f32> for Curves<'_> {
    type Output = Vec<Vec<[f64; 2]>>;

    fn run<L: Lanes<Real = f32>>(self) -> Self::Output {
        let times = self.times.iter().map(|&time| L::constant(time)).collect();
        let task = Task { controls: vec![self.control.clone()], times, ..Task::default() };
        let curve = |(network, latent): (&Network<f32>, &Vec<L>)| {
            let mut pass = Pass::default();
            let values = pass.decode(network, &task, latent, self.ensemble.tolerances(), false);
            let read = |value: &L| f64::from(value.lanes()[0]);
            values.chunks_exact(2).map(|row| [read(&row[0]), read(&row[1])]).collect()
        };
        self.networks.par_iter().zip(&broadcast::<L>(self.latents)).map(curve).collect()
    }
}
