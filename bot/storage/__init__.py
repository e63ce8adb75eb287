"""What is kept: tables, one store per table, the unit of work and its migrations."""
