"""The engine on ``torch.distributed`` alone."""
