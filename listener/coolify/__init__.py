"""The only room that knows Coolify's wire: typed calls, the request budget, the shared view."""
