//! Where boxes stand: layers from left to right by what reads what, and an order in each layer with few crossings
//! (Sugiyama, Tagawa and Toda, 1981: longest-path layers, barycentres in alternating sweeps).

use super::Drawing;

/// How often the layers are ordered anew.
const SWEEPS: usize = 8;

/// The boxes of each layer, from left to right, each from top to bottom.
pub(super) fn layers(drawing: &Drawing) -> Vec<Vec<usize>> {
    let rank = ranks(drawing);
    let depth = rank.iter().max().map_or(0, |most| most + 1);
    let mut layers: Vec<Vec<usize>> = vec![Vec::new(); depth];
    for (index, rank) in rank.iter().enumerate() {
        layers[*rank].push(index);
    }
    for sweep in 0..SWEEPS {
        order(drawing, &mut layers, sweep % 2 == 0);
    }
    layers
}

/// The longest way to each box; boxes stand after what they read.
fn ranks(drawing: &Drawing) -> Vec<usize> {
    let mut rank = vec![0; drawing.boxes.len()];
    // The graph has no circles: after as many rounds as there are boxes nothing moves any more.
    for _ in 0..drawing.boxes.len() {
        let mut moved = false;
        for (from, to) in &drawing.edges {
            if rank[*to] <= rank[*from] {
                rank[*to] = rank[*from] + 1;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    rank
}

/// Puts every box at the mean height of its neighbours on one side.
fn order(drawing: &Drawing, layers: &mut [Vec<usize>], forward: bool) {
    let mut height = vec![0.0_f64; drawing.boxes.len()];
    for layer in layers.iter() {
        place(layer, &mut height);
    }
    let count = layers.len();
    for step in 0..count {
        let index = if forward { step } else { count - 1 - step };
        let layer = &mut layers[index];
        let mut wanted: Vec<(f64, usize)> = layer
            .iter()
            .map(|each| {
                let neighbours = drawing.edges.iter().filter_map(|(from, to)| match forward {
                    true if to == each => Some(*from),
                    false if from == each => Some(*to),
                    _ => None,
                });
                let (sum, number) =
                    neighbours.fold((0.0, 0.0), |(sum, number), other| (sum + height[other], number + 1.0));
                (if number > 0.0 { sum / number } else { height[*each] }, *each)
            })
            .collect();
        wanted.sort_by(|left, right| left.0.total_cmp(&right.0));
        *layer = wanted.into_iter().map(|(_, each)| each).collect();
        place(layer, &mut height);
    }
}

/// Heights of a layer's boxes, between 0 and 1.
fn place(layer: &[usize], height: &mut [f64]) {
    #[expect(clippy::cast_precision_loss, reason = "layers are short")]
    for (position, each) in layer.iter().enumerate() {
        height[*each] = (position as f64 + 0.5) / layer.len() as f64;
    }
}
