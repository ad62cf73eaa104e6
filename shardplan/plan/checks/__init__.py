"""What ``verify`` checks, one family of rules per file."""
