"""Exercises drawn from a seed, with worksheet, blank answers and key; and the mistakes that a problem hides.

To add a kind of file, write a module with a function from an `Exercise` to text and list it in
`attncli.exercises.files`.
"""
