"""The central type: a trace of steps, each with the op that made it, and how any of its numbers is explained."""
