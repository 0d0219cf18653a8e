"""What a person types: parsing, printing, exit codes. No decision is made here."""
