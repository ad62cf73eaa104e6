"""What a framework costs besides lookups, updates and collectives."""
