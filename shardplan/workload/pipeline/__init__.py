"""Training pipelines: what of a step runs beside what, and what is on a device meanwhile."""
