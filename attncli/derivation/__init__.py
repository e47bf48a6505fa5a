"""Attention itself: its ops, the order of its steps, and the way from a problem to a trace."""
