"""Plans of what a solve found: predicted, held against what was claimed, and written down."""
