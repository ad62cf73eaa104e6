"""What a step is worth: time and cost of a training, each term as it was stated."""
