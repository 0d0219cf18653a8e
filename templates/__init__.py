"""Templates as data: one folder each, with `template.yaml` and `compose.yaml.j2`."""
