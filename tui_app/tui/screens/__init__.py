"""The screens, one file a place, each with its style sheet beside it."""
