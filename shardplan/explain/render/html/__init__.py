"""Reports as one HTML file: no network, no script, light and dark, readable on paper."""
