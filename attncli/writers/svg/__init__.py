"""SVG: self-contained pictures, without embedded fonts, scripts or links."""
