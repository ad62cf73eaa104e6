"""Plans run: under TorchRec, and under plain ``torch.distributed``."""
