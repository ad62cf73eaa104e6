"""Models one after the other, each with the candidates that the one before it kept."""
