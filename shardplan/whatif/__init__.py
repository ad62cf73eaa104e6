"""What a plan would be if something were otherwise: one choice forced, an old plan kept near."""
