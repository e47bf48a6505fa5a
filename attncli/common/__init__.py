"""What every other package may use: errors, labels, text, numbers as people read them, files, memory, progress."""
