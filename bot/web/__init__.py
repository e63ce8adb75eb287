"""HTTP at the edge: health, metrics and the webhook."""
