"""Judge: the closed set of rule kinds, as pure functions over marked turns."""
