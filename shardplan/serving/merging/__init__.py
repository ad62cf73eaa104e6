"""Small tables made one: fewer lookups for some more bytes."""
