"""From measurements to a cost-model file."""
