"""The rank study: how many ranks an edit takes, and what the scale of an adapter does to learning."""
