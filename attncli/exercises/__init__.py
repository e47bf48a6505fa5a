"""Exercises that can show mistakes: drawn by a seed, with sheet, blank answers and key; and what any problem hides.

To add a file that an exercise can be written as, write a module with a function from an `Exercise` to text and name it
in `attncli.exercises.files`.
"""
