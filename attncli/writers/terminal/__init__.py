"""What a terminal shows; the same lines are drawn as SVG."""
