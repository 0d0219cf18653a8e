"""From a template folder and values to a checked compose document. Pure: no client, no clock, no log."""
