"""The bundled trainer: SFT and GRPO with rsLoRA on token-level episodes, and the closed loop.

Its own loop on torch, peft and transformers. Modules are imported by name; this one is empty, so that what
needs no torch runs without it.
"""
