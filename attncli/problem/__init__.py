"""A problem: the vocabulary of fields and steps, and the fields that were given, each checked separately."""
