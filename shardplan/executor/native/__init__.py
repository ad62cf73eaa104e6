"""The tables of a model, sharded on ``torch.distributed`` alone."""
