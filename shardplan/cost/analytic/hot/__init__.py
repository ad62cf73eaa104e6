"""Hot rows that every device holds beside its part of the others."""
