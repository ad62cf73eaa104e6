"""Whole training steps, calibrated: small plans are trained, and the step model fitted to them."""
