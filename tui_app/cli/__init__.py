"""Owns the command line: click commands, one file per noun. stdout carries data, stderr what is said about it."""
