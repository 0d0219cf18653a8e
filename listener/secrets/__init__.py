"""Sealing and generating secrets; nothing here talks to anyone."""
