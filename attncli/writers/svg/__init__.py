"""SVG: pictures as single files, without fonts, scripts or links."""
