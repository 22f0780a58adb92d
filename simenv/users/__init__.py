"""How the seeded customer understands and replies."""
