"""Plans sweeps and runs them: from a study's name to scores in a store."""
