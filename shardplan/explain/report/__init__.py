"""Numbers -> titles and grids."""
