"""The fused optimizers: what they keep, and where they train."""
