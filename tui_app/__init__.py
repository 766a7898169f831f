"""aepx: Adobe Experience Platform profile export jobs in a terminal."""

__version__ = "0.1.0"
