//! One run at a time: it learns, it repeats itself bit for bit, and nothing a method does can crash it.

use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;
use std::thread;

use lodecast::{Error as EngineError, Point, Run, Schedule};
use lodecast_lab::rivals::{
    Controller, ControllerSettings, ControllerTraining, Greedy, GreedySettings, Hypergradient, HypergradientDescent,
    ScheduleFree, ScheduleFreeLearning, train_controller,
};
use lodecast_lab::tasks::{Mnist1dCnn, Mnist1dSizes};
use lodecast_lab::{Device, Error, FixedSchedule, Length, Method, OptimizerKind, Sharpness, Trainable, Training};

const LENGTH: Length = Length { epochs: 2, batch_size: 40, points_per_epoch: 10 };

fn task(train: usize) -> Mnist1dCnn {
    let sizes = Mnist1dSizes { train, validation: 200, test: 200, ..Mnist1dSizes::default() };
    Mnist1dCnn::new(sizes, &Device::flex()).unwrap()
}

fn training(optimizer: OptimizerKind, seed: u64) -> Training<'static> {
    Training { id: "run", optimizer, seed, length: LENGTH, sharpness: None, cancel: None }
}

fn fixed(schedule: Schedule) -> FixedSchedule {
    FixedSchedule::new(schedule, LENGTH.total_steps(400)).unwrap()
}

fn curves(task: &dyn Trainable, optimizer: OptimizerKind, schedule: Schedule, seed: u64) -> Run {
    task.train(&training(optimizer, seed), &mut fixed(schedule)).unwrap().run
}

#[test]
fn a_small_network_learns_with_every_optimizer() {
    let task = task(1000);
    let length = Length { epochs: 8, batch_size: 50, points_per_epoch: 2 };
    for (optimizer, peak) in [(OptimizerKind::Sgd, 0.1), (OptimizerKind::Adam, 0.01), (OptimizerKind::AdamW, 0.01)] {
        let training = Training { length, ..training(optimizer, 1) };
        let mut method = FixedSchedule::new(Schedule::one_cycle(peak), length.total_steps(1000)).unwrap();
        let record = task.train(&training, &mut method).unwrap();
        assert!(record.test_metric > 0.4, "{optimizer}: {}", record.test_metric);
        let loss = record.run.train_loss();
        assert!(loss[15].unwrap() < 0.7 * loss[0].unwrap(), "{optimizer}: {loss:?}");
        assert!((0.3..1.0).contains(&record.run.final_validation(0).unwrap()), "{optimizer}");
    }
}

#[test]
fn the_record_says_what_was_run() {
    let record = task(400).train(&training(OptimizerKind::AdamW, 9), &mut fixed(Schedule::cosine(1e-3))).unwrap();
    let attributes = &record.run.attributes;
    assert_eq!(attributes.schedule.as_deref(), Some("cosine"));
    assert_eq!((attributes.peak_lr, attributes.seed, attributes.total_steps), (Some(1e-3), Some(9), Some(20)));
    assert_eq!(attributes.optimizer.as_deref(), Some("adamw"));
    assert_eq!(attributes.source.as_deref(), Some("lab mnist1d-cnn"));
    assert_eq!(record.run.steps(), (1..=20).collect::<Vec<u64>>());
    // The rate of a point is the one of the step that led to it.
    assert_eq!(record.run.learning_rate()[0], Some(1e-3));
    assert_eq!(record.run.learning_rate()[19], Some(Schedule::cosine(1e-3).at_step(19, 20)));
    assert!(record.scheduler_seconds > 0.0 && record.scheduler_seconds < record.wall_seconds);
    assert!(record.notes.is_empty());
}

