"""Trades that use the rooms below: each folder one trade. Knows neither queues nor SQL."""
