"""What TorchRec's planner would try, walked without placing what cannot be better."""