#[test]
fn equal_seeds_give_equal_bits_also_with_other_runs_in_flight() {
    let task = task(400);
    let alone = curves(&task, OptimizerKind::AdamW, Schedule::one_cycle(0.02), 1);
    let together: Vec<Run> = thread::scope(|scope| {
        let task = &task;
        let runs: Vec<_> = [1, 2, 1, 3]
            .map(|seed| scope.spawn(move || curves(task, OptimizerKind::AdamW, Schedule::one_cycle(0.02), seed)))
            .into_iter()
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(together[0], alone);
    assert_eq!(together[2], alone);
    assert_ne!(together[1].train_loss(), alone.train_loss());
    assert_ne!(together[1].train_loss(), together[3].train_loss());
}

#[test]
fn equal_seeds_share_weights_and_data_order_whatever_the_method_and_optimizer() {
    let task = task(400);
    // With a vanishing rate the weights stay, so each loss shows the first weights on that step's examples.
    let still = Schedule::constant(1e-30);
    let sgd = curves(&task, OptimizerKind::Sgd, still.clone(), 4);
    assert_eq!(sgd.train_loss(), curves(&task, OptimizerKind::Adam, still.clone(), 4).train_loss());
    assert_ne!(sgd.train_loss(), curves(&task, OptimizerKind::Sgd, still, 5).train_loss());
    let moving = curves(&task, OptimizerKind::Sgd, Schedule::cosine(0.1), 4);
    assert_eq!(sgd.train_loss()[0], moving.train_loss()[0]);
    assert_ne!(sgd.train_loss()[1], moving.train_loss()[1]);
}

#[test]
fn a_diverging_run_keeps_its_last_point_and_ends() {
    let record = task(400).train(&training(OptimizerKind::Sgd, 1), &mut fixed(Schedule::constant(1e9))).unwrap();
    let step = record.diverged_at.unwrap();
    assert!(step < 20);
    assert_eq!(record.run.steps().last(), Some(&step));
    assert!(!record.run.train_loss().last().unwrap().unwrap().is_finite());
    assert_eq!(record.run.diverged_at(0), Some(record.run.len() - 1));
    assert!((0.0..0.3).contains(&record.test_metric), "a broken network is no better than chance");
}

/// Gives the rates it is told to, and fails at every point.
struct Faulty(fn(u64) -> f64);

impl Method for Faulty {
    fn name(&self) -> String {
        "faulty".to_owned()
    }

    fn learning_rate(&mut self, step: u64) -> f64 {
        self.0(step)
    }

    fn observe(&mut self, _point: &Point) -> lodecast::Result<()> {
        Err(EngineError::Interrupted)
    }
}

#[test]
fn a_failing_method_is_noted_and_the_training_goes_on() {
    let task = task(400);
    let mut faulty = Faulty(|step| if step < 5 { 0.01 } else { f64::NAN });
    let record = task.train(&training(OptimizerKind::Adam, 1), &mut faulty).unwrap();
    assert_eq!(record.run.len(), 20);
    assert!(record.run.learning_rate().iter().all(|&rate| rate == Some(0.01)));
    assert!(record.notes.iter().any(|note| note.message == "interrupted" && note.step == 1), "{:?}", record.notes);
    assert!(
        record.notes.iter().any(|note| note.step == 5 && note.message.contains("0.01 stays in force")),
        "{:?}",
        record.notes
    );
    assert_eq!(record.run.attributes.schedule.as_deref(), Some("faulty"));
}

#[test]
fn impossible_requests_are_typed_errors() {
    let task = task(400);
    let error = task.train(&training(OptimizerKind::Adam, 1), &mut Faulty(|_| -1.0)).unwrap_err();
    assert!(matches!(error, Error::LearningRate { step: 0, value: -1.0, .. }), "{error}");

    for (name, length) in [
        ("epochs", Length { epochs: 0, ..LENGTH }),
        ("batch_size", Length { batch_size: 401, ..LENGTH }),
        ("batch_size", Length { batch_size: 0, ..LENGTH }),
        ("points_per_epoch", Length { points_per_epoch: 11, ..LENGTH }),
    ] {
        let training = Training { length, ..training(OptimizerKind::Adam, 1) };
        let error = task.train(&training, &mut fixed(Schedule::constant(0.1))).unwrap_err();
        assert!(error.to_string().starts_with(name), "{error}");
    }

    let cancel = AtomicBool::new(true);
    let training = Training { cancel: Some(&cancel), ..training(OptimizerKind::Adam, 1) };
    let error = task.train(&training, &mut fixed(Schedule::constant(0.1))).unwrap_err();
    assert!(matches!(error, Error::Cancelled { .. }), "{error}");

    assert!(FixedSchedule::new(Schedule::constant(f64::NAN), 10).is_err());
    let error = lodecast_lab::tasks::open("mnist", &lodecast_lab::TaskSettings::default()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "no task 'mnist'; choose one of mnist1d-cnn, fashion-mnist-cnn, fashion-mnist-resnet18, cifar100-resnet18, imagenet-resnet34, character-transformer, text-transformer"
    );
}

#[test]
fn methods_with_rules_of_their_own_learn_and_say_what_they_did() {
    let task = task(1000);
    let length = Length { epochs: 6, batch_size: 50, points_per_epoch: 2 };
    let total = length.total_steps(1000);
    let train = |method: &mut dyn Method, optimizer: OptimizerKind| {
        let sharpness = Some(Sharpness { examples: 100, iterations: 3, eigenvalues: 2 });
        let training = Training { length, sharpness, ..training(optimizer, 1) };
        let record = task.train(&training, method).unwrap();
        assert!(record.notes.is_empty() && record.sharpness.len() == 2, "{:?}", record.notes);
        assert!(record.sharpness[0] > record.sharpness[1] && record.sharpness_seconds > 0.0);
        record
    };
    let mut method = HypergradientDescent::new(0.02, Hypergradient::SGD);
    let record = train(&mut method, OptimizerKind::Adam);
    assert_eq!(record.run.attributes.optimizer.as_deref(), Some("sgd-hd"), "the rule is the method's own");
    let rates: Vec<f64> = record.run.learning_rate().iter().map(|rate| rate.unwrap()).collect();
    assert!(rates[0] != rates[5] && rates.iter().all(|&rate| rate >= 0.0), "the rate moves: {rates:?}");
    // Twice what chance gives.
    assert!(record.test_metric > 0.2, "{}", record.test_metric);

    let mut method = ScheduleFreeLearning::new(0.01, total, ScheduleFree::ADAMW);
    let record = train(&mut method, OptimizerKind::AdamW);
    assert_eq!(record.run.attributes.optimizer.as_deref(), Some("schedule-free-adamw"));
    assert!(record.test_metric > 0.35, "{}", record.test_metric);
    let mut method = ScheduleFreeLearning::new(0.5, total, ScheduleFree::SGD);
    assert!(train(&mut method, OptimizerKind::Sgd).test_metric > 0.3);

    let mut method = Greedy::new(0.02, GreedySettings { patience: 2, ..GreedySettings::starting_at(0.02) });
    let record = train(&mut method, OptimizerKind::Sgd);
    let rates = record.run.learning_rate();
    assert!(rates[11].unwrap() > rates[0].unwrap(), "the loss fell, so the rate rose: {rates:?}");
}

#[test]
fn a_controller_is_trained_on_runs_of_its_own_seeds() {
    let task = task(400);
    let settings = ControllerSettings { rounds: 2, episodes: 2, first_seed: 5000 };
    let (cancel, done) = (AtomicBool::new(false), std::cell::Cell::new(0));
    let training = ControllerTraining { optimizer: OptimizerKind::Sgd, length: LENGTH, rate: 0.02, settings };
    let train = |jobs| {
        train_controller(&task, &training, NonZeroUsize::new(jobs).unwrap(), &cancel, &|runs| done.set(runs)).unwrap()
    };
    let controller = train(1);
    assert_eq!((done.get(), settings.seeds(), controller.returns.len()), (4, 5000..5004, 2));
    assert!(controller.seconds > 0.0);
    let written = serde_json::to_string(&controller).unwrap();
    assert_eq!(serde_json::from_str::<Controller>(&written).unwrap(), controller);
    let mut again = train(2);
    again.seconds = controller.seconds;
    assert_eq!(again, controller, "equal seeds give equal bits, however many runs go at a time");
    cancel.store(true, std::sync::atomic::Ordering::Relaxed);
    let error = train_controller(&task, &training, NonZeroUsize::MIN, &cancel, &|_| ()).unwrap_err();
    assert!(matches!(error, Error::Cancelled { .. }), "{error}");
}
