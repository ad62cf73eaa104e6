"""The machines: devices, memory tiers and links, and what a collective moves over them."""
