"""The unit file, and the daemon as a supervisor sees it. systemd does not run here: its protocol does."""
