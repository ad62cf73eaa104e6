"""The plan: what it decides, what that costs, its file, and the proof that it is right."""
