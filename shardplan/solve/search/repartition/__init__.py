"""Pairs of devices that split what they hold."""
