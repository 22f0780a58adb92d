"""Long airline tasks, and a scripted agent that reads only what it is shown."""
