"""Stacks: observe to facts, desired (pure), decide (pure) to a plan, apply."""
