"""Bots to compare with, each a program of its own: PROGRAM ADDRESS FOLDER. None of them imports the bench."""
