"""What a spec says of serving."""
