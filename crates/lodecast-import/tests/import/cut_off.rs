//! Files whose last line lacks its end: whole, or cut off in the midst of a number.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use lodecast_import::ImportOptions;

use crate::cases::{Imported, of_files, points};

fn of(name: &str, text: &str) -> Imported {
    of_files(&[(name, text)], &ImportOptions::default()).expect("usable")
}

fn table(rows: usize) -> String {
    let row = |step: usize| format!("{step},{:.4},0.1,{:.4}\n", 2.0 - step as f64 / 100.0, 0.5 + step as f64 / 300.0);
    "step,train_loss,lr,val_acc\n".to_owned() + &(0..rows).map(row).collect::<String>()
}

#[test]
fn a_value_that_is_cut_off_is_left_out_and_named() {
    let whole = table(20);
    for cut in 1..=whole.len() - whole[..whole.len() - 1].rfind(',').expect("columns") {
        let text = &whole[..whole.len() - cut];
        let found = of("a.csv", text);
        let run = found.run("a");
        let reached = points(run, run.validation(0)).last().copied().expect("values");
        let (last, is_named) = ((19, 0.5633), found.notes().contains("the last line (21) is cut off"));
        // One digit less of four changes little; any more and the value would be another.
        assert!(is_named || (reached.0 == last.0 && (reached.1 - last.1).abs() < 1e-3), "{text:?}: {reached:?}");
        assert_eq!(is_named, cut > 2, "{cut}");
    }
}

#[test]
fn a_whole_last_line_without_an_end_is_kept() {
    for text in ["step,train_loss,lr,val_acc\n0,2,0.1,0.625\n1,1.5,0.1,0.75\n2,1.25,0.1,0.8", table(20).trim_end()] {
        let found = of("a.csv", text);
        assert!(!found.notes().contains("cut off: left out"), "{}", found.notes());
        assert_eq!(found.run("a").len(), text.lines().count() - 1);
    }
    let found = of("a.csv", "step,train_loss,lr,val_acc\n0,2,0.1,0.625\n1,1.5,0.1,0.75\n2,1.25,0.1,0.8");
    assert!(found.notes().contains("should '0.8' be cut off"), "{}", found.notes());
}

#[test]
fn a_step_that_is_cut_off_is_no_restart() {
    let row = |row: u32| format!("{},0.1,0.{row:02},{}\n", 3.0 / f64::from(row), row * 100);
    let text = "train_loss,lr,val_acc,step\n".to_owned() + &(1..=12).map(row).collect::<String>();
    let found = of("a.csv", &text[..text.len() - 3]);
    assert_eq!(found.run("a").steps().last(), Some(&1100));
    assert!(!found.notes().contains("restart") && found.notes().contains("cut off"), "{}", found.notes());
}

#[test]
fn a_packed_file_that_ends_early_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(table(3000).as_bytes()).expect("packed");
    let packed = packed.finish().expect("packed");
    for (kept, is_cut) in [(packed.len(), false), (packed.len() * 2 / 3, true)] {
        std::fs::write(folder.path().join("a.csv.gz"), &packed[..kept]).expect("written");
        let found = crate::cases::imported_as(None, folder.path(), &ImportOptions::default()).expect("usable");
        assert_eq!(found.notes().contains("ends within its packing"), is_cut, "{}", found.notes());
    }
}

#[test]
fn a_log_whose_last_line_has_no_end_says_so() {
    let line = |step: u32| format!("step:{step}/5 train_loss:{}.5 lr:0.1 val_loss:{}.5\n", 9 - step, 8 - step);
    let text: String = (0..5).map(line).collect();
    let found = of("a.log", &text[..text.len() - 2]);
    assert_eq!(found.run("a").len(), 4);
    assert!(found.notes().contains("its last line has no end"), "{}", found.notes());
}
