"""What modules do with the ids and rows of a sample."""
