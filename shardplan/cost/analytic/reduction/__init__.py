"""What it takes to sum the gradients of data-parallel tables."""
