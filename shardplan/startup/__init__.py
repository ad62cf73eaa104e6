"""Whether the job that this process is part of is the one that a plan is for."""
