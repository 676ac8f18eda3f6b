//! A short training with burn's own learner and file logger, which wrote `tests/data/burn`: `cargo run -- FOLDER`.

use std::sync::Arc;

use burn::data::dataloader::{DataLoader, DataLoaderBuilder, batcher::Batcher};
use burn::data::dataset::InMemDataset;
use burn::module::{Module, Param};
use burn::optim::{SgdConfig, lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, activation::log_softmax};
use burn::train::metric::{AccuracyMetric, IterationSpeedMetric, LearningRateMetric, LossMetric};
use burn::train::{ClassificationOutput, InferenceStep, Learner, SupervisedTraining, TrainOutput, TrainStep};

/// Inputs of a row: anything that is neither constant nor random.
const INPUTS: usize = 4;

#[derive(Module, Debug)]
struct Classifier {
    weight: Param<Tensor<2>>,
}

#[derive(Clone, Debug)]
struct Batch {
    inputs: Tensor<2>,
    targets: Tensor<1, Int>,
}

struct Rows;

impl Batcher<usize, Batch> for Rows {
    fn batch(&self, rows: Vec<usize>, device: &Device) -> Batch {
        let inputs = |&row: &usize| (0..INPUTS).map(move |column| (row * (3 + 7 * column) % 23) as f32 / 11.0 - 1.0);
        let inputs: Vec<f32> = rows.iter().flat_map(inputs).collect();
        let targets: Vec<i64> = rows.iter().map(|row| i64::from(row * 3 % 23 + row % 5 > 12)).collect();
        Batch {
            inputs: Tensor::from_data(TensorData::new(inputs, [rows.len(), INPUTS]), device),
            targets: Tensor::from_data(TensorData::new(targets, [rows.len()]), device),
        }
    }
}

impl Classifier {
    fn output(&self, batch: Batch) -> ClassificationOutput {
        let logits = batch.inputs.matmul(self.weight.val());
        let chosen = batch.targets.clone().one_hot::<2>(2).float();
        let loss = (log_softmax(logits.clone(), 1) * chosen).sum_dim(1).mean().neg();
        ClassificationOutput::new(loss, logits, batch.targets)
    }
}

impl TrainStep for Classifier {
    type Input = Batch;
    type Output = ClassificationOutput;

    fn step(&self, batch: Batch) -> TrainOutput<ClassificationOutput> {
        let output = self.output(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Classifier {
    type Input = Batch;
    type Output = ClassificationOutput;

    fn step(&self, batch: Batch) -> ClassificationOutput {
        self.output(batch)
    }
}

/// Rows `0..count` in batches of eight, the last of which is smaller.
fn rows(count: usize) -> Arc<dyn DataLoader<Batch>> {
    DataLoaderBuilder::new(Rows).batch_size(8).build(InMemDataset::new((0..count).collect()))
}

fn main() {
    let folder = std::env::args().nth(1).expect("usage: burn-logs FOLDER");
    let device = Device::flex().autodiff();
    let weight = Tensor::from_data(TensorData::new(vec![-0.05_f32; 2 * INPUTS], [INPUTS, 2]), &device);
    let model = Classifier { weight: Param::from_tensor(weight) };
    let schedule = CosineAnnealingLrSchedulerConfig::new(0.5, 18).init().expect("a schedule");
    SupervisedTraining::new(&folder, rows(46), rows(20))
        .num_epochs(3)
        .metric_train_numeric(LossMetric::new())
        .metric_valid_numeric(LossMetric::new())
        .metric_train_numeric(AccuracyMetric::new())
        .metric_valid_numeric(AccuracyMetric::new())
        .metric_train_numeric(LearningRateMetric::new())
        .metric_train(IterationSpeedMetric::new())
        .launch(Learner::new(model, SgdConfig::new().init(), schedule));
}
