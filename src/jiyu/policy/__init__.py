"""Policy: the schema of a company's concepts, rules and scorecard, and how a folder is read."""
