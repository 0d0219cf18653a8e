"""The data model as data: collections, fields, rules, indexes and seeds."""
