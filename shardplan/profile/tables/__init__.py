"""What a profile says of tables, and the files that it is written to."""
