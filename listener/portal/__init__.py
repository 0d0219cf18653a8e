"""The bridge for the existing portal: the old provisioner's calls, answered from records (off by default).

It has no rights of its own over stacks: the caller's token goes on to PocketBase with every read and write,
is proven alive before, and is neither kept nor logged. The only effect it can have is to write a record; the
listener does the rest as for any other edit. Two things are lent by the listener, both read-only: the
ledger's row of a record that the caller may read, and Coolify's logs of that row's service.

The bridge is for a transition: `pb_schema/PORTAL.md` says which change to the portal makes it unnecessary.
"""
