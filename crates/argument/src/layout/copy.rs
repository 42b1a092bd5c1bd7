//! Layers that only move values: constant borders, repetition; rearrangement has a module of its own.

use pleat_model::network::LayerOp;

use super::{Compiler, Factors, Home, Piece, Term, power, powers, sum_powers};
use crate::Result;
use crate::program::{Fill, Lookup};

impl Compiler<'_> {
    /// New rows with copies, compared with their sources by one identity.
    pub(super) fn copy(&mut self, l: usize) -> Result<Vec<Piece>> {
        let network = self.network;
        let layer = &network.layers[l];
        let (shape, input) = (layer.shape, layer.inputs[0]);
        let mut pieces = vec![];
        for region in self.cut(l, 0, false)? {
            let bits = region.bits() + self.group_bits;
            let block = self.block(bits, Lookup::NONE, Fill::Copy(region))?;
            let home = Home::Rows {
                block,
                column: 2,
                low_bits: 0,
            };
            pieces.push(Piece { home, region });
        }
        self.useful_rows += shape.len() as u64;
        let identity = self.next_identity();
        self.tensors.push(pieces);
        let [row, sample, channel] = self.steps(shape);
        match &layer.op {
            LayerOp::Upsample {
                factors: [down, across],
            } => {
                self.read_dense(l, shape, &Term::identity(identity, 1))?;
                let repeated = [sum_powers(row, *down), sum_powers(1, *across)];
                for piece in self.tensors[input].clone() {
                    let r = &piece.region;
                    let down = row * *down as u64;
                    let factors = Factors {
                        width: powers(*across as u64, r.width),
                        rows: powers(down, r.rows),
                        channels: powers(channel, r.channels),
                        sample,
                    };
                    let first = channel * r.c0 as u64 + down * r.h0 as u64;
                    let term = Term::identity(identity, -1)
                        .with(repeated)
                        .with([power(first)]);
                    self.read(&piece, &factors, term)?;
                }
            }
            LayerOp::Pad { pads, value } => {
                self.read_dense(l, shape, &Term::identity(identity, 1))?;
                let corner = power(row * pads[0] as u64 + pads[1] as u64);
                let shifted = Term::identity(identity, -1).with([corner]);
                let source = self.shape(input);
                for piece in self.tensors[input].clone() {
                    let (factors, first) = self.dense(shape, &piece.region);
                    let term = shifted.clone().with([power(first)]);
                    self.read(&piece, &factors, term)?;
                }
                let value = i64::from(*value);
                self.constant(l, identity, -value)?;
                if value != 0 {
                    let inside = Term::identity(identity, value).with([
                        corner,
                        sum_powers(1, source.width),
                        sum_powers(row, source.height),
                        sum_powers(channel, source.channels),
                        self.live(sample),
                    ]);
                    self.public(inside)?;
                }
            }
            LayerOp::Rearrange { index } => self.rearrange(l, input, identity, index)?,
            _ => {}
        }
        Ok(self.tensors.pop().unwrap_or_default())
    }
}
