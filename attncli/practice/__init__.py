"""Practice: an exercise worked step by step, each line checked as it is typed.

A session is a machine without a terminal: it takes a line and returns a `Reply`, what is to be shown. To add another
kind of session, write a class with the methods of `Practice` and start it in `attncli.cli.practice`.
"""
