"""What can be played: one folder per domain with its schema, policy and tools."""
