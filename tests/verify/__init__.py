"""The packaged templates against the real programs: `make verify-templates`. Long, and only by hand."""
