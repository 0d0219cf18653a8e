"""A fleet that was there before the listener: watched, told apart, taken over one by one, never disturbed."""
