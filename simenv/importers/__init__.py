"""How data recorded elsewhere becomes worlds and tasks."""
