"""What was measured of a job, laid over what the figures of a profile say."""
