"""A report as text, Markdown, JSON or a page."""
