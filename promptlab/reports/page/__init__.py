"""The page of the HTML report: template, style and script."""
