"""TorchRec's own estimator as a cost model."""
