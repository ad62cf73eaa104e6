"""The ways to store and lay each table, and what each costs."""
