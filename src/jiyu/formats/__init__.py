"""Formats: one small reader for each form in which conversations come."""
