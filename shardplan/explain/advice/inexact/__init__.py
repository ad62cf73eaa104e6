"""What changes what is learnt, and what it brings."""
