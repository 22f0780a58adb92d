"""What worlds and articles are written with: names, places, lexicons and packs."""
