"""The Textual app: the only package that draws."""
