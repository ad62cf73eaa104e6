"""Steps that others have measured and published, predicted and held against what they took."""
