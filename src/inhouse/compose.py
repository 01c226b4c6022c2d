"""Builds the real objects and joins them; decides nothing."""
