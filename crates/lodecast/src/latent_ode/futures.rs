//! Futures of an observed run under many controls, for every member of an ensemble at once.

use rayon::prelude::*;

use super::ensemble::Ensemble;
use super::pass::{Network, Pass, Task};
use super::series::Series;
use crate::lanes::{Dispatch, LaneKernel, Lanes};
use crate::ode::Control;

impl Ensemble {
    /// The latent vector of `window` for each of the networks.
    pub(super) fn encode(&self, networks: &[Network<f32>], window: &Series) -> Vec<Vec<f32>> {
        f32::dispatch(Encoding { ensemble: self, networks, window })
    }

    /// Values `[control * networks + network][time][loss, metric]` in the model's units, at model times; without times,
    /// those at the end of each control. `latents` holds a vector for each of the networks.
    pub(super) fn futures(
        &self,
        networks: &[Network<f32>],
        latents: &[Vec<f32>],
        controls: &[Control],
        times: &[f64],
    ) -> Vec<Vec<[f64; 2]>> {
        f32::dispatch(Futures { ensemble: self, networks, latents, controls, times })
    }
}

struct Encoding<'a> {
    ensemble: &'a Ensemble,
    networks: &'a [Network<f32>],
    window: &'a Series,
}

impl LaneKernel<f32> for Encoding<'_> {
    type Output = Vec<Vec<f32>>;

    fn run<L: Lanes<Real = f32>>(self) -> Self::Output {
        let mut window = Task::<L>::default();
        window.read(self.window.points.iter(), &self.ensemble.header);
        let latent = |network: &Network<f32>| {
            Pass::<L>::default().encode(network, &window).iter().map(|value| value.lanes()[0]).collect()
        };
        self.networks.par_iter().map(latent).collect()
    }
}

struct Futures<'a> {
    ensemble: &'a Ensemble,
    networks: &'a [Network<f32>],
    latents: &'a [Vec<f32>],
    controls: &'a [Control],
    times: &'a [f64],
}

impl LaneKernel<f32> for Futures<'_> {
    type Output = Vec<Vec<[f64; 2]>>;

    fn run<L: Lanes<Real = f32>>(self) -> Self::Output {
        let members = self.networks.len();
        // A vector of lanes takes as many steps as the one of its lanes that needs most, and a step ends at every joint of
        // the control: those with as many joints go together.
        let mut order: Vec<usize> = (0..self.controls.len()).collect();
        order.sort_by_key(|&index| self.controls[index].segments.len());
        let groups: Vec<&[usize]> = order.chunks(L::COUNT).collect();
        let times: Vec<L> = self.times.iter().map(|&time| L::constant(time)).collect();
        let latents: Vec<Vec<L>> =
            self.latents.iter().map(|latent| latent.iter().map(|&value| L::splat(value)).collect()).collect();
        let solves = groups.len() * members;
        let solved: Vec<Vec<Vec<[f64; 2]>>> = (0..solves)
            .into_par_iter()
            // Working memory is made for each part anew.
            .with_min_len(solves.div_ceil(2 * rayon::current_num_threads()))
            .map_init(
                || (Pass::<L>::default(), Task::<L>::default()),
                |(pass, task), index| {
                    let (group, member) = (groups[index / members], index % members);
                    task.times.clone_from(&times);
                    task.controls.clear();
                    task.controls.extend(group.iter().map(|&control| self.controls[control].clone()));
                    let tolerances = self.ensemble.tolerances();
                    let values = pass.decode(&self.networks[member], task, &latents[member], tolerances, false);
                    (0..group.len())
                        .map(|lane| {
                            let read = |value: &L| f64::from(value.lanes()[lane]);
                            values.chunks_exact(2).map(|row| [read(&row[0]), read(&row[1])]).collect()
                        })
                        .collect()
                },
            )
            .collect();
        let mut results = vec![Vec::new(); self.controls.len() * members];
        for (index, values) in solved.into_iter().enumerate() {
            for (&control, values) in groups[index / members].iter().zip(values) {
                results[control * members + index % members] = values;
            }
        }
        results
    }
}
