"""The processes that train, what they are asked, and what they answered."""
