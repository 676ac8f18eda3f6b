//! A real training with burn under the lodecast scheduler: stopped and resumed, it is the run that was not stopped.

use burn::lr_scheduler::LrSchedulerRecord;
use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::module::{Module, Param};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor, TensorData};
use lodecast::{
    Attributes, Direction, FitOptions, FitSettings, Metric, Model, ModelKind, Point, Run, Schedule, Scheduler, Sweep,
    fit,
};
use lodecast_burn::LodeLrScheduler;

const STEPS: u64 = 60;

/// A network of one hidden layer.
#[derive(Module, Debug)]
struct Network {
    input: Param<Tensor<2>>,
    output: Param<Tensor<2>>,
}

impl Network {
    fn new(device: &Device) -> Self {
        let weights = |count: usize| -> Vec<f32> { (0..count).map(|k| (1.7 * k as f32).sin()).collect() };
        let input = Tensor::<2>::from_data(TensorData::new(weights(16), [2, 8]), device);
        let output = Tensor::<2>::from_data(TensorData::new(weights(8), [8, 1]), device);
        Self { input: Param::from_tensor(input), output: Param::from_tensor(output) }
    }

    /// Mean square error on sin(3x) over [-1, 1].
    fn loss(&self, device: &Device) -> Tensor<1> {
        let xs: Vec<f32> = (0..64).map(|k| k as f32 / 31.5 - 1.0).collect();
        let inputs = xs.iter().flat_map(|&x| [x, 1.0]).collect::<Vec<f32>>();
        let targets = xs.iter().map(|x| (3.0 * x).sin()).collect::<Vec<f32>>();
        let inputs = Tensor::<2>::from_data(TensorData::new(inputs, [64, 2]), device);
        let targets = Tensor::<2>::from_data(TensorData::new(targets, [64, 1]), device);
        let difference = inputs.matmul(self.input.val()).tanh().matmul(self.output.val()) - targets;
        (difference.clone() * difference).mean()
    }
}

/// What a training holds, and what it left behind: the rate and the loss of each step, in bits.
#[derive(Clone)]
struct Training {
    device: Device,
    network: Network,
    optimizer: ModuleOptimizer,
    trace: Vec<(u64, u64)>,
}

impl Training {
    fn new() -> Self {
        let device = Device::flex().autodiff();
        let network = Network::new(&device);
        Self { device, network, optimizer: AdamConfig::new().init(), trace: Vec::new() }
    }

    fn go_on(&mut self, rates: &mut ModuleLrScheduler, metrics: &LodeLrScheduler, steps: u64) {
        for _ in 0..steps {
            let rate = rates.step();
            let base = rate.base();
            let loss = self.network.loss(&self.device);
            let value = f64::from(loss.clone().into_scalar::<f32>());
            let gradients = GradientsParams::from_grads(loss.backward(), &self.network);
            self.network = self.optimizer.step(rate, self.network.clone(), gradients);
            self.trace.push((base.to_bits(), value.to_bits()));
            let point = Point::new(self.trace.len() as u64).train_loss(value).validation(value);
            metrics.scheduler().observe(point);
        }
    }
}

/// A model of this very training, from three constant rates.
fn model() -> Model {
    let mut sweep = Sweep::new(vec![Metric::new("error", Direction::Min)]);
    for peak_lr in [0.003, 0.01, 0.03, 0.1] {
        for family in [Schedule::constant(peak_lr), Schedule::cosine(peak_lr)] {
            let mut training = Training::new();
            let mut run = Run::new(family.describe(), 1);
            for step in 0..STEPS {
                let rate = family.at_step(step, STEPS);
                let loss = training.network.loss(&training.device);
                let value = f64::from(loss.clone().into_scalar::<f32>());
                let gradients = GradientsParams::from_grads(loss.backward(), &training.network);
                training.network = training.optimizer.step(rate, training.network.clone(), gradients);
                run.push(step + 1, Some(value), Some(rate), &[Some(value)]).unwrap();
            }
            run.attributes = Attributes {
                schedule: Some(family.describe()),
                peak_lr: Some(peak_lr),
                total_steps: Some(STEPS),
                ..Attributes::default()
            };
            sweep.runs.push(run);
        }
    }
    let settings = FitSettings::new(ModelKind::Controlled).with_training(|training| {
        training.iterations = 100;
        training.members = 2;
    });
    fit(&sweep, &settings, FitOptions::default()).unwrap().model
}

#[test]
fn a_training_that_is_stopped_and_resumed_is_the_one_that_was_not() {
    let model = model();
    let start = || {
        let scheduler =
            Scheduler::builder(model.clone()).total_steps(STEPS).replan_at([0.2, 0.4, 0.6]).build().unwrap();
        LodeLrScheduler::new(scheduler)
    };

    let metrics = start();
    let mut rates = ModuleLrScheduler::new(metrics.clone());
    let mut uninterrupted = Training::new();
    uninterrupted.go_on(&mut rates, &metrics, STEPS);
    assert_eq!(metrics.scheduler().replans(), 3);
    let losses = |k: usize| f64::from_bits(uninterrupted.trace[k].1);
    assert!(losses(STEPS as usize - 1) < 0.5 * losses(0), "{} to {}", losses(0), losses(STEPS as usize - 1));

    for stop in [7, 30] {
        let metrics = start();
        let mut rates = ModuleLrScheduler::new(metrics.clone());
        let mut training = Training::new();
        training.go_on(&mut rates, &metrics, stop);
        let saved = rates.to_record().into_bytes().unwrap();

        let metrics = start();
        let record = LrSchedulerRecord::from_bytes(saved).unwrap();
        let mut rates = ModuleLrScheduler::new(metrics.clone()).load_record(record);
        assert_eq!(metrics.load_failure(), None);
        training.go_on(&mut rates, &metrics, STEPS - stop);
        assert_eq!(training.trace, uninterrupted.trace, "stopped at {stop}");
    }
}
