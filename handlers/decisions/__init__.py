"""What was decided about stacks and from which facts, kept without secrets to be decided once more."""
