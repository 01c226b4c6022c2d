"""What the company wrote and who may read it. Knows not which engine answers."""
