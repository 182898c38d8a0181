"""Text: folding scripts into one, and the edges of clauses and words."""
