"""Outputs of kernels: the bound of a number format, faults, and the conventions of other implementations."""
