"""Queue, worker, sweep, lease, signals. Knows keys and plans, never tenants or stacks."""
