//! Times one text workload with one library in this process and prints one JSON line, as
//! ../measure.mjs does for the npm packages:
//!   native-peers LIBRARY WORKLOAD INPUTS
//! Workloads are those of ../workloads.mjs that all text libraries have; anything else is
//! answered with "unsupported". CONVERGE_BENCH_BUDGET_MS bounds the repetitions.

mod libraries;

use libraries::{AutomergeText, DiamondText, Library, LoroText, YrsText};
use std::time::{Duration, Instant};

/// One edit: position in code points, how many to erase, what to insert.
pub type Edit = (usize, usize, String);

struct Trace {
    transactions: Vec<Vec<Edit>>,
    end: String,
}

fn read_trace(folder: &str, name: &str) -> Trace {
    let lines = std::fs::read_to_string(format!("{folder}/{name}.edits")).expect("the trace");
    let transactions = lines
        .lines()
        .map(|line| {
            let patches: Vec<(usize, usize, String)> = serde_json::from_str(line).expect("a line");
            patches
        })
        .collect();
    let end = std::fs::read_to_string(format!("{folder}/{name}.txt")).expect("the text");
    Trace { transactions, end }
}

/// Runs until the budget is used: the first call is cold, the median is of the others.
struct Figures {
    cold_ms: f64,
    ms: f64,
    max_ms: f64,
    runs: usize,
}

fn measure<I, O>(mut fresh: impl FnMut() -> I, mut run: impl FnMut(I) -> O) -> Figures {
    let budget = std::env::var("CONVERGE_BENCH_BUDGET_MS").ok().and_then(|v| v.parse().ok()).unwrap_or(4000);
    let started = Instant::now();
    let mut times = Vec::new();
    while times.len() < 2 || (started.elapsed() < Duration::from_millis(budget) && times.len() < 30) {
        let input = fresh();
        let before = Instant::now();
        let outcome = run(input);
        times.push(before.elapsed().as_secs_f64() * 1e3);
        drop(outcome);
    }
    let cold_ms = times.remove(0);
    times.sort_by(|a, b| a.partial_cmp(b).expect("times compare"));
    Figures { cold_ms, ms: times[times.len() / 2], max_ms: times[times.len() - 1], runs: times.len() }
}

fn replay<L: Library>(transactions: &[Vec<Edit>], each: bool) -> L {
    let mut replica = L::new(1);
    for edits in transactions {
        for edit in edits {
            replica.edit(edit);
        }
        if each {
            replica.commit();
        }
    }
    replica.commit();
    replica
}

fn workload<L: Library>(name: &str, folder: &str) -> Option<(Figures, Option<usize>)> {
    let parts: Vec<&str> = name.split('/').collect();
    let (&kind, trace) = (parts.first()?, read_trace(folder, parts.get(1)?));
    let rest = parts.get(2).copied().unwrap_or("");
    match (kind, rest) {
        ("local", "change_each" | "one_change") => {
            let each = rest == "change_each";
            let figures = measure(|| (), |()| {
                let replica: L = replay(&trace.transactions, each);
                assert_eq!(replica.text().len(), trace.end.len());
                replica
            });
            Some((figures, None))
        }
        ("load", "verified" | "from_store_and_edit") => {
            let bytes = replay::<L>(&trace.transactions, true).save();
            let edited = rest == "from_store_and_edit";
            let figures = measure(|| (), |()| {
                let mut replica = L::load(&bytes);
                assert_eq!(replica.text().len(), trace.end.len());
                if edited {
                    replica.edit(&(0, 0, "x".to_string()));
                    replica.commit();
                    assert_eq!(replica.text().len(), trace.end.len() + 1);
                }
                replica
            });
            Some((figures, Some(bytes.len())))
        }
        ("save", "after_edit") => {
            let replica = std::cell::RefCell::new(replay::<L>(&trace.transactions, true));
            let mut size = 0;
            let figures = measure(
                || {
                    replica.borrow_mut().edit(&(0, 0, "x".to_string()));
                    replica.borrow_mut().commit();
                },
                |()| {
                    size = replica.borrow_mut().save().len();
                },
            );
            Some((figures, Some(size)))
        }
        ("merge", "") => {
            let updates = L::updates(&trace.transactions)?;
            let figures = measure(
                || (),
                |()| {
                    let replica = L::merged(&updates);
                    assert_eq!(replica.text().len(), trace.end.len());
                    replica
                },
            );
            Some((figures, None))
        }
        _ => None,
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, library, name, folder] = &arguments[..] else {
        eprintln!("native-peers LIBRARY WORKLOAD INPUTS");
        std::process::exit(2);
    };
    let text = ["local/", "load/", "save/", "merge/"].iter().any(|kind| name.starts_with(kind));
    let result = if !text {
        None
    } else {
        match library.as_str() {
            "automerge" => workload::<AutomergeText>(name, folder),
            "diamond-types" => workload::<DiamondText>(name, folder),
            "yrs" => workload::<YrsText>(name, folder),
            "loro" => workload::<LoroText>(name, folder),
            other => panic!("no library is called {other}"),
        }
    };
    let head = format!("\"library\":\"{library}-native\",\"version\":\"{}\",\"workload\":\"{name}\"", libraries::version(library));
    match result {
        None => println!("{{{head},\"unsupported\":true}}"),
        Some((figures, bytes)) => {
            let size = bytes.map(|b| format!(",\"bytes\":{b}")).unwrap_or_default();
            println!(
                "{{{head},\"cold_ms\":{},\"ms\":{},\"max_ms\":{},\"runs\":{}{size}}}",
                figures.cold_ms, figures.ms, figures.max_ms, figures.runs
            );
        }
    }
}
