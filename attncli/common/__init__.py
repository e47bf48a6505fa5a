"""Modules for all other packages: errors, labels, text, formatted numbers, files, memory, progress."""
