//! Folds and seeds are repetitions, and the results of a search are no curves.

use lodecast_import::ImportOptions;

use crate::cases::{Imported, lines, of_files, points};

fn of_table(text: &str) -> Imported {
    of_files(&[("a.csv", text)], &ImportOptions::default()).expect("usable")
}

fn refusal(text: &str) -> String {
    of_files(&[("a.csv", text)], &ImportOptions::default()).err().map(|error| error.to_string()).expect("refused")
}

/// Rows of four epochs for each of `owners`, one owner after the other or in turn.
fn rows(owners: &[&str], in_turn: bool) -> String {
    let row =
        |owner: usize, epoch: usize| format!("{},{epoch},{}.{owner},0.1,0.{epoch}{owner}\n", owners[owner], 4 - epoch);
    let pairs = (0..owners.len()).flat_map(|owner| (0..4).map(move |epoch| (owner, epoch)));
    let mut pairs: Vec<(usize, usize)> = pairs.collect();
    if in_turn {
        pairs.sort_by_key(|&(_, epoch)| epoch);
    }
    pairs.into_iter().map(|(owner, epoch)| row(owner, epoch)).collect()
}

#[test]
fn folds_are_told_apart_and_are_no_configurations() {
    for column in ["fold", "k_fold", "Fold_Idx"] {
        for in_turn in [false, true] {
            let table = format!("{column},epoch,train_loss,lr,val_acc\n{}", rows(&["0", "1", "2"], in_turn));
            let found = of_table(&table);
            assert_eq!(found.ids(), [0, 1, 2].map(|fold| format!("a {column} {fold}")));
            assert!(found.settings().is_empty(), "{:?}", found.settings());
            assert!(found.report.circumstances.contains(column));
        }
    }
    let found = of_table(&format!("fold,epoch,train_loss,lr,val_acc\n{}", rows(&["0", "1"], false)));
    assert!(found.notes().contains("2 runs, 'a fold 0' for one, are folds of a cross-validation"), "{}", found.notes());
}

#[test]
fn folds_of_named_runs_and_of_seeds_are_told_apart() {
    let owners = ["x,0", "x,1", "y,0", "y,1"];
    for in_turn in [false, true] {
        let found = of_table(&format!("run_id,fold,epoch,train_loss,lr,val_acc\n{}", rows(&owners, in_turn)));
        assert_eq!(found.ids(), ["x fold 0", "x fold 1", "y fold 0", "y fold 1"]);
        let run = found.run("y fold 1");
        assert_eq!(points(run, run.train_loss()), [(0, 4.3), (1, 3.3), (2, 2.3), (3, 1.3)]);
        let found = of_table(&format!(
            "seed,fold,epoch,train_loss,lr,val_acc\n{}",
            rows(&owners, in_turn).replace('x', "1").replace('y', "2")
        ));
        assert_eq!(found.ids(), ["a seed 1 fold 0", "a seed 1 fold 1", "a seed 2 fold 0", "a seed 2 fold 1"]);
        assert_eq!(found.run("a seed 2 fold 0").attributes.seed, Some(2));
    }
    // Runs of one seed each keep their names.
    let found = of_table(&format!("run_id,seed,epoch,train_loss,lr,val_acc\n{}", rows(&["x,0", "y,1"], false)));
    assert_eq!(found.ids(), ["x", "y"]);
    // A split with a number is one of several, a phase is none.
    let said = refusal(&format!("split,epoch,train_loss,lr,val_acc\n{}", rows(&["0", "1", "2"], false)));
    assert!(said.contains("each time with another 'split'") && said.contains("--run split"), "{said}");
}

#[test]
fn folds_in_folders_are_named() {
    let table = |fold: u64| format!("step,train_loss,lr,val_acc\n1,2.{fold},0.1,0.1\n2,1.{fold},0.1,0.2\n");
    let names = [0, 1, 2].map(|fold| format!("fold_{fold}/metrics.csv"));
    let tables = [0, 1, 2].map(table);
    let files: Vec<(&str, &str)> =
        names.iter().zip(&tables).map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let found = of_files(&files, &ImportOptions::default()).expect("usable");
    assert_eq!(found.ids().len(), 3);
    assert!(found.notes().contains("3 runs, 'fold_0/metrics' for one, are folds"), "{}", found.notes());
}

#[test]
fn columns_of_folds_are_spoken_of() {
    let rows = lines(0..4, |epoch| format!("{epoch},0.1,{}.5,0.{epoch},{}.4,0.{epoch}1\n", 5 - epoch, 5 - epoch));
    let said = refusal(&format!("epoch,lr,fold_0_train_loss,fold_0_val_acc,fold_1_train_loss,fold_1_val_acc\n{rows}"));
    assert!(said.contains("one fold's with --loss fold_0_train_loss"), "{said}");
    let rows = lines(0..4, |epoch| format!("{epoch},0.1,{}.5,0.{epoch},0.{epoch}1\n", 5 - epoch));
    let found = of_table(&format!("epoch,lr,train_loss,val_acc_fold0,val_acc_fold1\n{rows}"));
    let said = found.said.join("\n");
    assert!(said.contains("val_acc_fold0, val_acc_fold1 are of the folds of a cross-validation"), "{said}");
}

#[test]
fn the_ends_of_runs_are_no_curves() {
    for table in [
        // One row a trial, as Ray's and Optuna's tables of results are.
        "trial_id,lr,batch_size,val_acc,train_loss,training_iteration\na,0.1,32,0.5,1.0,20\nb,0.01,64,0.6,0.9,20\nc,1,32,0.1,2.0,5\n",
        "lr,width,val_acc,train_loss,epochs\n0.1,32,0.5,1.0,20\n0.01,32,0.6,0.9,20\n1,64,0.1,2.0,20\n",
        ",val_acc,train_loss,training_iteration,config/lr,logdir\n0,0.5,1.0,20,0.1,/tmp/a\n1,0.6,0.9,20,0.01,/tmp/b\n2,0.1,2.0,20,1,/tmp/c\n",
        "Name,State,lr,train_loss,val_acc,_step\nr0,finished,0.1,1.0,0.5,999\nr1,finished,0.1,0.9,0.6,999\nr2,finished,0.1,2.0,0.1,999\n",
        "seed,step,train_loss,lr,val_acc\n0,100,1.0,0.1,0.5\n1,100,0.9,0.1,0.6\n2,100,0.8,0.1,0.7\n",
    ] {
        let said = refusal(table);
        assert!(said.contains("no curves to learn from"), "{said}");
    }
    // What Optuna writes of a study has no steps at all.
    let said = refusal(
        "number,value,datetime_start,params_lr,state\n0,0.5,2026-01-01,0.1,COMPLETE\n1,0.6,2026-01-01,0.2,COMPLETE\n",
    );
    assert!(said.contains("the results of a search"), "{said}");
    // A run that was logged with its last step only is still one.
    let found = of_table("step,train_loss,lr,val_acc\n7,3,0.1,0.1\n7,2,0.1,0.2\n7,1,0.1,0.3\n");
    assert_eq!(points(found.run("a"), found.run("a").train_loss()), [(0, 3.0), (1, 2.0), (2, 1.0)]);
}
