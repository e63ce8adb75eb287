"""How fast it is, beside its peers on the same load: `make bench`; docs/performance.md has the figures."""
