"""The central type: a trace of steps, each with the op that computed it, and explanations of their cells."""
