"""What is compared: machines, how many nodes of them, in how many groups, at which batch."""
