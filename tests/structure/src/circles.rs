//! Circles in a graph of files: sets of which each file is reached from each other one.

use std::collections::BTreeSet;

use crate::tree::Arrow;

/// The circles among files `0..count`, each with its files in rising order (Kosaraju's algorithm,
/// by two passes over the graph and over its reverse).
pub fn circles(count: usize, arrows: &BTreeSet<Arrow>) -> Vec<Vec<usize>> {
    let mut forward = vec![Vec::new(); count];
    let mut backward = vec![Vec::new(); count];
    for arrow in arrows {
        forward[arrow.from].push(arrow.to);
        backward[arrow.to].push(arrow.from);
    }
    let mut order = Vec::with_capacity(count);
    let mut seen = vec![false; count];
    for file in 0..count {
        visit(file, &forward, &mut seen, &mut order);
    }
    let mut seen = vec![false; count];
    let mut found = Vec::new();
    for file in order.into_iter().rev() {
        let mut members = Vec::new();
        visit(file, &backward, &mut seen, &mut members);
        if members.len() > 1 {
            members.sort_unstable();
            found.push(members);
        }
    }
    found.sort();
    found
}

/// Appends what is reached from `file` and was not seen before, in post-order.
fn visit(file: usize, edges: &[Vec<usize>], seen: &mut [bool], order: &mut Vec<usize>) {
    if std::mem::replace(&mut seen[file], true) {
        return;
    }
    let mut stack = vec![(file, 0)];
    while let Some((file, next)) = stack.pop() {
        match edges[file].get(next) {
            Some(&target) => {
                stack.push((file, next + 1));
                if !std::mem::replace(&mut seen[target], true) {
                    stack.push((target, 0));
                }
            }
            None => order.push(file),
        }
    }
}
