"""What is worth waking a person for: raised once, cleared once, kept in `stack_alerts`."""
