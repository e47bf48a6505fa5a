"""LaTeX: complete documents for `pdflatex` that need only amsmath and geometry."""
