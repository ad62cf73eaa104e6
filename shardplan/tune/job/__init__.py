"""Running a job under a plan."""
