"""Layers of checkpoints as problems: a table of model families, and its facts.

`families` is the table, `facts` and its neighbours are what an entry can say, `layer` is what a fact asks, and
`problem` makes the fields of one layer. Nothing here reads files: `attncli.readers.folder` does.
"""
