"""Match: the phrase language, the one automaton, and mentions of concepts in folded text."""
