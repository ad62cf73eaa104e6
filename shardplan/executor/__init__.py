"""Plans that run: under TorchRec, and under plain torch.distributed."""
