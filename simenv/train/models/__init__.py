"""Models, adapters, optimizers and the policy that they make up."""
