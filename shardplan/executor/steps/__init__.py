"""One step of training taken apart: how long each part of it takes, under many plans."""
