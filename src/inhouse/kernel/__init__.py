"""Words that two or more rooms speak. Knows no vendor, no table and no HTTP."""
