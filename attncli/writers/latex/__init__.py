"""LaTeX: documents that `pdflatex` compiles as they stand, with amsmath and geometry alone."""
