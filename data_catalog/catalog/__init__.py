"""The catalog: what data sets there are, how they are fetched, checked, described to others."""
