"""The command line: commands and their options, and the terminal that they write to."""
