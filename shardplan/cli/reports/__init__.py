"""What commands show that is no plan's explanation."""
