"""A page that paints photos in a browser, and the small JSON API behind it."""
