"""Pure functions of tensors: advantages, losses, KL, corrections, what is kept, the head in chunks."""
