//! A small transformer (Vaswani et al., 2017) over the last items of a list, beside the other inputs. Layers are
//! normalised before their parts (Xiong et al., 2020), places have learnt embeddings counted from the end.

use tch::nn::{self, Init, Module, Path};
use tch::{Kind, Tensor};

use super::dense::linear;
use super::inputs::mean_of;
use super::sequence::{BesideOthers, Ordered};
use super::{Network, Shape, counted};
use crate::chance::Chance;
use crate::encoders::Encoded;
use crate::error::TrainError;
use crate::sizes::dimension;

struct Transformer {
    ordered: Ordered,
    embed: nn::Linear,
    places: Tensor,
    layers: Vec<Layer>,
    norm: nn::LayerNorm,
    rest: BesideOthers,
}

struct Layer {
    heads: i64,
    before: nn::LayerNorm,
    mixed: nn::Linear,
    joined: nn::Linear,
    between: nn::LayerNorm,
    wide: nn::Linear,
    narrow: nn::Linear,
}

pub(super) fn build(shape: &Shape<'_>) -> Result<Box<dyn Network>, TrainError> {
    let (width, heads) = (counted(shape.call, "hidden", 64), counted(shape.call, "heads", 4));
    if width % heads != 0 {
        let message = format!("a transformer's `hidden`, {width}, must be a multiple of its `heads`, {heads}");
        return Err(TrainError::Unsupported(message));
    }
    let ordered = Ordered::build(&(&shape.path / "sequence"), shape.call, shape.encoders)?;
    let embed = linear(&(&shape.path / "embed"), ordered.width, width);
    let init = Init::Randn { mean: 0.0, stdev: 0.02 };
    let places = shape.path.var("places", &[dimension(ordered.length), dimension(width)], init);
    let layers = (0..counted(shape.call, "layers", 2))
        .map(|index| Layer::build(&(&shape.path / "layer" / index), width, heads))
        .collect();
    let norm = norm(&(&shape.path / "norm"), width);
    let rest = BesideOthers::build(shape, width);
    Ok(Box::new(Transformer { ordered, embed, places, layers, norm, rest }))
}

fn norm(path: &Path<'_>, width: usize) -> nn::LayerNorm {
    nn::layer_norm(path, vec![dimension(width)], nn::LayerNormConfig::default())
}

impl Layer {
    fn build(path: &Path<'_>, width: usize, heads: usize) -> Self {
        Layer {
            heads: dimension(heads),
            before: norm(&(path / "before"), width),
            mixed: linear(&(path / "mixed"), width, 3 * width),
            joined: linear(&(path / "joined"), width, width),
            between: norm(&(path / "between"), width),
            wide: linear(&(path / "wide"), width, 4 * width),
            narrow: linear(&(path / "narrow"), 4 * width, width),
        }
    }

    /// `absent` is added to what is attended to: a large negative number where there is no item.
    fn forward(&self, items: &Tensor, absent: &Tensor) -> Tensor {
        let (rows, length, width) = (items.size()[0], items.size()[1], items.size()[2]);
        let each = width / self.heads;
        let mixed = self.mixed.forward(&self.before.forward(items));
        let mixed = mixed.view([rows, length, 3, self.heads, each]).permute([2, 0, 3, 1, 4]);
        let (query, key, value) = (mixed.select(0, 0), mixed.select(0, 1), mixed.select(0, 2));
        #[expect(clippy::cast_precision_loss, reason = "widths are small")]
        let scale = 1.0 / (each as f64).sqrt();
        let scores = query.matmul(&key.transpose(-2, -1)) * scale + absent;
        let found = scores.softmax(-1, scores.kind()).matmul(&value);
        let found = found.transpose(1, 2).contiguous().view([rows, length, width]);
        let items = items + self.joined.forward(&found);
        let wide = self.wide.forward(&self.between.forward(&items)).gelu("none");
        &items + self.narrow.forward(&wide)
    }
}

impl Network for Transformer {
    fn forward(&self, rows: &Encoded, _chance: &mut Chance) -> Result<Tensor, TrainError> {
        let (items, present) = self.ordered.forward(rows);
        let kind: Kind = items.kind();
        let mut items = self.embed.forward(&items) + &self.places;
        let absent = present.logical_not().to_kind(kind) * -1e4;
        let absent = absent.unsqueeze(1).unsqueeze(1);
        for layer in &self.layers {
            items = layer.forward(&items, &absent);
        }
        Ok(self.rest.forward(mean_of(&self.norm.forward(&items), &present), rows))
    }
}
