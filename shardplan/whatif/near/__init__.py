"""Plans that stay near an old one: how they are made, and what they say of it."""
