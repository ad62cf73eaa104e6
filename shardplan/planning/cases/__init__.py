"""Cases that only together are the one that was asked for."""
