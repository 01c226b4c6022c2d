"""Opens and migrates a database with one writer; keeps content-addressed files. Knows no table."""
