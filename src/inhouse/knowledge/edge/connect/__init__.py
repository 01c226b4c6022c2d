"""Where documents are fetched from: one file for each kind of source."""
