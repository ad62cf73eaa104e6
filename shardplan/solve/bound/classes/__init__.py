"""Equal items as classes: counted, not told apart."""
