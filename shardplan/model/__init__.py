"""What of a PyTorch model is sparse, and what of that can be planned."""
