"""A problem: the vocabulary of fields and steps, and the fields that somebody gave, each checked for itself."""
