//! Upper bounds on what an untrusted file may ask for.
//!
//! They are far above every network the system can prove and far below what
//! exhausts a laptop, so a hostile file fails with a sentence, not with the
//! machine's memory.

/// Values of one tensor of one sample (2^26 values are 256 MiB of `f32`).
pub const MAX_TENSOR_VALUES: usize = 1 << 26;
/// Values of all tensors of one sample together.
pub const MAX_TOTAL_VALUES: usize = 1 << 28;
/// Parameters of a network.
pub const MAX_PARAMETERS: usize = 1 << 28;
/// Multiplications, additions and comparisons of a network for one sample: four times those of VGG-16.
pub const MAX_OPERATIONS: usize = 1 << 36;
/// Magnitude of an accumulator that public multipliers alone could reach.
pub const MAX_ACCUMULATOR: i64 = 1 << 60;
/// Nodes of a network.
pub const MAX_NODES: usize = 1 << 13;
/// Rank of a tensor in a model file.
pub const MAX_RANK: usize = 8;
/// Bytes of a model file.
pub const MAX_MODEL_BYTES: u64 = 1 << 31;

/// The product of `dims`, or `None` if it exceeds [`MAX_TENSOR_VALUES`].
///
/// ```
/// assert_eq!(pleat_model::limits::values(&[2, 3, 4]), Some(24));
/// assert_eq!(pleat_model::limits::values(&[usize::MAX, 2]), None);
/// ```
pub fn values(dims: &[usize]) -> Option<usize> {
    dims.iter()
        .try_fold(1usize, |n, &d| n.checked_mul(d))
        .filter(|&n| n <= MAX_TENSOR_VALUES)
}
