"""Tables and figures as files: Markdown, CSV, LaTeX, PNG and SVG."""
