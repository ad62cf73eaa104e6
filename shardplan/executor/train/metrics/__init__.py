"""What steps take while a job trains, beside what was predicted."""
