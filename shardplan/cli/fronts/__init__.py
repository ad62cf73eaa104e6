"""How the answer of a sizing is shown: as a table, in pictures, as pages."""
